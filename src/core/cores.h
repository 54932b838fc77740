// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace spinfill {

// Processor cores that this process may use: those that it is bound to (sched_getaffinity; Slurm, taskset), or fewer
// where a control group limits its time (a container's limit), which may be a fraction.
double allowed_cores();

// The time limit of the control groups v2 and v1 that `membership` (a /proc/self/cgroup) lists, in cores; infinite
// without one. `root` is where control groups are mounted.
double cgroup_cores(const std::filesystem::path& membership, const std::filesystem::path& root);

}  // namespace spinfill
