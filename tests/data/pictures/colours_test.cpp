// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/pictures/colour_profile.h"
#include "data/pictures/heif.h"
#include "data/pictures/picture.h"
#include "support/support.h"

namespace spinfill {
namespace {

// tests/fixtures/data/colours/make_colours.py made the pictures and computed the colours by their definitions.
const Json& colours() {
  static const Json loaded = read_json(test::fixture("data/colours/colours.json"));
  return loaded;
}
std::string bytes_of(const std::string& name) {
  return read_file(test::fixture("data/colours/" + name));
}

// The middle of each patch: what a codec loses at the edges does not count.
void expect_colours(const cv::Mat& rgba, const std::string& name, int tolerance) {
  const int side = colours()["side"], columns = colours()["columns"];
  const Json& expected = colours()["pictures"][name];
  ASSERT_EQ(rgba.size(), cv::Size(columns * side, colours()["rows"].get<int>() * side)) << name;
  for (int i = 0; i < static_cast<int>(expected.size()); ++i) {
    const cv::Scalar seen =
        cv::mean(rgba(cv::Rect(i % columns * side + 3, i / columns * side + 3, side - 6, side - 6)));
    for (int c = 0; c < 3; ++c)
      EXPECT_NEAR(seen[c], expected[static_cast<std::size_t>(i)][static_cast<std::size_t>(c)].get<double>(), tolerance)
          << name << ", patch " << i << ", channel " << c;
  }
}

TEST(PictureColours, AreBroughtToSrgb) {
  for (const auto& [name, tolerance] : std::initializer_list<std::pair<std::string, int>>{{"p3.png", 1},
                                                                                          {"srgb.png", 0},
                                                                                          {"p3.webp", 1},
                                                                                          {"p3.jpg", 4},
                                                                                          {"grey.jpg", 5},
                                                                                          {"cmyk.jpg", 4},
                                                                                          {"p3.heic", 6},
                                                                                          {"p3-points.heic", 6},
                                                                                          {"alpha.heic", 6},
                                                                                          {"turned.heic", 6},
                                                                                          {"picture.avif", 4}}) {
    expect_colours(decode_picture(bytes_of(name), name), name, tolerance);
  }
  // Of values that are no colours the profile is left alone: those of the same picture marked as sRGB.
  const cv::Mat stored = decode_picture(bytes_of("p3.png"), "p3.png", Colours::as_stored);
  expect_colours(stored, "srgb.png", 0);
}

TEST(PictureColours, ADamagedProfileIsTold) {
  testing::internal::CaptureStderr();
  expect_colours(decode_picture(bytes_of("damaged.png"), "car/damaged.png"), "damaged.png", 0);
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_NE(lines.find("car/damaged.png: its colour profile"), std::string::npos) << lines;
}

TEST(PictureColours, HeifIsReadLikeTheOthers) {
  const PictureSize size = picture_size(bytes_of("turned.heic"), "turned.heic");
  EXPECT_EQ(size.format, PictureFormat::heif);
  EXPECT_EQ(size.width, 48);
  EXPECT_EQ(size.orientation, 1);  // the file's own turn is part of the format, and Exif's is not obeyed again
  EXPECT_FALSE(size.for_every_viewer);
  EXPECT_FALSE(picture_size(bytes_of("cmyk.jpg"), "cmyk.jpg").for_every_viewer);
  EXPECT_TRUE(picture_size(bytes_of("p3.jpg"), "p3.jpg").for_every_viewer);
  const cv::Mat alpha = decode_picture(bytes_of("alpha.heic"), "alpha.heic");
  EXPECT_NEAR(alpha.at<cv::Vec4b>(16, 4)[3], 100, 2);
  EXPECT_EQ(alpha.at<cv::Vec4b>(16, 44)[3], 255);
  // What is delivered in its place holds the same pixels, without a profile.
  const std::string png = upright_png(bytes_of("p3.heic"), "p3.heic");
  EXPECT_EQ(cv::norm(decode_picture(png, "x"), decode_picture(bytes_of("p3.heic"), "x"), cv::NORM_INF), 0);
}

TEST(PictureColours, OddHeifIsRefusedByName) {
  std::string film = bytes_of("p3.heic");
  film.replace(8, 4, "msf1");
  test::expect_error(ExitCode::runtime, {"x.heic", "film"}, [&] { picture_size(film, "x.heic"); });
  const std::string whole = bytes_of("p3.heic");
  for (const std::size_t kept : {16U, 100U, 400U, 1000U})
    test::expect_error(ExitCode::runtime, {"x.heic"}, [&] { decode_picture(whole.substr(0, kept), "x.heic"); });
  // Any byte may be wrong: an error or a picture, never a crash.
  testing::internal::CaptureStderr();
  for (const char* name : {"p3.heic", "picture.avif", "cmyk.jpg", "p3.jpg", "p3.png", "grey.jpg"}) {
    const std::string good = bytes_of(name);
    for (std::size_t at = 0; at < good.size(); at += 3) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
      try {
        decode_picture(bad, "x");
      } catch (const Error&) {
      }
    }
  }
  testing::internal::GetCapturedStderr();
}

// P3's red lies outside of sRGB; what both hold comes back by a second way, the code points' profile.
TEST(PictureColours, ProfilesByCodePointsMeanTheSame) {
  const int side = colours()["side"];
  cv::Mat by_icc = decode_picture(bytes_of("p3.png"), "p3.png");
  cv::Mat by_points = decode_picture(bytes_of("p3.png"), "p3.png", Colours::as_stored);
  ASSERT_TRUE(to_srgb(by_points, rgb_profile(Primaries::display_p3, 0)));
  EXPECT_LE(cv::norm(by_icc, by_points, cv::NORM_INF), 1);
  cv::Mat same = by_icc.clone();
  ASSERT_TRUE(to_srgb(same, rgb_profile(Primaries::srgb, 0)));
  EXPECT_EQ(cv::norm(by_icc, same, cv::NORM_INF), 0);
  cv::Mat linear(side, side, CV_8UC4, cv::Scalar(128, 128, 128, 7));
  ASSERT_TRUE(to_srgb(linear, rgb_profile(Primaries::srgb, 1)));
  EXPECT_NEAR(linear.at<cv::Vec4b>(0, 0)[0], 188, 1);
  EXPECT_EQ(linear.at<cv::Vec4b>(0, 0)[3], 7);
  EXPECT_FALSE(to_srgb(linear, "no profile"));
}

}  // namespace
}  // namespace spinfill
