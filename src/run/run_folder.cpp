// SPDX-License-Identifier: Apache-2.0
#include "run/run_folder.h"

#include <algorithm>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/files/output_folder.h"
#include "run/run_kind.h"
#include "run/run_paths.h"

namespace spinfill {
namespace {

// What may change when a run is resumed: where things lie (their content is compared: run/run_inputs.h), how they are
// computed up to rounding, what is saved and shown, and how long it trains.
const std::vector<std::string> kMayChange = {"/train/steps",
                                             "/train/checkpoint_every",
                                             "/train/keep_last",
                                             "/train/keep_every",
                                             "/train/validate_every",
                                             "/train/validation_sets",
                                             "/train/sample_grids",
                                             "/train/log_every",
                                             "/train/max_skipped_steps",
                                             "/train/max_failed_saves",
                                             "/train/join_timeout",
                                             "/train/rank_timeout",
                                             "/train/shard_optimizer",
                                             "/train/gradient_checkpointing",
                                             "/data/follow_links",
                                             "/data/loader/threads",
                                             "/data/loader/prefetch",
                                             "/data/loader/cache_mib",
                                             "/data/loader/cache_folder",
                                             "/data/loader/cache_gib",
                                             "/data/path",
                                             "/data/replay/path",
                                             "/data/identity/model",
                                             "/train/init_from",
                                             "/distill/teacher",
                                             "/model/autoencoder_from",
                                             "/train/device",
                                             "/train/threads",
                                             "/train/micro_batch_sets",
                                             "/train/channels_last",
                                             "/train/cuda_graphs",
                                             "/sampler/cache",
                                             "/evaluation/lpips/weights",
                                             "/evaluation/identity/model",
                                             "/evaluation/dists/weights",
                                             "/evaluation/st_lpips/weights",
                                             "/evaluation/batch_sets",
                                             "/train/early_stop/patience",
                                             "/train/early_stop/min_delta"};

// A run of an older version did not note what it read: there a path stands for it.
void require_same_paths(const RunConfig& before, const RunConfig& now, const std::string& run) {
  const auto compare = [&](const std::string& then, const std::string& path, const char* key) {
    if (then == path) return;
    fail_usage(
        "{}: resumed with another {} than it was started with ('{}'), and it has no inputs.json to compare them by",
        run, key, then);
  };
  compare(before.data.path, now.data.path, "data.path");
  compare(before.data.replay.path, now.data.replay.path, "data.replay.path");
  compare(before.train.init_from, now.train.init_from, "train.init_from");
}

}  // namespace

void require_same_settings(const Json& before, const Json& now, const std::vector<std::string>& may_change,
                           const fs::path& run) {
  for (const Json& change : Json::diff(before, now)) {
    const auto path = change.at("path").get<std::string>();
    if (std::find(may_change.begin(), may_change.end(), path) != may_change.end()) continue;
    std::string key = path.substr(1);
    std::replace(key.begin(), key.end(), '/', '.');
    fail_usage("{}: resumed with another {} than it was started with; start a new run for that", run.string(), key);
  }
}

void require_run(const fs::path& run) {
  check_folder_to_make(run);
  if (!is_run(run)) fail_usage("{}: there is no run to resume", run.string());
}

void check_new_run_folder(const fs::path& run) {
  check_folder_to_make(run);
  if (is_run(run))
    fail_usage("{}: holds a run already; add --resume to go on with it, or choose another folder", run.string());
  // Other files may lie there, such as a launcher's log.
  for (const fs::path& path : {run_metrics_path(run), run_samples_path(run), run_checkpoints_path(run)}) {
    if (!fs::exists(path) || (fs::is_directory(path) && fs::is_empty(path))) continue;
    fail_usage("{}: is no run (no config.yaml) but holds {}, which a run would write over: choose another folder",
               run.string(), path.filename().string());
  }
}

std::optional<RunConfig> check_run_folder(const fs::path& run, const RunConfig& config, bool resume) {
  if (!resume) {
    check_new_run_folder(run);
    return std::nullopt;
  }
  require_run(run);
  require_kind(run, RunKind::model);
  const auto before = load_config<RunConfig>(run_config_path(run));
  require_same_settings(to_json(before), to_json(config), kMayChange, run);
  return before;
}

void check_run_inputs(const fs::path& run, const RunConfig& before, const RunConfig& config, const RunInputs& inputs) {
  const std::optional<RunInputs> noted = read_run_inputs(run);
  if (noted) {
    require_same_inputs(*noted, inputs, run);
  } else {
    require_same_paths(before, config, run.string());
  }
}

void open_run_folder(const fs::path& run, const std::string& yaml, const std::optional<RunInputs>& inputs) {
  make_folder(run);
  make_folder(run_samples_path(run));
  make_folder(run_checkpoints_path(run));
  if (inputs && !fs::exists(run_inputs_path(run))) write_run_inputs(run, *inputs);
  write_file_atomic(run_config_path(run), yaml);
}

}  // namespace spinfill
