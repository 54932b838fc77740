// SPDX-License-Identifier: Apache-2.0
#include "core/cores.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

namespace spinfill {
namespace {

namespace fs = std::filesystem;

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

double bound_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return std::max(1U, std::thread::hardware_concurrency());  // more cores than the set holds
}

double quotient(const std::string& quota, const std::string& period) {
  const double a = std::strtod(quota.c_str(), nullptr), b = std::strtod(period.c_str(), nullptr);
  return a > 0 && b > 0 ? a / b : kNoLimit;  // "max" and −1 are no limit
}

std::string first_word(const fs::path& path) {
  std::string word;
  std::ifstream(path) >> word;
  return word;
}

double limit_of(const fs::path& group) {
  std::string quota, period;
  std::ifstream(group / "cpu.max") >> quota >> period;
  return std::min(quotient(quota, period),
                  quotient(first_word(group / "cpu.cfs_quota_us"), first_word(group / "cpu.cfs_period_us")));
}

}  // namespace

double cgroup_cores(const fs::path& membership, const fs::path& root) {
  double least = kNoLimit;
  std::ifstream lines(membership);
  for (std::string line; std::getline(lines, line);) {  // "0::/a/b", "4:cpu,cpuacct:/a/b"
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && ("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
    const fs::path mount = controllers.empty() ? root : root / controllers;
    // Every group above limits too. Within a container the path may be that outside, and only the mount be there.
    fs::path group = fs::path(line.substr(second + 1)).relative_path();
    for (; !group.empty(); group = group.parent_path()) least = std::min(least, limit_of(mount / group));
    least = std::min(least, limit_of(mount));
  }
  return least;
}

double allowed_cores() {
  return std::min(bound_cores(), cgroup_cores("/proc/self/cgroup", "/sys/fs/cgroup"));
}

}  // namespace spinfill
