// SPDX-License-Identifier: Apache-2.0
#include "run/metrics_log.h"
#include "core/files/files.h"

#include <fstream>

#include "support/support.h"

namespace spinfill {
namespace {

TEST(MetricsLog, DropsRowsAfterTheCheckpointAndATornLine) {
  const test::TemporaryFolder run;
  const fs::path path = run / "metrics.jsonl";
  {
    MetricsLog log(path, 0);
    for (int step = 1; step <= 3; ++step) log.add({{"step", step}, {"loss", 0.5}});
  }
  std::ofstream(path, std::ios::app) << R"({"step": 4, "lo)";
  MetricsLog log(path, 2);
  log.add({{"step", 3}, {"loss", 0.25}});
  EXPECT_EQ(read_file(path), "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":0.5}\n{\"step\":3,\"loss\":0.25}\n");
}

}  // namespace
}  // namespace spinfill
