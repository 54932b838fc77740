// SPDX-License-Identifier: Apache-2.0
#include "core/cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cmath>
#include <fstream>
#include <string>

#include "support/support.h"

namespace spinfill {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

TEST(Cores, AreThoseThatTheProcessIsBoundTo) {
  cpu_set_t before, one;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (std::size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
    if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_LE(allowed_cores(), 1);
  ::sched_setaffinity(0, sizeof before, &before);
}

TEST(Cores, TheLeastLimitOfTheGroupsAboveCounts) {
  const test::TemporaryFolder folder;
  write(folder / "two", "0::/pod/container\n");
  EXPECT_TRUE(std::isinf(cgroup_cores(folder / "two", folder / "v2")));
  write(folder / "v2/pod/cpu.max", "150000 100000\n");
  write(folder / "v2/pod/container/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cores(folder / "two", folder / "v2"), 1.5);
  write(folder / "one", "5:memory:/x\n4:cpu,cpuacct:/job\n");
  write(folder / "v1/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write(folder / "v1/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_TRUE(std::isinf(cgroup_cores(folder / "one", folder / "v1")));
  write(folder / "v1/cpu,cpuacct/job/cpu.cfs_quota_us", "200000\n");
  write(folder / "v1/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cores(folder / "one", folder / "v1"), 2);
}

}  // namespace
}  // namespace spinfill
