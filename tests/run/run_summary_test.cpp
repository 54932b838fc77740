// SPDX-License-Identifier: Apache-2.0
#include "run/run_summary.h"

#include "core/files/files.h"
#include "core/files/json.h"
#include "core/files/sha256.h"
#include "run/checkpoint_files.h"
#include "support/example_run.h"
#include "support/support.h"

namespace spinfill {
namespace {

TEST(RunSummary, ReadsRowsCheckpointsAndSamples) {
  const test::TemporaryFolder folder;
  test::write_example_run(folder / "run");
  const RunSummary run = read_run(folder / "run");
  EXPECT_EQ(run.rows, 4);
  EXPECT_TRUE(run.cut);
  EXPECT_EQ(run.last_row["step"], 20);
  EXPECT_EQ(run.last_validation["validation"]["psnr"], 25.5);
  ASSERT_NE(run.find("loss"), nullptr);
  EXPECT_EQ(run.find("loss")->points, (std::vector<std::pair<double, double>>{{10, 0.5}, {20, 0.25}}));
  EXPECT_EQ(run.find("validation psnr")->points, (std::vector<std::pair<double, double>>{{0, 20.5}, {20, 25.5}}));
  EXPECT_EQ(run.find("validation lpips"), nullptr);
  ASSERT_EQ(run.checkpoints.size(), 1u);
  EXPECT_EQ(run.checkpoints[0].problem, "");
  EXPECT_EQ(run.samples.size(), 1u);
  EXPECT_NE(run_text(run).find("checkpoint step 20"), std::string::npos);
}

TEST(RunSummary, DamagedCheckpointsAreNamed) {
  const test::TemporaryFolder folder;
  test::write_example_run(folder / "run");
  write_file_atomic(folder / "run" / "checkpoints" / "step-20" / "weights.safetensors", "changed");
  fs::create_directories(folder / "run" / "checkpoints" / "step-40");
  const RunSummary run = read_run(folder / "run");
  ASSERT_EQ(run.checkpoints.size(), 2u);
  EXPECT_NE(run.checkpoints[0].problem.find("weights.safetensors does not match"), std::string::npos);
  EXPECT_NE(run.checkpoints[1].problem.find("state.json"), std::string::npos);
  EXPECT_NE(run_text(run).find("NOT VALID"), std::string::npos);
}

TEST(RunSummary, HashesStayInsideTheirFolder) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "outside", "x");
  fs::create_directories(folder / "in");
  const auto problems = check_hashes(folder / "in", {{"../outside", sha256_hex("x")}, {"none", "00"}, {"odd", 3}});
  EXPECT_EQ(problems.size(), 3u);
  EXPECT_FALSE(check_hashes(folder / "in", Json::array()).empty());
}

TEST(RunSummary, WrongRowsAreNamedByLine) {
  const test::TemporaryFolder folder;
  test::write_example_run(folder / "run");
  for (const char* line : {"{\"loss\":1}", "[1]", "{\"step\":-1}", "{\"step\":\"x\"}", "{\"step\":1", "nonsense"}) {
    write_file_atomic(folder / "run" / "metrics.jsonl", std::string("{\"step\":1}\n") + line + "\n");
    test::expect_error(ExitCode::runtime, {"metrics.jsonl:2"}, [&] { read_run(folder / "run"); });
  }
  test::expect_error(ExitCode::usage, {"not a run"}, [&] { read_run(folder / "nowhere"); });
}

}  // namespace
}  // namespace spinfill
