// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <opencv2/imgproc.hpp>

#include <fstream>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "geometry/angles.h"
#include "support/support.h"

// From photographs as they come to a spin, with the models that lie with the program.
namespace spinfill {
namespace {

std::string quoted(const fs::path& path) {
  return "'" + path.string() + "'";
}

std::string model() {
  return quoted(test::fixture("../../models/photo-96"));
}

// A drawn car all around, cut out, under names that say nothing or the wrong thing, with what else lies in such a
// folder.
class Photos : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    drawn_ = new test::TemporaryFolder;
    const auto made = test::run_command(test::program() +
                                        " synth --sets 1 --seed 41 --categories sedan --size 192 --samples 4 "
                                        "--look photo --no-geometry --out " +
                                        quoted(*drawn_ / "sets"));
    ASSERT_EQ(made.exit_code, 0) << made.output;
  }
  static void TearDownTestSuite() { delete drawn_; }

  fs::path photographs(const std::vector<int>& azimuths) {
    const fs::path to = folder_ / "my car";
    fs::create_directory(to);
    int number = 0;
    for (const int azimuth : azimuths) {
      ++number;
      fs::copy_file(set_of() / fmt::format("{:03}.png", azimuth),
                    to / fmt::format("IMG_{:04} ({}).PNG", 91 - number, number));
    }
    return to;
  }
  static fs::path set_folder() { return *drawn_ / "sets"; }
  static fs::path set_of() {
    for (const auto& entry : fs::directory_iterator(set_folder()))
      if (fs::exists(entry.path() / "transforms.json")) return entry.path();
    return {};
  }
  std::string complete(const fs::path& from, const std::string& more = {}) const {
    return test::program() + " complete --model " + model() + " --photos " + quoted(from) + " --out " +
           quoted(folder_ / "spin/") + " " + more;
  }
  static inline test::TemporaryFolder* drawn_ = nullptr;
  test::TemporaryFolder folder_;
};

TEST_F(Photos, AzimuthsAreToldFromThePicturesAlone) {
  const fs::path from = photographs({0, 45, 90, 135, 180, 225, 270, 315});
  const auto result = test::run_command(test::program() + " data angles " + quoted(from) + " --json 2>/dev/null");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json rows = parse_json(result.output, "output");
  ASSERT_EQ(rows.size(), 8U);
  int right = 0;
  for (const Json& row : rows) {
    const std::string file = row["file"];
    const int number = std::stoi(file.substr(file.find('(') + 1));
    right += apart_deg(row["azimuth_deg"], 45 * (number - 1)) < 22.5;
    EXPECT_GE(row["confidence"], 0.0);
    EXPECT_LE(row["confidence"], 1.0);
  }
  EXPECT_GE(right, 7);
}

TEST_F(Photos, BecomeASpinAndAPageThatSaysHow) {
  const fs::path from = photographs({180, 0, 90, 270, 135});
  std::ofstream(from / "notes.txt") << "x";
  const auto result = test::run_command(complete(from, "--steps 1 --json 2>" + quoted(folder_ / "log")));
  ASSERT_EQ(result.exit_code, 0) << result.output << read_file(folder_ / "log");
  const Json summary = parse_json(result.output, "output");
  EXPECT_EQ(summary["photographs"].size(), 5U);
  EXPECT_EQ(summary["left_out"][0]["file"], "notes.txt");
  EXPECT_EQ(summary["given"].size() + summary["generated"].size(), 8U);
  EXPECT_EQ(summary["id"], "my car");
  EXPECT_EQ(summary["deliver"], "canonical");
  const std::string page = read_file(folder_ / "spin/photos.html");
  for (const char* text : {"IMG_0090 (1).PNG", "notes.txt", "href=\"spin.html\"", "my car"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  EXPECT_TRUE(fs::exists(folder_ / "spin/spin.html"));
  EXPECT_NE(read_file(folder_ / "log").find("notes.txt"), std::string::npos);
  // Nothing is left beside the spin.
  for (const auto& entry : fs::directory_iterator(folder_.path()))
    EXPECT_EQ(entry.path().string().find(".photographs"), std::string::npos) << entry.path();
}

TEST_F(Photos, WhatMakesNoSpinIsRefusedWithTheReason) {
  auto result = test::run_command(complete(photographs({45, 90, 135})));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("from one side"), std::string::npos) << result.output;
  EXPECT_FALSE(fs::exists(folder_ / "spin"));

  const fs::path few = folder_ / "few";
  fs::create_directory(few);
  fs::copy_file(set_of() / "090.png", few / "a.png");
  fs::copy_file(set_of() / "270.png", few / "b.png");
  result = test::run_command(complete(few));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("3 are needed"), std::string::npos) << result.output;

  const fs::path none = folder_ / "none";
  fs::create_directory(none);
  cv::Mat rgba(60, 90, CV_8UC4, cv::Scalar(60, 60, 60, 0));
  write_png(none / "a.png", rgba);
  result = test::run_command(complete(none));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("no vehicle"), std::string::npos) << result.output;
}

TEST_F(Photos, OptionsThatContradictAreUsageErrors) {
  const fs::path from = photographs({0, 90});
  EXPECT_EQ(test::run_command(complete(from, "--input " + quoted(from))).exit_code, 2);
  EXPECT_EQ(test::run_command(complete(from, "--cameras stated")).exit_code, 2);
  EXPECT_EQ(test::run_command(complete(from, "--given-azimuths 0,90")).exit_code, 2);
  EXPECT_EQ(test::run_command(complete(from, "--azimuth-model " + quoted(from))).exit_code, 2);
  EXPECT_EQ(test::run_command(complete(folder_ / "gone")).exit_code, 2);
  // A photograph with a background needs the segmenter, and one that is none is named.
  write_png(from / "c.png", cv::Mat(40, 60, CV_8UC3, cv::Scalar::all(90)));
  std::ofstream(folder_ / "no.onnx") << "x";
  const auto result = test::run_command(complete(from, "--segmenter " + quoted(folder_ / "no.onnx")));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.output.find("no.onnx"), std::string::npos) << result.output;
}

}  // namespace
}  // namespace spinfill
