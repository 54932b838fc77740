// SPDX-License-Identifier: Apache-2.0
#include "core/files/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "core/error.h"
#include "support/mutate.h"
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

TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  TemporaryFolder folder;
  write_file_atomic(folder / "f", std::string(1000000, 'a'));
  EXPECT_EQ(sha256_file(folder / "f"), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  expect_error(ExitCode::runtime, {"absent"}, [&] { sha256_file(folder / "absent"); });
}

TEST(Json, ErrorsNameFileAndLine) {
  expect_error(ExitCode::runtime, {"set.json:3", "not valid JSON"},
               [] { parse_json("{\n\"a\": 1,\n\"b\": }\n", "set.json"); });
  expect_error(ExitCode::runtime, {"'a' stands twice"}, [] { parse_json(R"({"a": 1, "a": 2})", "x"); });
  EXPECT_NO_THROW(parse_json(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})", "x"));
  for (const char* bad : {"", "{", "NaN", "[1e999]", "[NaN]", "[\"\xff\"]", "{} {}", "[Infinity]"}) {
    expect_error(ExitCode::runtime, {"x"}, [&] { parse_json(bad, "x"); });
  }
}

TEST(Json, DepthBombsAreRefused) {
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  expect_error(ExitCode::runtime, {"nested too deeply"}, [&] { parse_json(objects, "x"); });
  expect_error(ExitCode::runtime, {"nested too deeply"}, [&] { parse_json(std::string(1000000, '['), "x"); });
}

TEST(Json, HostileInputIsAnErrorOfOneLine) {
  const std::string valid =
      R"({"w": 96, "frames": [{"file_path": "a.png", "transform_matrix": [[1.5, -2e3], [0, 1]]}]})";
  EXPECT_GT(test::mutate_and_try(valid, [](std::string_view bytes) { parse_json(bytes, "x"); }),
            test::fuzz_iterations() / 4);
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
