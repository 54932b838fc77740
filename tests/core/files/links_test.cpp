// SPDX-License-Identifier: Apache-2.0
#include "core/files/links.h"

#include <gtest/gtest.h>

#include "core/files/json.h"
#include "core/files/positional_file.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

class LinksTest : public testing::Test {
 protected:
  LinksTest() {
    make_folder(folder_ / "own/part");
    make_folder(folder_ / "other");
    write_file_atomic(folder_ / "own/a", "a");
    write_file_atomic(folder_ / "other/b", "b");
  }
  void link(const std::string& target, const std::string& name) { fs::create_symlink(target, folder_ / name); }
  void refuses_to_read(const std::string& name, const std::vector<std::string>& texts) {
    expect_error(ExitCode::runtime, texts, [&] { read_file(folder_ / name); });
    expect_error(ExitCode::runtime, texts, [&] { PositionalFile{folder_ / name}; });
    expect_error(ExitCode::runtime, texts, [&] { require_content(folder_ / name); });
    expect_error(ExitCode::runtime, texts, [&] { read_json(folder_ / name); });
  }
  test::TemporaryFolder folder_;
};

TEST_F(LinksTest, LinksOutOfAFolderAreNamed) {
  link("../other/b", "own/out");
  link("a", "own/inside");
  link("../../other", "own/part/away");
  const fs::path own = folder_ / "own";
  EXPECT_EQ(link_out_of(own, "out").value_or(""), "out is a symbolic link to ../other/b");
  EXPECT_EQ(link_out_of(own, "part/away/b").value_or(""), "part/away is a symbolic link to ../../other");
  EXPECT_FALSE(link_out_of(own, "inside"));
  EXPECT_FALSE(link_out_of(own, "part/../a"));
  EXPECT_FALSE(link_out_of(own, "gone"));
  link("own", "linked");  // the folder itself may be a link
  EXPECT_FALSE(link_out_of(folder_ / "linked", "a"));
  EXPECT_TRUE(link_out_of(folder_ / "linked", "out"));
}

TEST_F(LinksTest, LinksToNothingNameTheirTool) {
  link("../.git/annex/objects/Wv/1x/SHA256E-s77--0123456789abcdef.png/SHA256E-s77--0123456789abcdef.png", "own/annex");
  link("../../blobs/0123456789abcdef", "own/hub");
  link("/mnt/dvc/cache/files/md5/01/23", "own/dvc");
  link("/mnt/disk/file", "own/disk");
  link("loop", "own/loop");
  write_file_atomic(folder_ / "own/kept.dvc", "outs:");
  refuses_to_read("own/annex", {"own/annex", "symbolic link", "not there", "git annex get"});
  refuses_to_read("own/hub", {"own/hub", "symbolic link to ../../blobs/0", "hf download"});
  refuses_to_read("own/dvc", {"own/dvc", "symbolic link", "dvc pull"});
  refuses_to_read("own/disk", {"own/disk", "symbolic link to /mnt/disk/file"});
  refuses_to_read("own/disk/below", {"own/disk/below", "own/disk is a symbolic link to /mnt/disk/file"});
  refuses_to_read("own/kept", {"own/kept", "DVC has not fetched it: dvc pull", "kept.dvc"});
  refuses_to_read("own/loop", {"own/loop"});
  EXPECT_EQ(why_absent(folder_ / "own/gone"), "");
  EXPECT_EQ(why_absent(folder_ / "own/a"), "");
  EXPECT_TRUE(has_stand_in(folder_ / "own/disk"));
  EXPECT_TRUE(has_stand_in(folder_ / "own/kept"));
  EXPECT_FALSE(has_stand_in(folder_ / "own/a"));
  EXPECT_FALSE(has_stand_in(folder_ / "own/gone"));
}

TEST_F(LinksTest, PointersAreNotTheFile) {
  write_file_atomic(folder_ / "lfs",
                    "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 12345\n");
  refuses_to_read("lfs", {"lfs", "Git LFS pointer", "git lfs pull"});
  for (const char* text : {"/annex/objects/SHA256E-s77--01.png\n", "../.git/annex/objects/Wv/SHA256E-s77--01.png",
                           "../../.git/annex/objects/Wv/SHA256E-s77--01.png\n"}) {
    write_file_atomic(folder_ / "annex", text);
    refuses_to_read("annex", {"annex", "git-annex pointer", "git annex get"});
  }
  for (const std::string text :
       {"", "version 1", "../x\n.git/annex/objects/", "a note on .git/annex/objects/ and more"}) {
    write_file_atomic(folder_ / "note", text);
    EXPECT_EQ(read_file(folder_ / "note"), text);
  }
}

}  // namespace
}  // namespace spinfill
