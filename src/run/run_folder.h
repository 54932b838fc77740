// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "run/run_config.h"
#include "run/run_inputs.h"

namespace spinfill {

// Finds out, before anything is read or made, whether a run may begin in RUN, or go on in it: then only the settings
// listed in run_folder.cpp, such as train.steps, may differ. Returns the stored configuration of a resumed run.
// Errors (exit 2): RUN holds a run and `resume` is false; it holds none and `resume` is true; other settings differ; it
// is no run but holds files that a run would write over. Exit 3: it cannot be made.
std::optional<RunConfig> check_run_folder(const std::filesystem::path& run, const RunConfig& config, bool resume);

// Exit 2 where a resumed run would read something else than it began with.
void check_run_inputs(const std::filesystem::path& run, const RunConfig& before, const RunConfig& config,
                      const RunInputs& inputs);

// Makes RUN with its config.yaml and, where they are known, inputs.json, or stores the new values of a resumed run.
void open_run_folder(const std::filesystem::path& run, const RunConfig& config, const std::optional<RunInputs>& inputs);

}  // namespace spinfill
