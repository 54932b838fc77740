// SPDX-License-Identifier: Apache-2.0
#include "core/files/atomic_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <iterator>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files/files.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicFolder, AppearsWholeOrNotAtAll) {
  TemporaryFolder folder;
  const fs::path target = folder / "deep/out";
  {
    AtomicFolder given_up(target);
    write_file_atomic(given_up.path() / "f", "1");
  }
  EXPECT_FALSE(fs::exists(target));
  EXPECT_EQ(entries(folder / "deep"), 0u);
  AtomicFolder made(target);
  write_file_atomic(made.path() / "f", "2");
  EXPECT_FALSE(fs::exists(target));
  made.commit();
  EXPECT_EQ(read_file(target / "f"), "2");
  EXPECT_EQ(entries(folder / "deep"), 1u);
}

TEST(AtomicFolder, ReplacesOnlyWhenTold) {
  TemporaryFolder folder;
  const fs::path target = folder / "out";
  fs::create_directories(target);
  write_file_atomic(target / "old", "1");
  expect_error(ExitCode::usage, {"exists already"}, [&] { AtomicFolder refused(target); });
  EXPECT_TRUE(fs::exists(target / "old"));
  AtomicFolder made(fs::path(target.string() + "/"), true);
  write_file_atomic(made.path() / "new", "2");
  made.commit();
  EXPECT_TRUE(fs::exists(target / "new"));
  EXPECT_FALSE(fs::exists(target / "old"));
  EXPECT_EQ(entries(folder.path()), 1u);
}

// What a process leaves that is killed while it writes a folder.
void be_killed_while_writing(const fs::path& target) {
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFolder killed(target);
    write_file_atomic(killed.path() / "f", "1");
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

void age(const fs::path& path) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::minutes(2));
}

TEST(AtomicFolder, RemovesWhatAKilledProcessLeft) {
  TemporaryFolder folder;
  be_killed_while_writing(folder / "killed");
  ASSERT_EQ(entries(folder.path()), 1u);
  const fs::path left = fs::directory_iterator(folder.path())->path();
  { AtomicFolder another(folder / "another"); }
  EXPECT_TRUE(fs::exists(left)) << "it is too young";
  age(left);
  { AtomicFolder another(folder / "another"); }
  EXPECT_FALSE(fs::exists(left));
}

TEST(AtomicFolder, LeavesWhatIsInUseOrNotATemporaryFolder) {
  TemporaryFolder folder;
  AtomicFolder in_use(folder / "in-use");
  write_file_atomic(in_use.path() / "f", "1");
  age(in_use.path());
  std::vector<fs::path> others;
  for (const char* name :
       {"tmp-1-2", ".tmp-1-2", "out.tmp-1-2", ".out.tmp-1-", ".out.tmp--2", ".out.tmp-1-2x", ".out"}) {
    others.push_back(folder / name);
    fs::create_directories(others.back() / "below");
    age(others.back());
  }
  others.push_back(folder / ".file.tmp-1-2");
  write_file_atomic(others.back(), "x");
  age(others.back());
  others.push_back(folder / ".link.tmp-1-2");
  fs::create_directory_symlink(".out", others.back());
  remove_stale_temporaries(folder.path());
  for (const fs::path& path : others) EXPECT_TRUE(fs::exists(path)) << path;
  in_use.commit();
  EXPECT_EQ(read_file(folder / "in-use/f"), "1");
}

TEST(AtomicFolder, TakesNoFolderOverFromAProcessOfTheSameId) {
  TemporaryFolder folder;
  // The names that this process will use next.
  std::string name;
  {
    AtomicFolder made(folder / "out");
    name = made.path().filename().string();
  }
  const std::size_t dash = name.rfind('-') + 1;
  const fs::path left = folder / (name.substr(0, dash) + std::to_string(std::stoi(name.substr(dash)) + 1));
  fs::create_directories(left / "torn");
  AtomicFolder made(folder / "out");
  EXPECT_NE(made.path(), left);
  made.commit();
  EXPECT_FALSE(fs::exists(folder / "out/torn"));
}

TEST(RemoveFolderAtomic, RemovesTheFolderAndOnlyWarnsOfNone) {
  TemporaryFolder folder;
  fs::create_directories(folder / "out/deep");
  write_file_atomic(folder / "out/deep/f", "1");
  remove_folder_atomic(folder / "out");
  EXPECT_EQ(entries(folder.path()), 0u);
  EXPECT_NO_THROW(remove_folder_atomic(folder / "out"));
}

}  // namespace
}  // namespace spinfill
