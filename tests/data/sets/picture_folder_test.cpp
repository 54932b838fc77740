// SPDX-License-Identifier: Apache-2.0
#include "data/sets/picture_folder.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "data/sets/picture_names.h"
#include "data/sets/set_pictures.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;

class PictureFolder : public testing::Test {
 protected:
  void put(const std::vector<std::string>& names, int width = 30) {
    for (const std::string& name : names) {
      make_folder((folder_ / name).parent_path());
      write_png(folder_ / name, cv::Mat(20, width, CV_8UC4, cv::Scalar(10, 20, 30, 40)));
    }
  }
  void refuses(const std::vector<std::string>& texts, const PhotographOptions& options = {}) {
    expect_error(ExitCode::runtime, texts, [&] { view_set_from_pictures(folder_.path(), options); });
  }
  // Everything that is said on stderr while the folder is read.
  std::string told(const PhotographOptions& options = {}) {
    testing::internal::CaptureStderr();
    set_ = view_set_from_pictures(folder_.path(), options);
    return testing::internal::GetCapturedStderr();
  }
  std::vector<double> azimuths(const PhotographOptions& options = {}) {
    std::vector<double> out;
    for (const Frame& frame : view_set_from_pictures(folder_.path(), options).frames) out.push_back(frame.azimuth_deg);
    return out;
  }
  TemporaryFolder folder_;
  ViewSet set_;
};

// Where that is asked for, those of other sizes than most are scaled into that size.
TEST_F(PictureFolder, PicturesOfOtherSizesAreFitted) {
  put({"000.png", "090.png"}, 4);
  put({"045.png", "135.png", "180.png"});
  put({"225.png"}, 60);
  const PhotographOptions fitting{.fit_sizes = true};
  const ViewSet set = view_set_from_pictures(folder_.path(), fitting);
  EXPECT_EQ(std::pair(set.width, set.height), std::pair(30, 20));
  for (const Frame& frame : set.frames) {
    const int slot = frame.slot();
    EXPECT_EQ(frame.fitted.has_value(), slot == 0 || slot == 2 || slot == 5) << frame.file_path;
    const cv::Mat picture = read_masked_picture(set, frame);
    ASSERT_EQ(picture.size(), cv::Size(30, 20));
    // 4×20 in the middle of 30×20; 60×20 across it, ten rows high.
    EXPECT_EQ(picture.at<cv::Vec4b>(10, 2)[3], slot == 0 || slot == 2 ? 0 : 40) << frame.file_path;
    EXPECT_EQ(picture.at<cv::Vec4b>(2, 15)[3], slot == 5 ? 0 : 40) << frame.file_path;
    if (slot == 5) {
      EXPECT_DOUBLE_EQ(*frame.fitted, 0.5);
    }
  }
  write_png(folder_ / "225_mask.png", cv::Mat(20, 30, CV_8UC4, cv::Scalar::all(255)));
  const ViewSet masked = view_set_from_pictures(folder_.path(), fitting);
  expect_error(ExitCode::runtime, {"225_mask.png", "30x20", "60x20"},
               [&] { read_masked_picture(masked, *masked.frame_at(5)); });
}

// What is hidden is as if it were not there.
TEST_F(PictureFolder, HiddenPicturesHaveNoPartInTheSize) {
  put({"000.png", "090.png", "180.png"}, 60);
  put({"045.png", "135.png"});
  PhotographOptions options{.fit_sizes = true};
  EXPECT_EQ(view_set_from_pictures(folder_.path(), options).width, 60);
  options.hidden = {0, 90};
  write_file_atomic(folder_ / "000.png", "no picture");
  const ViewSet set = view_set_from_pictures(folder_.path(), options);
  EXPECT_EQ(set.width, 30);
  EXPECT_EQ(set.frames.size(), 5U) << "whoever hides them leaves them out";
  options.hidden = {0, 45, 90, 135, 180};
  EXPECT_EQ(view_set_from_pictures(folder_.path(), options).frames.size(), 5U);
}

