// SPDX-License-Identifier: Apache-2.0
#include "run/run_kind.h"

#include "core/config/stated_keys.h"
#include "core/error.h"
#include "core/files/files.h"
#include "run/run_paths.h"

namespace spinfill {

RunKind kind_of_run(const fs::path& run) {
  const fs::path config = run_config_path(run);
  // Stored configurations state every key.
  return states_key(read_file(config, 1 << 20), config.string(), "train.part") ? RunKind::autoencoder : RunKind::model;
}

void require_kind(const fs::path& run, RunKind wanted) {
  if (kind_of_run(run) == wanted) return;
  if (wanted == RunKind::model)
    fail_usage(
        "{}: is the run of an autoencoder, not of a model: spinfill train-autoencoder --resume --out {} goes on with "
        "it, "
        "and a model takes its autoencoder.safetensors as model.autoencoder_from",
        run.string(), run.string());
  fail_usage("{}: is the run of a model, not of an autoencoder: spinfill train --resume --out {} goes on with it",
             run.string(), run.string());
}

}  // namespace spinfill
