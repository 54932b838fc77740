// SPDX-License-Identifier: Apache-2.0
#include "core/files/links.h"

#include <gtest/gtest.h>

#include "core/files/json.h"
#include "data/check/check.h"
#include "data/check/summary.h"
#include "data/open_data_set.h"
#include "data/sets/picture_folder.h"
#include "data/sets/set_folders.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_reader.h"
#include "data/shards/pack.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;

// A data set "farm" whose every file is a link to one of "disk", as `cp -rs` makes it.
class LinkedData : public testing::Test {
 protected:
  void SetUp() override {
    test::write_tiny_data_set(folder_ / "disk", 3);
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "disk")) {
      const fs::path to = folder_ / "farm" / fs::relative(entry.path(), folder_ / "disk");
      if (entry.is_directory()) continue;
      make_folder(to.parent_path());
      fs::create_symlink(entry.path(), to);
    }
  }
  void replace_by_link(const std::string& name, const std::string& target) {
    fs::remove_all(folder_ / name);
    fs::create_symlink(target, folder_ / name);
  }
  test::TemporaryFolder folder_;
};

TEST_F(LinkedData, AreNamedAndFollowedWhereAskedFor) {
  const fs::path farm = folder_ / "farm";
  const std::vector<std::string> texts = {"000.png is a symbolic link to", "disk/tiny-00/000.png", "--follow-links",
                                          "data.follow_links"};
  expect_error(ExitCode::runtime, texts, [&] { open_data_set(farm, "train"); });
  expect_error(ExitCode::runtime, texts, [&] { read_photographs(farm / "tiny-00"); });
  expect_error(ExitCode::runtime, texts, [&] { pack({.folder = farm, .out = folder_ / "packed"}); });
  const DataCheck check = check_data(farm, {});
  ASSERT_FALSE(check.problems.empty());
  EXPECT_NE(to_line(check.problems[0]).find("000.png is a symbolic link"), std::string::npos);
  EXPECT_EQ(read_data_summary(farm).problems.size(), 3U);

  const DataSet data = open_data_set(farm, "train", Links::follow);
  const auto set = data.view_set(0);
  EXPECT_EQ(read_set_file(*set, "000.png", 1 << 20), read_file(folder_ / "disk/tiny-00/000.png"));
  EXPECT_EQ(read_photographs(farm / "tiny-00", {.links = Links::follow}).frames.size(), 8U);
  EXPECT_TRUE(check_data(farm, {.photographs = {.links = Links::follow}}).problems.empty());
  EXPECT_TRUE(read_data_summary(farm, Links::follow).problems.empty());
  pack({.folder = farm, .out = folder_ / "packed", .links = Links::follow});
  pack({.folder = folder_ / "disk", .out = folder_ / "same"});
  EXPECT_EQ(read_file(folder_ / "packed/train-000000.tar"), read_file(folder_ / "same/train-000000.tar"));
}

TEST_F(LinkedData, NamesStillStayInTheFolder) {
  const fs::path file = folder_ / "disk/tiny-00/transforms.json";
  const Json good = read_json(file);
  for (const char* outside : {"../tiny-01/000.png", "/etc/passwd", "mask/../../tiny-01/000.png"}) {
    Json changed = good;
    changed["frames"][0]["file_path"] = outside;
    write_json_atomic(file, changed);
    for (const Links links : {Links::stay_inside, Links::follow}) {
      expect_error(ExitCode::runtime, {"frames[0].file_path", "not a path inside the set's folder"},
                   [&] { read_view_set(file.parent_path(), links); });
    }
  }
}

