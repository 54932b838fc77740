// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/dynamic_range.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "support/mutate.h"
#include "support/png_chunk.h"
#include "support/support.h"

namespace spinfill {
namespace {

// tests/fixtures/data/dynamic_range/make_references.py computed them by the definitions and made the pictures.
const Json& references() {
  static const Json loaded = read_json(test::fixture("data/dynamic_range/references.json"));
  return loaded;
}
std::string deep_file(const std::string& name) {
  return read_file(test::fixture("data/dynamic_range/" + name));
}

cv::Vec3b converted(const cv::Vec3w& code, DynamicRange range, Primaries primaries) {
  return to_standard_range(cv::Mat(1, 1, CV_16UC3, cv::Scalar(code[0], code[1], code[2])), range, primaries)
      .at<cv::Vec3b>(0, 0);
}

void expect_patches(const cv::Mat& rgba, const std::string& name, double tolerance) {
  const int side = references()["side"], columns = references()["columns"], rows = references()["rows"];
  const Json& expected = references()["patches"][name];
  ASSERT_EQ(rgba.size(), cv::Size(columns * side, rows * side)) << name;
  for (int i = 0; i < columns * rows; ++i) {
    const cv::Scalar seen =
        cv::mean(rgba(cv::Rect(i % columns * side + 3, i / columns * side + 3, side - 6, side - 6)));
    for (int c = 0; c < 3; ++c)
      EXPECT_NEAR(seen[c], expected[static_cast<std::size_t>(i)][static_cast<std::size_t>(c)].get<double>(), tolerance)
          << name << ", patch " << i << ", channel " << c;
  }
}

TEST(HighDynamicRange, BecomesTheSrgbOfTheDefinitions) {
  int rows = 0;
  for (const Json& row : references()["colours"]) {
    const auto range = *value_named<DynamicRange>(row[0].get<std::string>());
    const cv::Vec3w code(row[2][0], row[2][1], row[2][2]);
    const cv::Vec3b seen = converted(code, range, static_cast<Primaries>(row[1].get<int>()));
    // Rounding, and a tenth of a level for the tables.
    for (int c = 0; c < 3; ++c) EXPECT_NEAR(seen[c], row[3][static_cast<std::size_t>(c)].get<double>(), 0.6) << row;
    ++rows;
  }
  EXPECT_EQ(rows, 218);
}

TEST(HighDynamicRange, RisesSmoothlyToWhiteAndKeepsTheHue) {
  cv::Mat ramp(1, 65536, CV_16UC3);
  for (int i = 0; i < ramp.cols; ++i) ramp.at<cv::Vec3w>(0, i) = cv::Vec3w::all(static_cast<std::uint16_t>(i));
  for (const DynamicRange range : {DynamicRange::hlg, DynamicRange::pq}) {
    for (const Primaries primaries : {Primaries::srgb, Primaries::display_p3, Primaries::bt2020}) {
      const cv::Mat out = to_standard_range(ramp, range, primaries);
      for (int i = 0; i < out.cols; ++i) {
        const auto& now = out.at<cv::Vec3b>(0, i);
        ASSERT_TRUE(now[0] == now[1] && now[1] == now[2]) << "grey stays grey: " << i;
        if (i > 0) {
          const int step = now[0] - out.at<cv::Vec3b>(0, i - 1)[0];
          ASSERT_TRUE(step == 0 || step == 1) << i;
        }
      }
      EXPECT_EQ(out.at<cv::Vec3b>(0, 0)[0], 0);
      EXPECT_EQ(out.at<cv::Vec3b>(0, 65535)[0], 255);
    }
  }
  // 203 cd/m² and 1000 (BT.2408, table 1).
  EXPECT_EQ(converted(cv::Vec3w::all(49151), DynamicRange::hlg, Primaries::bt2020)[0], 229);
  EXPECT_NEAR(converted(cv::Vec3w::all(38049), DynamicRange::pq, Primaries::bt2020)[0], 229, 1);
  EXPECT_EQ(converted(cv::Vec3w::all(49300), DynamicRange::pq, Primaries::bt2020)[0], 255);
  // An orange of 100, 300 and 900 cd/m²: the same shares of light, whatever the tone mapping takes away.
  const auto linear = [](double v) {
    return v <= 0.04045 * 255 ? v / 255 / 12.92 : std::pow((v / 255 + 0.055) / 1.055, 2.4);
  };
  const auto code = [](double luminance) {  // BT.2100-2, table 4
    const double y = std::pow(luminance / 10000, 0.1593017578125);
    return static_cast<std::uint16_t>(
        std::lround(65535 * std::pow((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y), 78.84375)));
  };
  for (const double luminance : {100.0, 300.0, 900.0, 4000.0}) {
    const cv::Vec3b seen =
        converted({code(luminance), code(luminance / 2), code(luminance / 5)}, DynamicRange::pq, Primaries::srgb);
    EXPECT_NEAR(linear(seen[1]) / linear(seen[0]), 0.5, 0.01) << luminance;
    EXPECT_NEAR(linear(seen[2]) / linear(seen[0]), 0.2, 0.01) << luminance;
  }
  EXPECT_NEAR(linear(converted(cv::Vec3w::all(code(20)), DynamicRange::pq, Primaries::bt2020)[1]), 20 / 203.0, 1e-3)
      << "below the knee nothing changes";
}

TEST(HighDynamicRange, PicturesAreReadOfAllTheirBits) {
  for (const char* name : {"hlg.heic", "pq.heic", "hlg.avif", "pq.avif"}) {
    const std::string bytes = deep_file(name);
    const cv::Mat rgba = decode_picture(bytes, name);
    ASSERT_EQ(rgba.type(), CV_8UC4);
    expect_patches(rgba, name, std::string(name).ends_with(".avif") ? 0.6 : 2.5);
    EXPECT_EQ(rgba.at<cv::Vec4b>(0, 0)[3], std::string(name) == "pq.avif" ? 128 : 255);
    EXPECT_FALSE(picture_size(bytes, name).for_every_viewer);
    EXPECT_EQ(cv::norm(decode_picture(upright_png(bytes, name), "x"), rgba, cv::NORM_INF), 0);
    // Of values that are no colours the range is left alone: grey of 300 of 1023.
    EXPECT_NEAR(decode_picture(bytes, name, Colours::as_stored).at<cv::Vec4b>(4, 12)[1], 300 / 1023.0 * 255, 1);
  }
}

TEST(HighDynamicRange, APictureDoesNotBand) {
  cv::Mat wanted(1, 1024, CV_16UC3);
  for (int x = 0; x < wanted.cols; ++x)
    wanted.at<cv::Vec3w>(0, x) = cv::Vec3w::all(static_cast<std::uint16_t>(std::lround(65535.0 * x / 1023)));
  wanted = to_standard_range(wanted, DynamicRange::hlg, Primaries::bt2020);
  const cv::Mat rgba = decode_picture(deep_file("ramp.avif"), "ramp.avif");
  std::set<int> levels;
  for (int x = 0; x < rgba.cols; ++x) {
    levels.insert(rgba.at<cv::Vec4b>(4, x)[1]);
    for (int c = 0; c < 3; ++c) ASSERT_EQ(rgba.at<cv::Vec4b>(4, x)[c], wanted.at<cv::Vec3b>(0, x)[c]) << x;
  }
  EXPECT_EQ(levels.size(), 256U) << "of 8 bits before the tone mapping some are left out";
}

// PNG, third edition: cICP is primaries, transfer, matrix, full range.
std::string png_with_code_points(const cv::Mat& bgr, const std::string& points) {
  std::vector<unsigned char> encoded;
  cv::imencode(".png", bgr, encoded);
  return test::with_png_chunk(std::string(encoded.begin(), encoded.end()), "cICP", points);
}

TEST(HighDynamicRange, PngSaysItByItsCodePoints) {
  cv::Mat ramp(1, 1024, CV_16UC3), rgb;
  for (int x = 0; x < ramp.cols; ++x) {
    const auto code = static_cast<std::uint16_t>(64 * x);
    ramp.at<cv::Vec3w>(0, x) = {static_cast<std::uint16_t>(code / 3), static_cast<std::uint16_t>(code / 2), code};
  }
  cv::cvtColor(ramp, rgb, cv::COLOR_BGR2RGB);
  struct Coded {
    DynamicRange range;
    Primaries primaries;
    const char* points;
  };
  for (const Coded& coded : {Coded{DynamicRange::pq, Primaries::bt2020, "\x09\x10"},
                             Coded{DynamicRange::hlg, Primaries::display_p3, "\x0c\x12"}}) {
    const std::string bytes = png_with_code_points(ramp, std::string(coded.points) + std::string("\0\1", 2));
    const cv::Mat wanted = to_standard_range(rgb, coded.range, coded.primaries);
    const cv::Mat rgba = decode_picture(bytes, "x.png");
    for (int x = 0; x < ramp.cols; ++x) {
      for (int c = 0; c < 3; ++c) ASSERT_EQ(rgba.at<cv::Vec4b>(0, x)[c], wanted.at<cv::Vec3b>(0, x)[c]) << x;
      ASSERT_EQ(rgba.at<cv::Vec4b>(0, x)[3], 255);
    }
    EXPECT_NEAR(decode_picture(bytes, "x.png", Colours::as_stored).at<cv::Vec4b>(0, 600)[0], 600 / 4, 1);
  }
  // Of 8 bits, and of standard range: Display P3's red is beyond sRGB's.
  const cv::Mat red(2, 2, CV_8UC3, cv::Scalar(0, 40, 200));
  const cv::Vec4b p3 =
      decode_picture(png_with_code_points(red, std::string("\x0c\x0d\0\1", 4)), "x").at<cv::Vec4b>(0, 0);
  EXPECT_GT(p3[0], 210);
  const cv::Vec4b same =
      decode_picture(png_with_code_points(red, std::string("\1\x0d\0\1", 4)), "x").at<cv::Vec4b>(0, 0);
  EXPECT_EQ(same, cv::Vec4b(200, 40, 0, 255));
  const cv::Mat eight = decode_picture(png_with_code_points(red, std::string("\x09\x10\0\1", 4)), "x");
  EXPECT_EQ(eight.at<cv::Vec4b>(0, 0)[0], converted({200 * 257, 40 * 257, 0}, DynamicRange::pq, Primaries::bt2020)[0]);
  // What it says of video is told; a chunk of another length says nothing.
  testing::internal::CaptureStderr();
  decode_picture(png_with_code_points(red, std::string("\1\x0d\1\0", 4)), "video.png");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("video.png: its cICP chunk says"), std::string::npos);
  EXPECT_EQ(decode_picture(png_with_code_points(red, "\x09\x10"), "x").at<cv::Vec4b>(0, 0)[0], 200);
}

TEST(HighDynamicRange, OddPicturesAreRefusedOrRead) {
  testing::internal::CaptureStderr();
  for (const char* name : {"hlg.heic", "pq.avif"}) {
    const std::string whole = deep_file(name);
    for (const std::size_t kept : {100U, 300U, 400U})
      test::expect_error(ExitCode::runtime, {"x.heic"}, [&] { decode_picture(whole.substr(0, kept), "x.heic"); });
    test::mutate_and_try(whole, [](std::string_view bytes) { decode_picture(bytes, "x.heic"); });
  }
  testing::internal::GetCapturedStderr();
  // Primaries that are unsaid are those of BT.2100; numbers that mean nothing are told.
  std::string bytes = deep_file("hlg.avif");
  char& primaries = bytes[bytes.find("colrnclx") + 9];
  primaries = 2;
  expect_patches(decode_picture(bytes, "x.avif"), "hlg.avif", 0.6);
  primaries = 77;
  testing::internal::CaptureStderr();
  decode_picture(bytes, "odd.avif");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("odd.avif: which colours it has"), std::string::npos);
  EXPECT_THROW(to_standard_range(cv::Mat(2, 2, CV_8UC3), DynamicRange::hlg, Primaries::bt2020), Error);
  EXPECT_THROW(to_standard_range(cv::Mat(2, 2, CV_16UC3), DynamicRange::standard, Primaries::bt2020), Error);
}

}  // namespace
}  // namespace spinfill
