// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <opencv2/imgproc.hpp>

#include <fstream>
#include <map>
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
  EXPECT_EQ(summary["order"], "untold");
  EXPECT_EQ(summary["left_out"][0]["file"], "notes.txt");
  EXPECT_EQ(summary["given"].size() + summary["generated"].size(), 8U);
  EXPECT_EQ(summary["id"], "my car");
  EXPECT_EQ(summary["deliver"], "canonical");
  const std::string page = read_file(folder_ / "spin/photos.html");
  for (const char* text : {"IMG_0090 (1).PNG", "notes.txt", "href=\"spin.html\"", "my car"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  EXPECT_TRUE(fs::exists(folder_ / "spin/spin.html"));
  const std::string log = read_file(folder_ / "log");
  EXPECT_NE(log.find("notes.txt"), std::string::npos);
  // What takes long after the last photograph was looked at says what it is.
  for (const char* phase : {"photographs compared: 3/3 steps", "cameras: 3/3 steps"})
    EXPECT_NE(log.find(phase), std::string::npos) << log;
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

// The same pictures in another paint.
void repaint(const fs::path& from, const fs::path& to) {
  cv::Mat rgba = read_picture(from), grey;
  cv::cvtColor(rgba, grey, cv::COLOR_RGBA2GRAY);
  for (int y = 0; y < rgba.rows; ++y) {
    for (int x = 0; x < rgba.cols; ++x) {
      auto& pixel = rgba.at<cv::Vec4b>(y, x);
      const int light = grey.at<uchar>(y, x);
      pixel = {cv::saturate_cast<uchar>(30 + light), cv::saturate_cast<uchar>(light / 4),
               cv::saturate_cast<uchar>(120 + light / 2), pixel[3]};
    }
  }
  write_png(to, rgba);
}

TEST_F(Photos, OfTwoVehiclesAreRefusedAndOneAstrayIsIgnored) {
  const fs::path from = photographs({0, 45, 90, 135, 180, 225, 270, 315});
  repaint(set_of() / "045.png", from / "other.png");
  const auto result = test::run_command(test::program() + " data angles " + quoted(from) + " --json 2>/dev/null");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  for (const Json& row : parse_json(result.output, "output")) {
    const bool other = row["file"] == "other.png";
    EXPECT_EQ(row["verdict"] == "ignored", other) << row.dump();
    if (other) EXPECT_EQ(row["reason"], "another vehicle");
  }
  for (const char* azimuth : {"000", "090", "180", "270"})
    repaint(set_of() / (std::string(azimuth) + ".png"), from / (std::string("other ") + azimuth + ".png"));
  const auto mixed = test::run_command(complete(from));
  EXPECT_EQ(mixed.exit_code, 1);
  EXPECT_NE(mixed.output.find("two vehicles, or more, are mixed"), std::string::npos) << mixed.output;
  EXPECT_NE(mixed.output.find("other 090.png"), std::string::npos) << mixed.output;
  EXPECT_FALSE(fs::exists(folder_ / "spin"));
}

TEST_F(Photos, BlurredCutOffAndDoubleOnesAreNamed) {
  const fs::path from = photographs({0, 90, 180, 270});
  cv::Mat rgba = read_picture(set_of() / "135.png"), blurred;
  std::vector<cv::Mat> channels;
  cv::split(rgba, channels);
  for (int c = 0; c < 3; ++c)
    cv::GaussianBlur(channels[static_cast<std::size_t>(c)], channels[static_cast<std::size_t>(c)], {}, 4);
  cv::merge(channels, blurred);
  write_png(from / "blurred.png", blurred);
  cv::Mat again;
  cv::resize(read_picture(set_of() / "090.png"), again, {}, 0.95, 0.95, cv::INTER_AREA);
  write_png(from / "again.png", again);
  const auto result = test::run_command(test::program() + " data angles " + quoted(from) + " --json 2>/dev/null");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  std::map<std::string, std::string> reasons;
  for (const Json& row : parse_json(result.output, "output"))
    if (!row["reason"].is_null()) reasons[row["reason"]] = row["why"];
  EXPECT_TRUE(reasons.contains("blurred")) << result.output;
  ASSERT_TRUE(reasons.contains("duplicate")) << result.output;
  EXPECT_NE(reasons["duplicate"].find("shows the same as"), std::string::npos);
}

TEST_F(Photos, InteriorsAreRefused) {
  const fs::path from = folder_ / "inside";
  fs::create_directory(from);
  // What a segmenter makes of interiors: frames, strips and patches.
  const std::vector<cv::Rect> patches = {
      {0, 40, 180, 12}, {90, 0, 14, 120}, {10, 10, 8, 8}, {20, 90, 150, 10}, {60, 5, 20, 110}};
  int number = 0;
  for (const cv::Rect& patch : patches) {
    cv::Mat rgba(128, 192, CV_8UC4, cv::Scalar(80, 70, 60, 0));
    rgba(patch).setTo(cv::Scalar(120, 110, 100, 255));
    write_png(from / fmt::format("{}.png", ++number), rgba);
  }
  const auto result = test::run_command(complete(from));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("interiors and details make no spin"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("5 of 5 photographs"), std::string::npos) << result.output;
  EXPECT_FALSE(fs::exists(folder_ / "spin"));
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

// The drawn car before stripes and noise, opaque.
void put_before_background(const fs::path& from, const fs::path& to) {
  const cv::Mat rgba = read_picture(from);
  cv::Mat rgb(rgba.size(), CV_8UC3);
  cv::RNG random(5);
  for (int y = 0; y < rgba.rows; ++y) {
    for (int x = 0; x < rgba.cols; ++x) {
      const auto& car = rgba.at<cv::Vec4b>(y, x);
      const bool wall = y < rgba.rows / 2;
      const int light = random.uniform(-12, 12) + (x / 12 % 2 == 0 ? 8 : -8);
      const cv::Vec3i ground = wall ? cv::Vec3i(90, 190, 110) : cv::Vec3i(205, 190, 80);
      for (int c = 0; c < 3; ++c)
        rgb.at<cv::Vec3b>(y, x)[c] =
            cv::saturate_cast<uchar>((car[3] * car[c] + (255 - car[3]) * (ground[c] + light)) / 255);
    }
  }
  write_png(to, rgb);
}

// Never by itself: only where it is asked for, and with a warning.
TEST_F(Photos, WithoutANetworkGrabCutCutsOutWhereItIsAskedFor) {
  const fs::path from = folder_ / "my car", out = folder_ / "grabcut";
  fs::create_directory(from);
  for (const char* azimuth : {"045", "090"})
    put_before_background(set_of() / (std::string(azimuth) + ".png"), from / (std::string(azimuth) + ".png"));
  const std::string segment = "cd " + quoted(folder_.path()) + " && SPINFILL_SEGMENTER=gone.onnx " + test::program() +
                              " data segment " + quoted(from) + " --out grabcut";
  const auto refused = test::run_command(segment);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.output.find("there is no such segmentation model"), std::string::npos) << refused.output;
  EXPECT_NE(refused.output.find("--segmenter grabcut"), std::string::npos) << refused.output;
  EXPECT_FALSE(fs::exists(out));

  const auto made = test::run_command(segment + " --segmenter grabcut --json 2>warnings");
  ASSERT_EQ(made.exit_code, 0) << made.output;
  EXPECT_EQ(parse_json(made.output, "output")["segmenter"], "grabcut");
  EXPECT_NE(read_file(folder_ / "warnings").find("masks come from GrabCut"), std::string::npos);
  for (const char* name : {"045.png", "090.png"}) {
    cv::Mat mask, truth;
    cv::extractChannel(read_picture(out / name), mask, 3);
    cv::extractChannel(read_picture(set_of() / name), truth, 3);
    const double both = cv::countNonZero((mask >= 128) & (truth >= 128));
    EXPECT_GT(both / cv::countNonZero((mask >= 128) | (truth >= 128)), 0.8) << name;
  }
}

}  // namespace
}  // namespace spinfill
