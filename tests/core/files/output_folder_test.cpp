// SPDX-License-Identifier: Apache-2.0
#include "core/files/output_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;

class OutputFolders : public ::testing::Test {
 protected:
  OutputFolder output(const std::string& name, bool replace = true) {
    return {folder_ / name, "complete", replace, {folder_ / "input"}};
  }
  // Writes `text` as the output's only file, at a/b.
  void write(const OutputFolder& to, const std::string& text) {
    AtomicFolder made(to);
    make_folder(made.path() / "a");
    write_file_atomic(made.path() / "a/b", text);
    made.commit();
  }
  void refuse(const OutputFolder& to, const std::vector<std::string>& texts, ExitCode code = ExitCode::usage) {
    expect_error(code, texts, [&] { check_output_folder(to); });
    expect_error(code, texts, [&] { AtomicFolder refused(to); });
  }
  void file(const std::string& name, const std::string& text = "x") {
    make_folder((folder_ / name).parent_path());
    write_file_atomic(folder_ / name, text);
  }
  std::string read(const std::string& name) { return read_file(folder_ / name); }
  TemporaryFolder folder_;
};

TEST_F(OutputFolders, ReplacesAnEarlierOutputOfTheSameCommandAlone) {
  file("input/transforms.json");
  write(output("out", false), "1");
  refuse(output("out", false), {"exists already", "--replace"});
  write(output("out"), "2");
  EXPECT_EQ(read("out/a/b"), "2");

  OutputFolder other = output("out");
  other.command = "evaluate";
  refuse(other, {"was made by spinfill complete"});
  file("photos/car.jpg");
  refuse(output("photos"), {"was not made by spinfill complete"});
  refuse(output("photos", false), {"was not made by spinfill complete"});
  file("claimed/.spinfill-output", "anything");
  refuse(output("claimed"), {"was not made by"});
  EXPECT_EQ(read("photos/car.jpg"), "x");
}

TEST_F(OutputFolders, NamesWhatSomebodyAddedOrChanged) {
  for (const std::string name : {"out/notes.txt", "out/a/notes.txt", "out/new/notes.txt", "out/.hidden"}) {
    write(output("out"), "1");
    file(name);
    refuse(output("out"), {"holds " + name.substr(4)});
    EXPECT_EQ(read(name), "x");
    fs::remove_all(folder_ / "out");
  }
  write(output("out"), "1");
  for (const std::string other : {"retouched", "2"}) {
    file("out/a/b", other);
    refuse(output("out"), {"a/b was changed"});
    EXPECT_EQ(read("out/a/b"), other);
  }
  fs::remove(folder_ / "out/a/b");
  fs::create_symlink("/dev/null", folder_ / "out/a/b");
  refuse(output("out"), {"a/b was changed"});
  fs::remove(folder_ / "out/a/b");
  make_folder(folder_ / "out/empty");
  refuse(output("out"), {"holds empty"});
  fs::remove(folder_ / "out/empty");
  write(output("out"), "2");  // what is gone is no matter
  EXPECT_EQ(read("out/a/b"), "2");
}

TEST_F(OutputFolders, NeverOverlapsAnInput) {
  write({folder_ / "input", "complete", false, {}}, "1");  // may be an earlier output itself
  fs::create_directory_symlink("input", folder_ / "link");
  for (const std::string name : {"input", "input/", "input/.", "input/a", "input/new/one", "link", "link/a",
                                 "missing/../input", ".", "link/../input"}) {
    refuse(output(name), {"overlaps"});
  }
  OutputFolder of_file = output("out");
  write(of_file, "1");
  of_file.inputs = {folder_ / "out/a/b"};
  refuse(of_file, {"overlaps"});
  const fs::path before = fs::current_path();
  fs::current_path(folder_ / "input");
  refuse({".", "complete", true, {folder_ / "link"}}, {"overlaps"});
  fs::current_path(before);
  EXPECT_EQ(read("input/a/b"), "1");
  write(output("input-2"), "1");
}

