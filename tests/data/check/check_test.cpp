// SPDX-License-Identifier: Apache-2.0
#include "data/check/check.h"
#include "core/files/json.h"

#include <ATen/ATen.h>

#include <algorithm>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "core/tensors/safetensors.h"
#include "data/check/check_picture.h"
#include "data/pictures/normal_picture.h"
#include "data/pictures/picture.h"
#include "data/sets/view_set_writer.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::TemporaryFolder;

class CheckTest : public testing::Test {
 protected:
  void SetUp() override { test::write_tiny_data_set(folder_.path(), 4); }
  std::vector<std::string> lines(const fs::path& path, bool allow_missing = false) {
    std::vector<std::string> out;
    for (const DataProblem& problem : check_data(path, {.allow_missing_views = allow_missing, .threads = 2}).problems) {
      out.push_back(to_line(problem));
      EXPECT_EQ(out.back().find('\n'), std::string::npos);
      EXPECT_FALSE(problem.advice.empty());
    }
    return out;
  }
  // Exactly one problem, and its line holds the texts.
  void expect_only(const std::vector<std::string>& texts) {
    const auto found = lines(folder_.path());
    ASSERT_EQ(found.size(), 1U) << testing::PrintToString(found);
    for (const std::string& text : texts)
      EXPECT_NE(found[0].find(text), std::string::npos) << text << " not in " << found[0];
  }
  void change(const std::string& set, const std::function<void(Json&)>& how) {
    Json value = read_json(folder_ / set / "transforms.json");
    how(value);
    write_json_atomic(folder_ / set / "transforms.json", value);
  }
  TemporaryFolder folder_;
};

TEST_F(CheckTest, GoodDataHasNoProblem) {
  const DataCheck check = check_data(folder_.path(), {});
  EXPECT_EQ(check.sets, 4);
  EXPECT_EQ(check.pictures, 32);
  EXPECT_TRUE(check.problems.empty()) << to_line(check.problems[0]);
  EXPECT_TRUE(lines(folder_ / "tiny-00").empty());
}

TEST_F(CheckTest, MissingFrame) {
  change("tiny-01", [](Json& v) { v["frames"].erase(3); });
  expect_only({"tiny-01/135: missing frame"});
  EXPECT_TRUE(lines(folder_.path(), true).empty());
}

TEST_F(CheckTest, MissingAndUnreadablePictures) {
  fs::remove(folder_ / "tiny-01" / "045.png");
  expect_only({"tiny-01/045.png: unreadable picture"});
  write_file_atomic(folder_ / "tiny-01" / "045.png", "");
  expect_only({"tiny-01/045.png: unreadable picture", "empty"});
}

TEST_F(CheckTest, UnequalSize) {
  write_png(folder_ / "tiny-02" / "090.png", cv::Mat(32, 40, CV_8UC4, cv::Scalar::all(100)));
  expect_only({"tiny-02/090.png: unequal size: 40x32", "48x32"});
}

TEST_F(CheckTest, DepthAndNormalsAreValuesOfSixteenBits) {
  const auto name = [&](const char* key, const char* file) {
    change("tiny-02", [&](Json& v) { v["frames"][2][key] = file; });
  };
  change("tiny-02", [](Json& v) { v["depth_scale"] = 1000; });
  const fs::path set = folder_ / "tiny-02";
  write_png(set / "n.png", cv::Mat(32, 48, CV_8UC3, cv::Scalar::all(100)));
  name("normal_file_path", "n.png");
  expect_only({"tiny-02/n.png: is not an RGB picture of 16 bits", "only model.normals needs normals"});
  write_file_atomic(set / "n.png", encode_normals(cv::Mat(32, 48, CV_32FC3, cv::Scalar(0, 0, 1))));
  EXPECT_TRUE(lines(folder_.path()).empty());
  write_png(set / "d.png", cv::Mat(32, 48, CV_8UC1, cv::Scalar::all(100)));
  name("depth_file_path", "d.png");
  expect_only({"tiny-02/d.png: is not a grey picture of 16 bits", "only data.depth needs depth"});
  cv::imwrite((set / "d.png").string(), cv::Mat(32, 48, CV_16UC1, cv::Scalar::all(100)));
  EXPECT_TRUE(lines(folder_.path()).empty());
}

