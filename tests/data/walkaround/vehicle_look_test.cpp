// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/vehicle_look.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "support/support.h"

namespace spinfill {
namespace {

// A textured box on a ground of its own, `left` px further right.
struct Picture {
  cv::Mat rgb, alpha;
};
Picture picture(const cv::Scalar& paint, int left = 0, int seed = 1) {
  Picture out{cv::Mat(300, 500, CV_8UC3, cv::Scalar(80, 90, 80)), cv::Mat::zeros(300, 500, CV_8U)};
  const cv::Rect box(60 + left, 80, 320, 150);
  cv::Mat texture(30, 64, CV_8UC3);
  cv::RNG random(static_cast<std::uint64_t>(seed));
  random.fill(texture, cv::RNG::NORMAL, paint, cv::Scalar::all(25));
  cv::resize(texture, texture, box.size(), 0, 0, cv::INTER_CUBIC);
  texture.copyTo(out.rgb(box));
  out.alpha(box).setTo(255);
  return out;
}
VehicleLook look_of(const Picture& picture) {
  return vehicle_look(picture.rgb, picture.alpha);
}

TEST(VehicleLook, PointsAreMeasuredInTheVehiclesHeights) {
  const VehicleLook look = look_of(picture({90, 90, 150})), moved = look_of(picture({90, 90, 150}, 50));
  EXPECT_NEAR(look.aspect, 320 / 150.0, 1e-9);
  ASSERT_GT(look.points.size(), 30U);
  const auto matches = look_matches(look, moved, kMostPoints);
  EXPECT_GT(matches.size(), look.points.size() / 2);
  for (const LookMatch& match : matches) {
    EXPECT_NEAR(match.first.x, match.second.x, 0.03);
    EXPECT_NEAR(match.first.y, match.second.y, 0.03);
    EXPECT_LE(std::abs(match.first.x), look.aspect / 2);
  }
  EXPECT_LT(look_matches(look, moved, 10).size(), 11U);
  EXPECT_LT(look_matches(look, look_of(picture({90, 90, 150}, 0, 2)), kMostPoints).size(), matches.size() / 4);
}

TEST(VehicleLook, LampsAreRedInTheMiddle) {
  Picture one = picture({90, 90, 90});
  EXPECT_NEAR(look_of(one).lamp_red, 0, 1e-3);
  one.rgb(cv::Rect(70, 130, 30, 25)).setTo(cv::Scalar(200, 20, 25));
  const double lamp = look_of(one).lamp_red;
  EXPECT_GT(lamp, 0.01);
  one.rgb(cv::Rect(0, 0, 500, 60)).setTo(cv::Scalar(200, 20, 25));  // not the vehicle's
  EXPECT_EQ(look_of(one).lamp_red, lamp);
  one.rgb(cv::Rect(60, 170, 320, 60)).setTo(cv::Scalar(200, 20, 25));  // a red carpet that the mask holds
  EXPECT_NEAR(look_of(one).lamp_red, lamp, 1e-3);
}

TEST(VehicleLook, ColoursTellVehiclesApartButNotLight) {
  const VehicleLook blue = look_of(picture({50, 60, 170})), brighter = look_of(picture({64, 77, 205}, 10, 3)),
                    yellow = look_of(picture({190, 170, 30}));
  EXPECT_NEAR(colours_in_common(blue, blue), 1, 1e-5);
  EXPECT_GT(colours_in_common(blue, brighter), 0.75);
  EXPECT_LT(colours_in_common(blue, yellow), 0.3);
}

// The left side blue, the right one yellow: what is seen of yellow grows on the way from one side to the other.
VehicleLook of_two_colours(int yellow_px) {
  Picture both = picture({50, 60, 170});
  if (yellow_px == 0) return look_of(both);
  const cv::Rect yellow(380 - yellow_px, 80, yellow_px, 150);
  picture({190, 170, 30}).rgb(yellow).copyTo(both.rgb(yellow));
  return look_of(both);
}

TEST(VehicleLook, AVehicleOfTwoColoursIsOne) {
  const VehicleLook blue = of_two_colours(0), front_left = of_two_colours(100), front_right = of_two_colours(220),
                    yellow = of_two_colours(320), red = look_of(picture({190, 20, 30}));
  EXPECT_LT(colours_in_common(blue, yellow), 0.3);
  EXPECT_EQ(alike_groups({&blue, &yellow, &front_left, &front_right}), (std::vector<int>{0, 0, 0, 0}));
  EXPECT_EQ(alike_groups({&red, &blue, &yellow, &front_right, &front_left}), (std::vector<int>{1, 0, 0, 0, 0}));
  EXPECT_EQ(alike_groups({&red, &blue}), (std::vector<int>{0, 1}));
}

TEST(VehicleLook, TheSmallerOfTwoGroupsIsFound) {
  std::vector<VehicleLook> looks;
  for (int i = 0; i < 7; ++i)
    looks.push_back(look_of(picture(i % 3 == 1 ? cv::Scalar(170, 60, 50) : cv::Scalar(60, 70, 140 + 4 * i), 0, i + 1)));
  std::vector<const VehicleLook*> all;
  for (const VehicleLook& look : looks) all.push_back(&look);
  EXPECT_EQ(smaller_of_two(all), (std::vector<bool>{false, true, false, false, true, false, false}));
  EXPECT_EQ(smaller_of_two({&looks[0], &looks[1]}), (std::vector<bool>{false, true}));
}

TEST(VehicleLook, AnEmptyMaskIsAnError) {
  test::expect_error(ExitCode::runtime, {"mask"},
                     [] { vehicle_look(cv::Mat::zeros(8, 8, CV_8UC3), cv::Mat::zeros(8, 8, CV_8U)); });
}

}  // namespace
}  // namespace spinfill
