// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/photographs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "data/walkaround/masked_photographs.h"
#include "support/support.h"

namespace spinfill {
namespace {

void put(const fs::path& file, int grey) {
  write_png(file, cv::Mat(12, 16, CV_8UC3, cv::Scalar::all(grey)));
}

std::string why(const Photographs& photographs, const std::string& file) {
  const auto found = std::ranges::find(photographs.left_out, file, &LeftOut::file);
  return found == photographs.left_out.end() ? std::string() : found->why;
}

TEST(Photographs, NamesSayNothingAndEveryFileIsUsedOrNamed) {
  const test::TemporaryFolder folder;
  put(folder / "IMG_0001 (2).PNG", 10);
  put(folder / "01.png", 20);
  put(folder / "045 copy.png", 30);
  put(folder / "045.jpeg", 40);  // a PNG by its bytes
  put(folder / "no-ending", 50);
  fs::copy_file(folder / "01.png", folder / "02.png");
  std::ofstream(folder / "broken.jpg") << "not a picture";
  std::ofstream(folder / "a.heic") << "x";
  std::ofstream(folder / "notes.txt") << "x";
  fs::create_directory(folder / "more");
  const Photographs found = list_photographs(folder.path());
  EXPECT_EQ(found.files.size(), 5);
  EXPECT_NE(why(found, "02.png").find("same file as 01.png"), std::string::npos);
  EXPECT_NE(why(found, "a.heic").find("JPEG"), std::string::npos);
  EXPECT_FALSE(why(found, "broken.jpg").empty());
  EXPECT_FALSE(why(found, "notes.txt").empty());
  EXPECT_FALSE(why(found, "more").empty());
  EXPECT_EQ(found.left_out.size(), 5);
}

TEST(Photographs, AFolderWithoutAnyIsAnError) {
  const test::TemporaryFolder folder;
  test::expect_error(ExitCode::runtime, {"no photograph"}, [&] { list_photographs(folder.path()); });
  test::expect_error(ExitCode::usage, {"no such folder"}, [&] { list_photographs(folder / "gone"); });
}

TEST(Photographs, WhatIsCutOutAlreadyNeedsNoSegmenter) {
  const test::TemporaryFolder folder;
  cv::Mat rgba(40, 60, CV_8UC4, cv::Scalar(200, 10, 10, 0));
  rgba(cv::Rect(10, 12, 30, 20)).setTo(cv::Scalar(200, 10, 10, 255));
  write_png(folder / "a.png", rgba);
  LazySegmenter segmenter(folder / "there is none", {});
  int taken = 0;
  each_masked(list_photographs(folder.path()), segmenter, [&](const MaskedPhotograph& one) {
    ++taken;
    EXPECT_EQ(one.mask.box, cv::Rect(10, 12, 30, 20));
    EXPECT_EQ(one.rgba().at<cv::Vec4b>(0, 0)[3], 0);
  });
  EXPECT_EQ(taken, 1);
  EXPECT_TRUE(segmenter.identity().empty());
}

TEST(Photographs, TwoOfOneStemKeepTheirWholeNames) {
  EXPECT_EQ(png_names({"a.jpg", "a.png", "b.jpg"}), (std::vector<std::string>{"a.jpg.png", "a.png.png", "b.png"}));
}

// A stranger's folder shows nothing that lies elsewhere.
TEST(Photographs, LinksOutOfTheFolderAreLeftOutUnlessTheyMayBeFollowed) {
  const test::TemporaryFolder folder;
  make_folder(folder / "photos");
  write_png(folder / "photos/own.png", cv::Mat(20, 30, CV_8UC3, cv::Scalar(9, 90, 200)));
  write_png(folder / "private.png", cv::Mat(20, 30, CV_8UC3, cv::Scalar(200, 90, 9)));
  fs::create_symlink("../private.png", folder / "photos/link.png");
  fs::create_symlink("own.png", folder / "photos/again.png");
  const Photographs found = list_photographs(folder / "photos");
  ASSERT_EQ(found.files.size(), 1U);
  ASSERT_EQ(found.left_out.size(), 2U);  // the other is the same file as the one that it leads to
  const auto out = std::ranges::find(found.left_out, "link.png", &LeftOut::file);
  ASSERT_NE(out, found.left_out.end());
  EXPECT_NE(out->why.find("--follow-links"), std::string::npos);
  EXPECT_EQ(list_photographs(folder / "photos", Links::follow).files.size(), 2U);
}

}  // namespace
}  // namespace spinfill