TEST_F(PictureFolder, PicturesNamedByAzimuthMakeASet) {
  put({"000.png", "45.PNG", "0090.JPG", "112.5.jpeg", "270.WebP"});
  const ViewSet set = view_set_from_pictures(folder_.path());
  ASSERT_EQ(set.frames.size(), 5U);
  EXPECT_EQ(set.width, 30);
  EXPECT_EQ(set.category, "unknown");
  EXPECT_EQ(azimuths(), (std::vector<double>{0, 45, 90, 112.5, 270}));
  EXPECT_FALSE(set.frames[2].camera.has_value());

  put({"180.png"}, 4);
  refuses({"180.png", "4x20", "5 of 6 pictures have 30x20", "one size"});
  const TemporaryFolder empty;
  expect_error(ExitCode::runtime, {"transforms.json", "000.png"}, [&] { view_set_from_pictures(empty.path()); });
  expect_error(ExitCode::runtime, {"no such folder"}, [&] { view_set_from_pictures(empty / "gone"); });
  make_folder(empty / "car-1");
  expect_error(ExitCode::runtime, {"car-1"}, [&] { view_set_from_pictures(empty.path()); });
}

TEST_F(PictureFolder, OneAzimuthTwiceNamesBoth) {
  put({"045.png", "090.png", "45.JPG"});
  refuses({"045.png", "45.JPG", "same azimuth"});
  fs::remove(folder_ / "45.JPG");
  put({"045.PNG"});
  refuses({"045.png", "045.PNG", "same azimuth"});
}

TEST_F(PictureFolder, PicturesThatAreNotReadAreRefusedOrNamed) {
  put({"000.png", "090.png"});
  for (const char* name :
       {"045 copy.png", "045(1).png", "front.PNG", "45deg.jpg", "-45.png", "405.png", "045.5.2.png"}) {
    put({name});
    refuses({name, "azimuth", "--skip-unread"});
    const std::string lines = told({.skip_unread = true});
    EXPECT_NE(lines.find(name), std::string::npos) << lines;
    EXPECT_EQ(set_.frames.size(), 2U) << name;
    fs::remove(folder_ / name);
  }
  for (const char* name : {"045.jxl", "045.TIFF", "045.tif", "045.bmp", "045.gif", "IMG_1.CR2"}) {
    write_file_atomic(folder_ / name, "anything");
    refuses({name, "convert to PNG, JPEG or WebP"});
    EXPECT_NE(told({.skip_unread = true}).find(name), std::string::npos);
    fs::remove(folder_ / name);
  }
  for (const char* name : {"045", "045.png.bak", "045.jfif"}) {
    put({name});
    refuses({name, "another ending"});
    fs::remove(folder_ / name);
  }
  // All reasons in one line.
  put({"front.png", "back.png", "left.png", "right.png", "top.png"});
  write_file_atomic(folder_ / "045.tif", "anything");
  refuses({"back.png, front.png, left.png, right.png and 1 more", "045.tif"});
}

TEST_F(PictureFolder, WhatIsNoPictureIsNamedAndHiddenFilesAreNot) {
  put({"000.png", "090.png", "originals/000.png"});
  for (const char* name : {"notes.txt", "car.zip", ".DS_Store", "._000.png", "Thumbs.db", "desktop.ini"})
    write_file_atomic(folder_ / name, "anything");
  const std::string lines = told();
  EXPECT_NE(lines.find("car.zip, notes.txt"), std::string::npos) << lines;
  EXPECT_NE(lines.find("originals"), std::string::npos) << lines;
  for (const char* hidden : {"DS_Store", "._000", "Thumbs", "desktop"})
    EXPECT_EQ(lines.find(hidden), std::string::npos) << lines;
  EXPECT_EQ(set_.frames.size(), 2U);
}

TEST_F(PictureFolder, MasksBesideAreRead) {
  put({"000.jpg", "045.jpg", "090.jpg", "135.jpg", "180.jpg", "225.jpg", "000_mask.png", "45.Mask.PNG", "mask_090.png",
       "135-mask.png", "masks/180.png", "masks/225.jpg.png"});
  const std::string lines = told();
  EXPECT_NE(lines.find("masks of 6 pictures"), std::string::npos) << lines;
  const std::vector<std::string> expected = {"000_mask.png", "45.Mask.PNG",   "mask_090.png",
                                             "135-mask.png", "masks/180.png", "masks/225.jpg.png"};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(set_.frames[i].mask_file_path, expected[i]);
  EXPECT_EQ(read_masked_picture(set_, set_.frames[0]).at<cv::Vec4b>(0, 0)[3], 10) << "the mask's red";

  put({"270_mask.png"});
  EXPECT_NE(told().find("masks without their pictures: 270_mask.png"), std::string::npos);
  put({"masks/000.png"});
  refuses({"000_mask.png", "masks/000.png", "both masks of 000.jpg"});
}

