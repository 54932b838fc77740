// SPDX-License-Identifier: Apache-2.0
#include "core/files/positional_file.h"

#include <gtest/gtest.h>

#include <memory>

#include "core/files/files.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

TEST(PositionalFile, ReadsAtPositionsAndNoticesACut) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "a", "0123456789");
  const PositionalFile file(folder / "a");
  EXPECT_EQ(file.size(), 10U);
  EXPECT_EQ(file.read(7, 3), "789");
  EXPECT_EQ(file.read(0, 2), "01");
  EXPECT_EQ(file.read(10, 0), "");
  expect_error(ExitCode::runtime, {"/a", "ends at byte 10", "12"}, [&] { file.read(8, 4); });
  fs::resize_file(folder / "a", 5);
  expect_error(ExitCode::runtime, {"/a", "cut while in use"}, [&] { file.read(4, 3); });
  expect_error(ExitCode::runtime, {"gone", "cannot be opened"}, [&] { PositionalFile(folder / "gone"); });
  expect_error(ExitCode::runtime, {"not a regular file"}, [&] { PositionalFile(folder.path()); });
}

TEST(OpenFiles, KeepsTheLatestUsed) {
  const test::TemporaryFolder folder;
  for (const char* name : {"a", "b", "c"}) write_file_atomic(folder / name, name);
  OpenFiles files(2);
  const auto a = files.get(folder / "a");
  const std::weak_ptr<const PositionalFile> b = files.get(folder / "b");
  EXPECT_EQ(files.get(folder / "a"), a);
  files.get(folder / "c");  // b goes
  EXPECT_TRUE(b.expired());
  EXPECT_EQ(files.get(folder / "a"), a);
  fs::remove(folder / "b");
  expect_error(ExitCode::runtime, {"/b"}, [&] { files.get(folder / "b"); });
  files.get(folder / "c");
  write_file_atomic(folder / "b", "b");
  files.get(folder / "b");  // a goes, but its user may go on
  EXPECT_EQ(a.use_count(), 1);
  EXPECT_EQ(a->read(0, 1), "a");
}

}  // namespace
}  // namespace spinfill
