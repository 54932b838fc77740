// SPDX-License-Identifier: Apache-2.0
#include "core/files/output_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/error.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

TEST(OutputFile, ReplacesNothingButAnEarlierOne) {
  const test::TemporaryFolder folder;
  const auto check = [&](const fs::path& path) { return check_output_file("--html", path, "<mark>"); };
  const auto refuse = [&](const fs::path& path, const std::string& text, ExitCode code = ExitCode::usage) {
    expect_error(code, {"--html", text}, [&] { check(path); });
  };
  EXPECT_EQ(check(folder / "new.html"), folder / "new.html");
  write_file_atomic(folder / "empty.html", "");
  write_file_atomic(folder / "earlier.html", "<html><mark>");
  write_file_atomic(folder / "notes.txt", "mine");
  write_file_atomic(folder / "late.txt", std::string(5000, ' ') + "<mark>");
  EXPECT_EQ(check(folder / "empty.html"), folder / "empty.html");
  EXPECT_EQ(check(folder / "earlier.html"), folder / "earlier.html");
  refuse(folder / "notes.txt", "none that this option wrote");
  refuse(folder / "late.txt", "none that this option wrote");

  ::mkfifo((folder / "pipe").c_str(), 0600);
  fs::create_symlink("/dev/null", folder / "device");
  fs::create_symlink("loop", folder / "loop");
  for (const fs::path& path : {fs::path("/dev/null"), folder / "pipe", folder / "device", folder.path(), folder / ""})
    refuse(path, "not a plain file");
  refuse(folder / "loop", "leads nowhere");
  refuse(folder / "gone/page.html", "gone", ExitCode::runtime);
  refuse(folder / "notes.txt/page.html", "notes.txt", ExitCode::runtime);

  // Links are followed.
  fs::create_directories(folder / "far");
  fs::create_symlink("far/page.html", folder / "dangling");
  fs::create_symlink("earlier.html", folder / "link");
  fs::create_symlink("notes.txt", folder / "foreign");
  EXPECT_EQ(check(folder / "dangling"), folder / "far/page.html");
  EXPECT_EQ(check(folder / "link"), folder / "earlier.html");
  refuse(folder / "foreign", "none that this option wrote");
}

}  // namespace
}  // namespace spinfill
