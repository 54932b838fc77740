// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/usability.h"

#include <fmt/format.h>

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

namespace spinfill {
namespace {

// Shares of the photograph.
constexpr double kTooSmall = 0.01, kTooLarge = 0.9;
constexpr double kAlike = 0.7;  // of the vehicle's area: another thing that could have been meant
// A vehicle's shape: the box's width over its height (a van from the front, a limousine from the side), the share of
// the box that is covered, and of the convex hull.
constexpr double kNarrowest = 0.72, kWidest = 4.4, kLeastFilled = 0.35, kLeastSolid = 0.62;
constexpr int kSharpAt = 480;       // px, the longer side of the box
constexpr int kReblur = 9;          // px, as in the paper
constexpr double kMostBlur = 0.48;  // sharp photographs have up to 0.35
constexpr double kDarkest = 60;     // luma of the brightest 2 %
constexpr int kWhite = 250;         // of 255, in all channels
constexpr double kMostWhite = 0.35;

bool has_a_vehicles_shape(const VehicleMask& mask) {
  const double aspect = static_cast<double>(mask.box.width) / mask.box.height;
  const cv::Mat seen = mask.alpha(mask.box) >= kSeenAlpha;
  if (aspect < kNarrowest || aspect > kWidest || cv::countNonZero(seen) < kLeastFilled * mask.box.area()) return false;
  std::vector<std::vector<cv::Point>> outlines;
  cv::findContours(seen, outlines, cv::RETR_EXTERNAL, cv::CHAIN_APPROX_NONE);
  double area = 0, hull_area = 0;
  for (const auto& outline : outlines) {
    if (const double own = cv::contourArea(outline); own > area) {
      area = own;
      std::vector<cv::Point> hull;
      cv::convexHull(outline, hull);
      hull_area = cv::contourArea(hull);
    }
  }
  return area >= kLeastSolid * hull_area;
}

struct Lit {
  cv::Mat grey, inner;  // at kSharpAt; inner: what is surely the vehicle's
  double white = 0;     // share that is over-exposed
};
Lit lit(const cv::Mat& rgb, const VehicleMask& mask) {
  cv::Mat colours = rgb(mask.box), seen = mask.alpha(mask.box) >= kSeenAlpha;
  if (const double shrink = static_cast<double>(kSharpAt) / std::max(colours.cols, colours.rows); shrink < 1) {
    cv::resize(colours, colours, {}, shrink, shrink, cv::INTER_AREA);
    cv::resize(seen, seen, colours.size(), 0, 0, cv::INTER_NEAREST);
  }
  Lit out;
  cv::cvtColor(colours, out.grey, cv::COLOR_RGB2GRAY);
  cv::erode(seen, out.inner, cv::Mat::ones(kReblur, kReblur, CV_8U), {-1, -1}, 1, cv::BORDER_CONSTANT,
            cv::Scalar::all(0));
  cv::Mat white;
  cv::inRange(colours, cv::Scalar::all(kWhite), cv::Scalar::all(255), white);
  const int inner = cv::countNonZero(out.inner);
  out.white = inner == 0 ? 0 : cv::countNonZero(white & out.inner) / static_cast<double>(inner);
  return out;
}

// Crété et al., eqs. 1 to 6, along one direction.
double blur_along(const cv::Mat& grey, const cv::Mat& inner, bool down) {
  cv::Mat sharp, blurred;
  grey.convertTo(sharp, CV_32F);
  cv::blur(sharp, blurred, down ? cv::Size(1, kReblur) : cv::Size(kReblur, 1));
  double differences = 0, lost = 0;
  const int dy = down ? 1 : 0, dx = down ? 0 : 1;
  for (int y = dy; y < grey.rows; ++y) {
    for (int x = dx; x < grey.cols; ++x) {
      if (inner.at<uchar>(y, x) == 0 || inner.at<uchar>(y - dy, x - dx) == 0) continue;
      const double own = std::abs(sharp.at<float>(y, x) - sharp.at<float>(y - dy, x - dx));
      const double after = std::abs(blurred.at<float>(y, x) - blurred.at<float>(y - dy, x - dx));
      differences += own;
      lost += std::max(0.0, own - after);
    }
  }
  return differences > 0 ? (differences - lost) / differences : 0;
}

double blur_of(const Lit& lit) {
  return std::max(blur_along(lit.grey, lit.inner, true), blur_along(lit.grey, lit.inner, false));
}

// The luma that 98 % of the vehicle have at most.
double brightest(const Lit& lit) {
  std::vector<uchar> values;
  for (int y = 0; y < lit.grey.rows; ++y)
    for (int x = 0; x < lit.grey.cols; ++x)
      if (lit.inner.at<uchar>(y, x) != 0) values.push_back(lit.grey.at<uchar>(y, x));
  if (values.empty()) return 255;
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(0.98 * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, place);
  return *place;
}

}  // namespace

double blur_of(const cv::Mat& rgb, const VehicleMask& mask) {
  return blur_of(lit(rgb, mask));
}

Usability mask_usability(const VehicleMask& mask) {
  using enum PhotographVerdict;
  if (mask.box.empty())
    return {ignored, Trouble::no_vehicle,
            "nothing stands out of its background: take it with the whole vehicle in sight"};
  if (mask.area < kTooSmall)
    return {ignored, Trouble::too_far,
            fmt::format("what stands out covers {:.1f} % of it: go nearer to the vehicle", 100 * mask.area)};
  if (mask.area > kTooLarge)
    return {ignored, Trouble::too_near,
            fmt::format("what stands out covers {:.0f} % of it: take it from outside, with the whole vehicle in sight",
                        100 * mask.area)};
  if (!has_a_vehicles_shape(mask))
    return {ignored, Trouble::no_vehicle,
            "what stands out does not have a vehicle's outline (an interior, a detail, something else): take it from "
            "outside, with the whole vehicle in sight"};
  if (mask.cut_off)
    return {retake, Trouble::cut_off, "the vehicle reaches the border: take it with the whole vehicle in sight"};
  if (mask.others > kAlike)
    return {retake, Trouble::several,
            "another thing stands out as much as the vehicle: take it with one vehicle in sight"};
  return {};
}

Usability usability(const MaskedPhotograph& photograph) {
  using enum PhotographVerdict;
  const Usability by_mask = mask_usability(photograph.mask);
  if (by_mask.verdict == ignored) return by_mask;
  const Lit seen = lit(photograph.rgb, photograph.mask);
  if (const double luma = brightest(seen); luma < kDarkest)
    return {retake, Trouble::too_dark,
            fmt::format("the vehicle is too dark (its brightest parts reach {:.0f} of 255): take it by day, or in more "
                        "light",
                        luma)};
  if (seen.white > kMostWhite)
    return {retake, Trouble::over_exposed,
            fmt::format("{:.0f} % of the vehicle are over-exposed: take it with a shorter exposure, out of the sun",
                        100 * seen.white)};
  if (const double blur = blur_of(seen); blur > kMostBlur)
    return {retake, Trouble::blurred,
            fmt::format("it is blurred ({:.2f}; sharp ones have up to {:.2f}): hold the camera still and focus on the "
                        "vehicle",
                        blur, kMostBlur)};
  return by_mask;
}

}  // namespace spinfill
