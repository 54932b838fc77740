// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "run/run_config.h"

namespace spinfill {

// Makes RUN with its config.yaml, or checks that a resumed one was started with the same configuration: only
// train.steps and how often something is saved, validated or logged may differ (the new values are stored).
// Errors (exit 2): RUN holds a run and `resume` is false; it holds none and `resume` is true; another configuration.
void open_run_folder(const std::filesystem::path& run, const RunConfig& config, bool resume);

}  // namespace spinfill