TEST_F(CheckTest, MaskProblems) {
  const fs::path path = folder_ / "tiny-02" / "090.png";
  write_png(path, cv::Mat(32, 48, CV_8UC4, cv::Scalar(9, 9, 9, 100)));
  expect_only({"tiny-02/090.png: empty mask"});
  write_png(path, cv::Mat(32, 48, CV_8UC3, cv::Scalar(9, 9, 9)));
  expect_only({"tiny-02/090.png: no mask"});
  cv::Mat touching(32, 48, CV_8UC4, cv::Scalar::all(0));
  touching.at<cv::Vec4b>(31, 20) = cv::Vec4b(1, 2, 3, 255);
  write_png(path, touching);
  expect_only({"tiny-02/090.png: the vehicle touches the lower border"});
  cv::Mat full(32, 48, CV_8UC4, cv::Scalar::all(255));
  full.at<cv::Vec4b>(0, 0)[3] = 0;
  write_png(path, full);
  expect_only({"tiny-02/090.png: nearly full mask: 99.9 %"});
}

TEST_F(CheckTest, AFewStrayPixelsAreNoVehicle) {
  cv::Mat specks(128, 96, CV_8UC4, cv::Scalar::all(0));
  specks.at<cv::Vec4b>(50, 50) = cv::Vec4b(1, 2, 3, 255);
  PictureCheck check;
  const auto found = check.add("000.png", specks);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].problem.find("nearly empty mask"), std::string::npos) << found[0].problem;
}

TEST_F(CheckTest, OnePictureUnderTwoNames) {
  // Other bytes, the same pixels.
  write_file_atomic(folder_ / "tiny-01" / "270.png", read_file(folder_ / "tiny-01" / "045.png") + "more");
  expect_only({"tiny-01/270.png: is the same picture as 045.png"});
}

TEST_F(CheckTest, DuplicateAzimuthAndView) {
  change("tiny-00", [](Json& v) {
    v["frames"][2]["azimuth_deg"] = 45.2;
    v["frames"][2].erase("transform_matrix");
  });
  const auto found = lines(folder_.path());
  ASSERT_EQ(found.size(), 2U);  // and slot 90 is missing
  EXPECT_NE(found[0].find("tiny-00/090.png: duplicate azimuth"), std::string::npos);
  EXPECT_NE(found[1].find("missing frame"), std::string::npos);
  change("tiny-00", [](Json& v) { v["frames"][2]["azimuth_deg"] = 60; });
  EXPECT_NE(lines(folder_.path())[0].find("duplicate view"), std::string::npos);
}

TEST_F(CheckTest, WrongMatrices) {
  change("tiny-00", [](Json& v) { v["frames"][2]["transform_matrix"][0][0] = 5; });
  expect_only({"tiny-00/frames[2].transform_matrix", "rigid"});
  change("tiny-00", [](Json& v) { v["frames"][2]["transform_matrix"] = v["frames"][3]["transform_matrix"]; });
  expect_only({"tiny-00/frames[2].transform_matrix: is a wrong matrix", "135.0", "90.0"});
  change("tiny-00", [](Json& v) {
    const Camera camera = turntable_camera({}, 75, 48, 32);
    put_camera(v["frames"][2], camera, false);
  });
  expect_only({"tiny-00/090.png: wrong matrix", "75.0", "90.0"});
  change("tiny-00", [](Json& v) {  // looks away: turned by 180° about its own vertical axis
    auto& m = v["frames"][2]["transform_matrix"];
    const Camera camera = turntable_camera({}, 90, 48, 32);
    for (int r = 0; r < 4; ++r) {
      for (int c = 0; c < 4; ++c) m[r][c] = camera.vehicle_from_camera(r, c) * (r < 3 && (c == 0 || c == 2) ? -1 : 1);
    }
  });
  expect_only({"tiny-00/frames[2].transform_matrix: is a wrong matrix", "does not see"});
}

TEST_F(CheckTest, Splits) {
  write_json_atomic(folder_ / "splits.json", {{"train", {"tiny-00", "tiny-01", "ghost"}}, {"test", {"tiny-01"}}});
  const auto found = lines(folder_.path());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(found[0].find("shares vehicle 'tiny-01'"), std::string::npos);
  EXPECT_NE(found[1].find("unknown vehicle 'ghost'"), std::string::npos);
  write_file_atomic(folder_ / "splits.json", "{");
  expect_only({"splits.json:", "not valid JSON"});
}

TEST_F(CheckTest, OneVehicleUnderTwoIdsInTwoSplits) {
  fs::copy_file(folder_ / "tiny-00" / "090.png", folder_ / "tiny-03" / "090.png", fs::copy_options::overwrite_existing);
  expect_only({"tiny-03/090.png", "tiny-00", "'train'", "'test'"});
}