TEST_F(PictureFolder, FrameNumbersAreRecognised) {
  const std::vector<std::vector<std::string>> spins = {
      {"01.png", "02.png", "03.png", "04.png", "05.png", "06.png", "07.png", "08.png"},
      {"1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.png", "8.png"},
      {"000000.png", "000001.png", "000002.png", "000003.png", "000004.png", "000005.png", "000006.png", "000007.png"},
      {"frame_00.png", "frame_01.png", "frame_02.png", "frame_03.png", "frame_04.png", "frame_05.png", "frame_06.png",
       "frame_07.png"},
      {"IMG_2031.JPG", "IMG_2032.JPG", "IMG_2033.JPG", "IMG_2034.JPG", "IMG_2035.JPG", "IMG_2036.JPG", "IMG_2037.JPG",
       "IMG_2038.JPG"},
      {"a 2 (8) x.png", "a 2 (9) x.png", "a 2 (10) x.png", "a 2 (11) x.png", "a 2 (12) x.png", "a 2 (13) x.png",
       "a 2 (14) x.png", "a 2 (15) x.png"}};
  for (const auto& names : spins) {
    put(names);
    refuses({"frame numbers", names[0] + " 0, " + names[1] + " 45", names[1] + " 315", names[7] + " 315",
             "--given-azimuths counter-clockwise or clockwise"});
    refuses({"frame numbers"}, {.skip_unread = true});
    EXPECT_EQ(azimuths({.azimuths = parse_azimuths("counter-clockwise")}),
              (std::vector<double>{0, 45, 90, 135, 180, 225, 270, 315}));
    EXPECT_EQ(azimuths({.azimuths = parse_azimuths("clockwise")}),
              (std::vector<double>{0, 315, 270, 225, 180, 135, 90, 45}));
    EXPECT_EQ(azimuths({.azimuths = parse_azimuths("90,135,180,225,270,315,-1,45.5")}),
              (std::vector<double>{90, 135, 180, 225, 270, 315, 359, 45.5}));
    expect_error(ExitCode::usage, {"3 numbers", "8 pictures", names[0]},
                 [&] { azimuths({.azimuths = parse_azimuths("0,45,90")}); });
    for (const std::string& name : names) fs::remove(folder_ / name);
  }
  put({"01.png", "02.png", "04.png"});
  refuses({"frame numbers", "01.png 0, 02.png 90, 04.png 270"});
  for (const char* wrong : {"north", "0,,45", "0,45,", "0;45", "nan", "1e9", "0, 45"})
    expect_error(ExitCode::usage, {"--given-azimuths", wrong}, [&] { parse_azimuths(wrong); });
}

TEST_F(PictureFolder, AzimuthsInsideNamesAreOfferedAsSuch) {
  put({"car_000.png", "car_045.png", "car_300.png", "car_000_mask.png"});
  refuses({"car_000.png to car_300.png", "--given-azimuths 0,45,300"});
  set_ = view_set_from_pictures(folder_.path(), {.azimuths = parse_azimuths("0,45,300")});
  EXPECT_EQ(set_.frames[0].mask_file_path, "car_000_mask.png");
}

TEST_F(PictureFolder, DenseSpinsAreNoFrameNumbers) {
  std::vector<std::string> names;
  for (int azimuth = 0; azimuth < 360; azimuth += 6) names.push_back(fmt::format("{:03}.png", azimuth));
  put(names);
  EXPECT_EQ(azimuths().size(), 60U);
  const TemporaryFolder other;
  write_png(other / "001.png", cv::Mat(20, 30, CV_8UC4, cv::Scalar::all(9)));
  EXPECT_EQ(view_set_from_pictures(other.path()).frames.size(), 1U);
}

TEST_F(PictureFolder, ADescriptionTakesPrecedence) {
  put({"000.png"});
  write_file_atomic(folder_ / "transforms.json",
                    R"({"w": 30, "h": 20, "frames": [{"file_path": "000.png", "azimuth_deg": 90}]})");
  EXPECT_EQ(read_photographs(folder_.path()).frames[0].azimuth_deg, 90);
  expect_error(ExitCode::usage, {"--given-azimuths", "transforms.json"},
               [&] { read_photographs(folder_.path(), {.azimuths = parse_azimuths("0")}); });
}

}  // namespace
}  // namespace spinfill
