// SPDX-License-Identifier: Apache-2.0
#include "core/files/unfinished_folder.h"

#include <gtest/gtest.h>

#include "core/files/atomic_folder.h"
#include "support/support.h"

namespace spinfill {
namespace {

class Unfinished : public testing::Test {
 protected:
  OutputFolder output() const { return {folder_ / "out", "work"}; }
  fs::path beside() const { return folder_ / ".out.unfinished"; }
  test::TemporaryFolder folder_;
};

TEST_F(Unfinished, StaysOnceSomethingIsInIt) {
  { const UnfinishedFolder nothing(output(), "key"); }
  EXPECT_FALSE(fs::exists(beside()));
  {
    UnfinishedFolder begun(output(), "key");
    EXPECT_FALSE(begun.goes_on());
    EXPECT_EQ(fs::weakly_canonical(begun.path()), fs::weakly_canonical(beside()));
    EXPECT_TRUE(is_unfinished_of(begun.path(), "work", "key"));
    EXPECT_FALSE(is_unfinished_of(begun.path(), "work", "other"));
    write_file_atomic(begun.path() / "half", "half of it");
    begun.stays();
  }
  UnfinishedFolder again(output(), "key");
  EXPECT_TRUE(again.goes_on());
  EXPECT_EQ(read_file(again.path() / "half"), "half of it");
  AtomicFolder made(output());
  made.commit();
  again.remove();
  EXPECT_FALSE(fs::exists(beside()));
  EXPECT_TRUE(fs::exists(folder_ / "out"));
}

TEST_F(Unfinished, OfAnotherKeyIsRemoved) {
  {
    UnfinishedFolder begun(output(), "key");
    write_file_atomic(begun.path() / "half", "half of it");
    begun.stays();
  }
  const UnfinishedFolder other(output(), "other key");
  EXPECT_FALSE(other.goes_on());
  EXPECT_FALSE(fs::exists(other.path() / "half"));
}

TEST_F(Unfinished, IsForOneAtATimeAndNobodyElsesFolderIsTouched) {
  {
    UnfinishedFolder begun(output(), "key");
    for (const char* key : {"key", "other key"})
      test::expect_error(ExitCode::usage, {"another process works on it"}, [&] { UnfinishedFolder(output(), key); });
    EXPECT_TRUE(fs::exists(begun.path()));
  }
  fs::create_directories(beside() / "mine");
  test::expect_error(ExitCode::usage, {"not what spinfill keeps"}, [&] { UnfinishedFolder(output(), "key"); });
  EXPECT_TRUE(fs::exists(beside() / "mine"));
}

// A folder that cannot be exchanged for another: the unfinished work in it is no part of an output.
TEST_F(Unfinished, LiesInAFolderThatMustStay) {
  fs::create_directories(folder_ / "out");
  const fs::path before = fs::current_path();
  fs::current_path(folder_ / "out");
  const OutputFolder here{".", "work"};
  {
    UnfinishedFolder begun(here, "key");
    EXPECT_TRUE(fs::exists(folder_ / "out" / kUnfinishedInside / "unfinished"));
    begun.stays();
  }
  {
    UnfinishedFolder again(here, "key");
    EXPECT_TRUE(again.goes_on());
    AtomicFolder made(here);
    write_file_atomic(made.path() / "result", "all of it");
    made.commit();
    again.remove();
  }
  fs::current_path(before);
  EXPECT_EQ(read_file(folder_ / "out/result"), "all of it");
  EXPECT_FALSE(fs::exists(folder_ / "out" / kUnfinishedInside));
}

TEST_F(Unfinished, LongNamesHaveRoom) {
  const OutputFolder named{folder_ / std::string(255, 'n'), "work"};
  const UnfinishedFolder begun(named, "key");
  EXPECT_TRUE(fs::exists(begun.path()));
}

}  // namespace
}  // namespace spinfill
