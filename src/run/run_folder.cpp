// SPDX-License-Identifier: Apache-2.0
#include "run/run_folder.h"

#include <algorithm>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "run/run_paths.h"

namespace spinfill {
namespace {

// What may change when a run is resumed: apart from train.steps, nothing that changes what a step computes.
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
                                             "/train/early_stop/patience",
                                             "/train/early_stop/min_delta"};

void require_same(const Json& before, const Json& now, const std::string& run) {
  for (const Json& change : Json::diff(before, now)) {
    const auto path = change.at("path").get<std::string>();
    if (std::find(kMayChange.begin(), kMayChange.end(), path) != kMayChange.end()) continue;
    std::string key = path.substr(1);
    std::replace(key.begin(), key.end(), '/', '.');
    fail_usage("{}: resumed with another {} than it was started with; start a new run for that", run, key);
  }
}

}  // namespace

void open_run_folder(const fs::path& run, const RunConfig& config, bool resume) {
  if (!resume && is_run(run)) {
    fail_usage("{}: holds a run already; add --resume to go on with it, or choose another folder", run.string());
  }
  if (resume) {
    if (!is_run(run)) fail_usage("{}: there is no run to resume", run.string());
    require_same(to_json(load_config<RunConfig>(run_config_path(run))), to_json(config), run.string());
  }
  make_folder(run);
  make_folder(run_samples_path(run));
  make_folder(run_checkpoints_path(run));
  write_file_atomic(run_config_path(run), to_yaml(config));
}

}  // namespace spinfill
