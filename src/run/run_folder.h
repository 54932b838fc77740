// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "run/run_config.h"
#include "run/run_inputs.h"

namespace spinfill {

// Finds out, before anything is read or made, whether a run may begin in RUN, or go on in it: then only the settings
// listed in run_folder.cpp, such as train.steps, may differ. Returns the stored configuration of a resumed run.
// Errors (exit 2): RUN holds a run and `resume` is false; it holds none and `resume` is true; other settings differ; it
// is no run but holds files that a run would write over. Exit 3: it cannot be made.
std::optional<RunConfig> check_run_folder(const std::filesystem::path& run, const RunConfig& config, bool resume);

// What of that holds for any training's folder, whatever its configuration. The first two are for a new and for a
// resumed run; `may_change` are JSON pointers to the settings that may differ.
void check_new_run_folder(const std::filesystem::path& run);
void require_run(const std::filesystem::path& run);
void require_same_settings(const Json& before, const Json& now, const std::vector<std::string>& may_change,
                           const std::filesystem::path& run);

// Exit 2 where a resumed run would read something else than it began with.
void check_run_inputs(const std::filesystem::path& run, const RunConfig& before, const RunConfig& config,
                      const RunInputs& inputs);

// Makes RUN with its config.yaml and, where they are known, inputs.json, or stores the new values of a resumed run.
void open_run_folder(const std::filesystem::path& run, const std::string& yaml, const std::optional<RunInputs>& inputs);

}  // namespace spinfill