TEST_F(CheckTest, DuplicateIdsForeignFoldersAndIdentities) {
  change("tiny-02", [](Json& v) { v["id"] = "tiny-01"; });
  make_folder(folder_ / "zebra");
  write_safetensors(folder_ / "tiny-00" / "v.safetensors", {{"identity", at::ones({4})}});
  write_safetensors(folder_ / "tiny-01" / "v.safetensors", {{"identity", at::ones({5})}});
  change("tiny-00", [](Json& v) { v["identity_file_path"] = "v.safetensors"; });
  change("tiny-01", [](Json& v) { v["identity_file_path"] = "v.safetensors"; });
  const auto found = lines(folder_.path());
  const auto has = [&](const std::string& text) {
    return std::ranges::any_of(found, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  EXPECT_TRUE(has("tiny-02/id: duplicate id 'tiny-01'"));
  EXPECT_TRUE(has("zebra/transforms.json"));
  EXPECT_TRUE(has("tiny-01/v.safetensors: 5 numbers, but tiny-00 has 4"));
  EXPECT_TRUE(has("unknown vehicle 'tiny-02'"));
}

TEST_F(CheckTest, ListsEverythingAtOnce) {
  write_file_atomic(folder_ / "tiny-00" / "transforms.json", "{");
  fs::remove(folder_ / "tiny-01" / "045.png");
  fs::remove(folder_ / "tiny-01" / "090.png");
  change("tiny-02", [](Json& v) {
    v["category"] = "a boat";
    v["frames"][1]["azimuth_deg"] = "x";
    v["frames"][2]["file_path"] = "../090.png";
  });
  const auto found = lines(folder_.path());
  // The broken file, two pictures with one cause, three wrong fields; nothing about azimuths that are not known.
  EXPECT_EQ(found.size(), 5U) << testing::PrintToString(found);
  EXPECT_EQ(to_json(check_data(folder_.path(), {}))["problems"].size(), found.size());
}

TEST_F(CheckTest, EqualProblemsComeOnceWithTheirCount) {
  change("tiny-00", [](Json& v) {
    for (Json& frame : v["frames"]) frame["file_path"] = "../" + frame["file_path"].get<std::string>();
  });
  expect_only({"tiny-00/frames[0].file_path: '../000.png' is not a path inside", "(frames 0, 1, 2 and 5 more)"});
  change("tiny-00", [](Json& v) { v = 7; });
  expect_only({"tiny-00/transforms.json", "object"});
  test::write_tiny_data_set(folder_.path(), 4);
  for (int slot = 0; slot < 8; ++slot) fs::remove(folder_ / "tiny-00" / fmt::format("{:03}.png", 45 * slot));
  expect_only({"tiny-00/000.png: unreadable picture", "(000.png, 045.png, 090.png and 5 more)"});
  EXPECT_EQ(to_json(check_data(folder_.path(), {}))["problems"][0]["frames"].size(), 8U);
  const fs::path here = fs::current_path();
  fs::current_path(folder_.path());  // as a relative path, and as links that lead nowhere
  EXPECT_EQ(lines(".").size(), 1U);
  for (int slot = 0; slot < 8; ++slot) {
    const std::string name = fmt::format("{:03}.png", 45 * slot);
    fs::create_symlink("../.git/annex/objects/" + name, folder_ / "tiny-00" / name);
  }
  const auto linked = check_data(".", {.photographs = {.links = Links::follow}}).problems;
  fs::current_path(here);
  ASSERT_EQ(linked.size(), 1U);
  EXPECT_NE(to_line(linked[0]).find("git annex get"), std::string::npos) << to_line(linked[0]);
  test::write_tiny_data_set(folder_.path(), 4);
  change("tiny-01", [](Json& v) {
    for (Json& frame : v["frames"]) frame["azimuth_deg"] = 90;
    for (Json& frame : v["frames"]) frame.erase("transform_matrix");
  });
  const auto found = lines(folder_.path());
  ASSERT_EQ(found.size(), 2U) << testing::PrintToString(found);
  EXPECT_NE(found[0].find("duplicate azimuth 90 (also 000.png) (045.png, 090.png"), std::string::npos) << found[0];
  EXPECT_NE(found[1].find("missing frame: no picture of this view (000, 045, 135 and 4 more)"), std::string::npos);
}

TEST_F(CheckTest, WhatDependsOnAWrongFieldIsNotReported) {
  change("tiny-00", [](Json& v) { v["w"] = "48"; });
  expect_only({"tiny-00/w: is not a number"});
  change("tiny-00", [](Json& v) {
    v["w"] = 48;
    v["fl_x"] = nullptr;
  });
  expect_only({"tiny-00/fl_x: is not a number"});
  change("tiny-00", [](Json& v) {
    v["fl_x"] = 100;
    v["fl_y"] = 100;
    v["frames"][3].erase("azimuth_deg");
    v["frames"][3]["transform_matrix"][0][0] = 3;
  });
  const auto found = lines(folder_.path());  // and by fl_x 100 the vehicle stays within bounds
  ASSERT_EQ(found.size(), 1U) << testing::PrintToString(found);
  EXPECT_NE(found[0].find("frames[3].transform_matrix"), std::string::npos);
}

TEST_F(CheckTest, CamerasOfAnotherScale) {
  change("tiny-00", [](Json& v) {
    for (Json& frame : v["frames"]) {  // metres
      for (int r = 0; r < 3; ++r) frame["transform_matrix"][r][3] = 4.5 * frame["transform_matrix"][r][3].get<double>();
    }
  });
  expect_only({"tiny-00/transform_matrix: wrong scale", "4."});
}

TEST_F(CheckTest, MasksOfOtherTools) {
  const fs::path mask = folder_ / "tiny-00" / "mask.png";
  const cv::Mat picture = read_picture(folder_ / "tiny-00" / "090.png");
  change("tiny-00", [](Json& v) { v["frames"][2]["mask_path"] = "mask.png"; });
  std::vector<cv::Mat> planes;
  cv::split(picture, planes);
  const cv::Mat alpha = planes[3], none = cv::Mat::zeros(alpha.size(), CV_8U);
  write_png(mask, alpha / 255);
  EXPECT_TRUE(lines(folder_.path()).empty()) << "0 and 1 are 0 and 255";
  write_png(mask, cv::Mat(255 - alpha));
  expect_only({"tiny-00/090.png: inverted mask"});
  write_png(mask, alpha * 0.7);
  expect_only({"tiny-00/090.png: faint mask", "of 255"});
  cv::Mat coloured;
  cv::merge(std::vector<cv::Mat>{none, alpha, none}, coloured);
  write_png(mask, coloured);
  expect_only({"tiny-00/090.png: empty mask", "green"});
  cv::merge(std::vector<cv::Mat>{none + 255, none + 255, none + 255, alpha}, coloured);
  write_png(mask, coloured);
  expect_only({"tiny-00/090.png: no mask", "alpha"});
}

TEST_F(CheckTest, TheFolderItself) {
  test::expect_error(ExitCode::runtime, {"no such folder"}, [&] { check_data(folder_ / "gone", {}); });
  make_folder(folder_ / "empty");
  test::expect_error(ExitCode::runtime, {"no view sets"}, [&] { check_data(folder_ / "empty", {}); });
}

TEST_F(CheckTest, AFolderOfPicturesAlone) {
  const fs::path set = folder_ / "tiny-00";
  fs::remove(set / "transforms.json");
  for (const auto& entry : fs::directory_iterator(set)) {
    if (entry.is_directory()) fs::remove_all(entry.path());
  }
  fs::remove(set / "045.png");
  EXPECT_EQ(lines(set), std::vector<std::string>());  // views may be missing: it is to be completed
  EXPECT_EQ(check_data(set, {}).pictures, 7);

  fs::rename(set / "090.png", set / "front.png");
  ASSERT_EQ(lines(set).size(), 1U);
  EXPECT_NE(lines(set)[0].find("tiny-00: holds pictures that are not read"), std::string::npos) << lines(set)[0];
  EXPECT_TRUE(check_data(set, {.photographs = {.skip_unread = true}}).problems.empty());

  fs::remove(set / "front.png");
  cv::Mat opaque = read_picture(set / "135.png");
  opaque.forEach<cv::Vec4b>([](cv::Vec4b& pixel, const int*) { pixel[3] = 255; });
  write_png(set / "135.png", opaque);
  ASSERT_EQ(lines(set).size(), 1U);
  EXPECT_NE(lines(set)[0].find("tiny-00/135.png: no mask"), std::string::npos) << lines(set)[0];

  int number = 0;
  for (const int azimuth : {0, 135, 180, 225, 270, 315})
    fs::rename(set / fmt::format("{:03}.png", azimuth), set / fmt::format("img_{:02}.png", ++number));
  ASSERT_EQ(lines(set).size(), 1U);
  EXPECT_NE(lines(set)[0].find("frame numbers"), std::string::npos) << lines(set)[0];
  const PhotographOptions given{.azimuths = parse_azimuths("0,135,180,225,270,315")};
  EXPECT_EQ(check_data(set, {.photographs = given}).problems.size(), 1U);  // the mask's
  test::expect_error(ExitCode::usage, {"--given-azimuths"},
                     [&] { check_data(folder_.path(), {.photographs = given}); });
}

TEST(Check, RealSetsHoldNoProblem) {
  SPINFILL_NEEDS_REAL_DATA();
  const DataCheck check = check_data(test::real_data() / "spins", {.threads = 2});
  EXPECT_TRUE(check.problems.empty()) << to_line(check.problems[0]);
}

}  // namespace
}  // namespace spinfill