TEST_F(LinkedData, PicturesAlone) {
  const fs::path set = folder_ / "farm/tiny-00";
  fs::remove(set / "transforms.json");
  expect_error(ExitCode::runtime, {"000.png is a symbolic link", "--follow-links"},
               [&] { view_set_from_pictures(set); });
  const PhotographOptions follow{.links = Links::follow};
  EXPECT_EQ(view_set_from_pictures(set, follow).frames.size(), 8U);
  // Photographs that are not there are not missing views.
  replace_by_link("farm/tiny-00/045.png", "../.git/annex/objects/1/2/3.png");
  expect_error(ExitCode::runtime, {"045.png", "git annex get"}, [&] { view_set_from_pictures(set, follow); });
  fs::remove(set / "045.png");
  write_file_atomic(set / "045.png.dvc", "outs:");
  write_file_atomic(set / "090.png.dvc", "outs:");
  expect_error(ExitCode::runtime, {"045.png", "dvc pull"}, [&] { view_set_from_pictures(set, follow); });
  write_file_atomic(set / "045.png", "version https://git-lfs.github.com/spec/v1\noid sha256:01\nsize 5\n");
  expect_error(ExitCode::runtime, {"045.png", "git lfs pull"}, [&] { view_set_from_pictures(set, follow); });
}

TEST_F(LinkedData, WhatLeadsNowhereIsNeverLeftOut) {
  // A set's folder that is a link is followed; the folder decides what is inside.
  fs::remove(folder_ / "disk/splits.json");
  const fs::path disk = folder_ / "disk";
  fs::rename(disk / "tiny-00", folder_ / "elsewhere");
  replace_by_link("disk/tiny-00", "../elsewhere");
  EXPECT_EQ(open_data_set(disk, "train").size(), 3);

  const auto refused = [&](const std::vector<std::string>& texts) {
    expect_error(ExitCode::runtime, texts, [&] { open_data_set(disk, "train"); });
    const DataCheck check = check_data(disk, {});
    ASSERT_EQ(check.problems.size(), 1U);
    EXPECT_NE(to_line(check.problems[0]).find(texts.back()), std::string::npos) << to_line(check.problems[0]);
  };
  replace_by_link("disk/tiny-00", "/mnt/gone/tiny-00");
  refused({"tiny-00 is a symbolic link to /mnt/gone/tiny-00", "not there"});
  fs::remove(disk / "tiny-00");
  write_file_atomic(disk / "tiny-00.dvc", "outs:");
  refused({"tiny-00", "dvc pull"});
  fs::remove(disk / "tiny-00.dvc");
  replace_by_link("disk/tiny-01/transforms.json", "../../.git/annex/objects/x.json");
  refused({"tiny-01/transforms.json", "git annex get"});
  fs::remove_all(disk / "tiny-01");
  replace_by_link("disk/splits.json", "/mnt/gone/splits.json");
  refused({"splits.json", "symbolic link to /mnt/gone/splits.json"});
  expect_error(ExitCode::runtime, {"no such folder", "symbolic link to /mnt/data"}, [&] {
    fs::create_symlink("/mnt/data", folder_ / "data");
    open_data_set(folder_ / "data", "train");
  });
}

TEST_F(LinkedData, Shards) {
  pack({.folder = folder_ / "disk", .out = folder_ / "packed"});
  const fs::path tar = folder_ / "packed/train-000000.tar";
  fs::rename(tar, folder_ / "kept.tar");
  fs::create_symlink("../kept.tar", tar);
  EXPECT_EQ(open_data_set(folder_ / "packed", "train").size(), 1) << "the folder's own files may be links";
  fs::remove(folder_ / "kept.tar");
  expect_error(ExitCode::runtime, {"train-000000.tar", "symbolic link to ../kept.tar"},
               [&] { open_data_set(folder_ / "packed", "train"); });
  fs::remove(tar);
  make_folder(folder_ / "others");
  write_file_atomic(folder_ / "others/x.tar.dvc", "outs:");
  expect_error(ExitCode::runtime, {"x.tar", "dvc pull"}, [&] { open_data_set(folder_ / "others", "train"); });
  write_file_atomic(folder_ / "others/x.tar", "version https://git-lfs.github.com/spec/v1\noid sha256:01\nsize 5\n");
  expect_error(ExitCode::runtime, {"x.tar", "git lfs pull"}, [&] { open_data_set(folder_ / "others", "train"); });
}

}  // namespace
}  // namespace spinfill