TEST_F(OutputFolders, IsNotReplacedWhereItIsReadThroughALink) {
  write(output("out"), "1");
  make_folder(folder_ / "input");
  for (const char* linked : {"out/a/b", "out/a", "out"}) {
    fs::create_symlink(folder_ / linked, folder_ / "input/link");
    refuse(output("out"), {"is read through the link", "input/link"});
    fs::remove(folder_ / "input/link");
  }
  make_folder(folder_ / "elsewhere/deep");
  fs::create_symlink(folder_ / "out/a/b", folder_ / "elsewhere/deep/picture");
  fs::create_symlink(folder_ / "elsewhere", folder_ / "elsewhere/circle");
  fs::create_symlink(folder_ / "elsewhere", folder_ / "input/link");
  refuse(output("out"), {"is read through the link", "input/link"});
  fs::remove(folder_ / "elsewhere/deep/picture");
  write(output("out"), "2");
  EXPECT_EQ(read("out/a/b"), "2");
}

TEST_F(OutputFolders, FillsAnEmptyFolder) {
  make_folder(folder_ / "empty");
  fs::permissions(folder_ / "empty", fs::perms::owner_all);
  write(output("empty", false), "1");
  EXPECT_EQ(read("empty/a/b"), "1");
  EXPECT_EQ(fs::status(folder_ / "empty").permissions(), fs::perms::owner_all);

  // A link to one is followed and stays.
  make_folder(folder_ / "far");
  fs::create_directory_symlink("far", folder_ / "link");
  write(output("link/", false), "1");
  write(output("link"), "2");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read("far/a/b"), "2");
}

TEST_F(OutputFolders, TheFolderThatOneStandsInStays) {
  make_folder(folder_ / "here");
  const fs::path before = fs::current_path();
  fs::current_path(folder_ / "here");
  for (const std::string text : {"1", "2"}) {
    write({".", "complete", true, {}}, text);
    EXPECT_EQ(read_file("a/b"), text);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator("."), fs::directory_iterator()), 2) << "a and the mark";
  fs::current_path(before);
}

TEST_F(OutputFolders, ARefusedPlaceIsToldBeforeTheWork) {
  file("file");
  fs::create_symlink("nowhere", folder_ / "dangling");
  fs::create_symlink("loop", folder_ / "loop");
  refuse(output("file"), {"is a file"});
  refuse(output("dangling"), {"is a link to nowhere"});
  refuse(output("dangling/"), {"is a link to nowhere"});
  refuse(output("loop"), {"is a link to loop"});
  refuse(output("file/below"), {"file is not a folder"}, ExitCode::runtime);
  refuse(output("dangling/below"), {"cannot be made"}, ExitCode::runtime);
  refuse(output(std::string(300, 'x')), {"cannot be made"}, ExitCode::runtime);
  refuse({"", "complete", true, {}}, {"names no folder"});
  expect_error(ExitCode::runtime, {"/proc", "cannot be made"}, [] {
    AtomicFolder refused({"/proc/out", "complete", true, {}});
  });
  write(output(std::string(250, 'x')), "1");  // a temporary name is longer than its target's, but not too long
}

TEST_F(OutputFolders, WhatWasPutThereMeanwhileIsKeptAndSoIsTheResult) {
  for (const bool existed : {false, true}) {
    const std::string out = existed ? "earlier" : "fresh";
    if (existed) write(output(out), "1");
    AtomicFolder made(output(out));
    write_file_atomic(made.path() / "result", "2");
    file(out + "/notes.txt");
    expect_error(ExitCode::runtime, {"the finished result is in", out + ".new"}, [&] { made.commit(); });
    EXPECT_EQ(read(out + "/notes.txt"), "x");
    EXPECT_EQ(read(out + ".new/result"), "2");
  }
}

TEST_F(OutputFolders, NamesThatAreNotUtf8AreForeignLikeOthers) {
  write(output("out"), "1");
  file("out/caf\xE9.txt");
  refuse(output("out"), {"holds caf\\xe9.txt"});
}

}  // namespace
}  // namespace spinfill
