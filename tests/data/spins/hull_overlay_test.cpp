// SPDX-License-Identifier: Apache-2.0
#include "data/spins/hull_overlay.h"

#include <opencv2/imgproc.hpp>

#include "data/pictures/picture.h"
#include "data/spins/hull_agreement.h"
#include "support/support.h"

namespace spinfill {
namespace {

constexpr int kWidth = 200, kHeight = 100;
const cv::Scalar kPaint(100, 100, 100, 255);

cv::Mat block(const cv::Rect& where) {
  cv::Mat coverage(kHeight, kWidth, CV_32F, cv::Scalar(0));
  coverage(where).setTo(1);
  return coverage;
}

OverlayCell cell(const cv::Rect& hull, const cv::Rect& mask) {
  return {cv::Mat(kHeight, kWidth, CV_8UC4, kPaint), block(hull), block(mask), "45.0 deg"};
}

int pixels_near(const cv::Mat& picture, const cv::Scalar& colour, double tolerance) {
  cv::Mat found;
  cv::inRange(picture, colour - cv::Scalar::all(tolerance), colour + cv::Scalar::all(tolerance), found);
  return cv::countNonZero(found);
}

// Colours as the overlay mixes them into the paint.
cv::Scalar tinted(const cv::Scalar& tint) {
  return (kPaint * 0.28 + tint * 0.72).mul(cv::Scalar(1, 1, 1, 0));
}

TEST(HullOverlay, TintsWhereHullAndMaskDifferAndDrawsTheHull) {
  // The hull reaches 20 px farther left, the mask 10 px farther right. One margin of cell is 3 % of a side.
  const cv::Mat page = hull_overlay({{"row", {cell({40, 20, 100, 60}, {60, 20, 90, 60})}}}, 116 * 4);
  const double hull_only = pixels_near(page, tinted(kHullOnly), 2), mask_only = pixels_near(page, tinted(kMaskOnly), 2);
  // 122 px of the photograph (both blocks and the margins) fill the cell; the outline hides some of the tint.
  const double zoom = 116. * 4 / (110 + 0.06 * kWidth);
  EXPECT_NEAR(hull_only, 20 * 60 * zoom * zoom, 0.15 * 20 * 60 * zoom * zoom);
  EXPECT_NEAR(mask_only, 10 * 60 * zoom * zoom, 0.2 * 10 * 60 * zoom * zoom);
  int yellow = 0;
  for (auto p = page.begin<cv::Vec3b>() + 40 * page.cols; p != page.end<cv::Vec3b>(); ++p)  // below the legend
    yellow += (*p)[0] > (*p)[2] + 80 && (*p)[1] > (*p)[2] + 60;
  EXPECT_GT(yellow, 2 * (100 + 60) * zoom * 0.8);

  const cv::Mat agreeing = hull_overlay({{"row", {cell({40, 20, 100, 60}, {40, 20, 100, 60})}}}, 116 * 4);
  EXPECT_EQ(pixels_near(agreeing, tinted(kHullOnly), 2), 0);
  EXPECT_EQ(pixels_near(agreeing, tinted(kMaskOnly), 2), 0);
}

TEST(HullOverlay, HasACellPerPhotographAndARowPerSetOfCameras) {
  const OverlayCell one = cell({40, 20, 100, 60}, {40, 20, 100, 60});
  const cv::Mat small = hull_overlay({{"before", {one, one, one, one}}, {"after", {one, one, one, one}}}, 320);
  ASSERT_EQ(small.type(), CV_8UC3);
  EXPECT_EQ(small.cols, 4 * 328 + 8);
  const cv::Mat single = hull_overlay({{"before", {one, one, one, one}}}, 320);
  EXPECT_GT(small.rows, 2 * single.rows - 60);
}

TEST(HullOverlay, RefusesWhatItCannotDraw) {
  test::expect_error(ExitCode::runtime, {"no pictures"}, [] { hull_overlay({}); });
  OverlayCell odd = cell({40, 20, 100, 60}, {40, 20, 100, 60});
  odd.mask = cv::Mat(4, 4, CV_32F, cv::Scalar(0));
  test::expect_error(ExitCode::runtime, {"45.0 deg"}, [&] { hull_overlay({{"row", {odd}}}); });
}

TEST(HullAgreement, OverlapIsIntersectionOverUnion) {
  EXPECT_DOUBLE_EQ(silhouette_overlap(block({0, 0, 60, 10}), block({30, 0, 60, 10})), 30. / 90);
  EXPECT_EQ(silhouette_overlap(block({0, 0, 0, 0}), block({0, 0, 0, 0})), 0);
}

TEST(PlainGround, CompositesByCoverage) {
  cv::Mat rgba(8, 8, CV_8UC4, cv::Scalar(200, 100, 0, 51));
  const cv::Mat out = on_plain_ground(rgba, {4, 4}, cv::Scalar(0, 100, 250));
  ASSERT_EQ(out.type(), CV_8UC3);
  EXPECT_EQ(out.at<cv::Vec3b>(2, 2), cv::Vec3b(40, 100, 200));
}

}  // namespace
}  // namespace spinfill
