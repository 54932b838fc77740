// SPDX-License-Identifier: Apache-2.0
#include "core/files/folder_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "support/support.h"

namespace spinfill {
namespace {

// Each reads a number, waits and writes the next: without the lock most would be lost.
TEST(FolderLock, IsHeldByOneProcessAtATime) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "number", "0");
  std::vector<pid_t> children;
  for (int child = 0; child < 8; ++child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      int result = 1;
      try {
        const FolderLock lock(folder.path());
        const int number = std::stoi(read_file(folder / "number"));
        ::usleep(20'000);
        write_file_atomic(folder / "number", std::to_string(number + 1));
        result = 0;
      } catch (...) {
      }
      ::_exit(result);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = -1;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(read_file(folder / "number"), "8");
  test::expect_error(ExitCode::runtime, {"nowhere", "cannot be opened"}, [&] { FolderLock(folder / "nowhere"); });
}

}  // namespace
}  // namespace spinfill
