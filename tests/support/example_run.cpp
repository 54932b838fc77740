// SPDX-License-Identifier: Apache-2.0
#include "support/example_run.h"

#include "core/files/files.h"
#include "core/files/json.h"
#include "core/files/sha256.h"

namespace spinfill::test {

void write_example_run(const fs::path& run) {
  fs::create_directories(run / "samples");
  fs::create_directories(run / "checkpoints" / "step-20");
  write_file_atomic(run / "config.yaml", "name: \"<b>&\"\n");
  write_file_atomic(run / "metrics.jsonl",
                    "{\"step\":0,\"validation\":{\"psnr\":20.5,\"lpips\":null},\"images\":4}\n"
                    "{\"step\":10,\"loss\":0.5,\"learning_rate\":1e-4}\n"
                    "{\"step\":20,\"loss\":0.25,\"learning_rate\":2e-4}\n"
                    "{\"step\":20,\"validation\":{\"psnr\":25.5,\"lpips\":null}}\n"
                    "{\"step\":30,\"lo");
  write_file_atomic(run / "checkpoints" / "step-20" / "weights.safetensors", "weights");
  write_json_atomic(run / "checkpoints" / "step-20" / "state.json",
                    {{"step", 20}, {"hashes", {{"weights.safetensors", sha256_hex("weights")}}}});
  write_file_atomic(run / "samples" / "step-20.png", "Man");
}

}  // namespace spinfill::test
