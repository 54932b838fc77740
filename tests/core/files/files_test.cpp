// SPDX-License-Identifier: Apache-2.0
#include "core/files/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <iterator>
#include <string>

#include "core/error.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// A disk that is full after `bytes`: the process may not write longer files.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit = old_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

TEST(Files, RoundTripKeepsEveryByte) {
  TemporaryFolder folder;
  const std::string bytes("a\0b\r\n\xff", 6);
  write_file_atomic(folder / "f", bytes);
  EXPECT_EQ(read_file(folder / "f"), bytes);
  write_file_atomic(folder / "f", "");
  EXPECT_EQ(read_file(folder / "f"), "");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(Files, ReadRefusesWhatIsMissingTooLargeOrNoFile) {
  TemporaryFolder folder;
  write_file_atomic(folder / "f", "12345");
  expect_error(ExitCode::runtime, {"absent", "No such file"}, [&] { read_file(folder / "absent"); });
  expect_error(ExitCode::runtime, {"regular file"}, [&] { read_file(folder.path()); });
  expect_error(ExitCode::runtime, {"5 bytes", "4 allowed"}, [&] { read_file(folder / "f", 4); });
  EXPECT_EQ(read_file(folder / "f", 5), "12345");
}

TEST(Files, FullDiskLeavesTheOldFileAndNothingElse) {
  TemporaryFolder folder;
  write_file_atomic(folder / "f", "old");
  {
    FileSizeLimit limit(1000);
    expect_error(ExitCode::runtime, {"f", "cannot be written"},
                 [&] { write_file_atomic(folder / "f", std::string(5000, 'x')); });
  }
  EXPECT_EQ(read_file(folder / "f"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(Files, WhatIsNoPlainFileIsNotReplaced) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_directories(folder / "folder");
  for (const char* name : {"pipe", "folder"}) {
    expect_error(ExitCode::runtime, {name, "not a plain file"}, [&] { write_file_atomic(folder / name, "x"); });
  }
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
}

TEST(Files, UnwritableFolderIsOneError) {
  expect_error(ExitCode::runtime, {"cannot be written"}, [] { write_file_atomic("/proc/self/nothing", "x"); });
  expect_error(ExitCode::runtime, {"folder cannot be made"}, [] { make_folder("/proc/self/nothing/below"); });
  TemporaryFolder folder;
  write_file_atomic(folder / "file", "x");
  expect_error(ExitCode::runtime, {"folder cannot be made"}, [&] { make_folder(folder / "file"); });
  expect_error(ExitCode::runtime, {"folder cannot be made"}, [&] { make_folder(folder / "file/below"); });
}

TEST(Files, FreeSpaceIsAskedBeforehand) {
  TemporaryFolder folder;
  EXPECT_NO_THROW(require_free_space(folder.path(), 1, "a checkpoint"));
  expect_error(ExitCode::runtime, {"a checkpoint needs", "MiB are free"},
               [&] { require_free_space(folder.path(), std::uint64_t{1} << 60, "a checkpoint"); });
}

TEST(PathInside, AllowsWhatStaysAndRefusesWhatLeaves) {
  TemporaryFolder folder;
  const fs::path base = folder / "set";
  fs::create_directories(base / "sub");
  write_file_atomic(folder / "secret", "x");
  write_file_atomic(base / "a.png", "x");
  fs::create_symlink("../secret", base / "out");
  fs::create_symlink("..", base / "up");
  fs::create_symlink("a.png", base / "alias");
  for (const char* good : {"a.png", "./a.png", "sub/../a.png", "sub/not-yet.png", "alias"}) {
    EXPECT_EQ(path_inside(base, good, "here"), base / good);
  }
  for (const char* bad :
       {"", "../secret", "sub/../../secret", "/etc/passwd", "out", "up/secret", "sub/../../set-evil/x"}) {
    expect_error(ExitCode::runtime, {"here"}, [&] { path_inside(base, bad, "here"); });
  }
  expect_error(ExitCode::runtime, {"here"}, [&] { path_inside(base, std::string("a\0b", 3), "here"); });
}

TEST(LiesWithin, FollowsLinksAndNeedsNothingThere) {
  const test::TemporaryFolder folder;
  fs::create_directories(folder / "a/b");
  fs::create_directory_symlink(folder / "a", folder / "link");
  EXPECT_TRUE(lies_within(folder / "a", folder / "a"));
  EXPECT_TRUE(lies_within(folder / "a/b/", folder / "a"));
  EXPECT_TRUE(lies_within(folder / "a", folder / "a/"));
  EXPECT_TRUE(lies_within(folder / "a/b/../not/there", folder / "link"));
  EXPECT_TRUE(lies_within(folder / "link/new", folder / "a"));
  EXPECT_FALSE(lies_within(folder / "a", folder / "a/b"));
  EXPECT_FALSE(lies_within(folder / "ab", folder / "a"));
  EXPECT_FALSE(lies_within(folder / "a/../c", folder / "a"));
}

}  // namespace
}  // namespace spinfill
