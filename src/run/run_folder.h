// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "run/run_config.h"

namespace spinfill {

// What can be told of RUN before any work is done, without making it. Errors (exit 2): RUN holds a run and `resume` is
// false; it holds none and `resume` is true; it is no run but holds files that a run would write over. Exit 3: it
// cannot be made.
void check_run_folder(const std::filesystem::path& run, bool resume);

// Makes RUN with its config.yaml, or checks that a resumed one was started with the same configuration: only the
// settings listed in run_folder.cpp, such as train.steps, may differ (the new values are stored).
// Errors as those of check_run_folder(); exit 2 also where other settings differ.
void open_run_folder(const std::filesystem::path& run, const RunConfig& config, bool resume);

}  // namespace spinfill
