// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/vehicle_mask.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

#include "data/walkaround/guided_filter.h"

namespace spinfill {
namespace {

constexpr int kRefined = 1024;             // px of the longer side at which the saliency is refined
constexpr double kLow = 0.3, kHigh = 0.7;  // refined saliency that becomes transparent, opaque
constexpr double kSmallHole = 0.01;        // of the vehicle's area: what is closed
constexpr double kWindowMargin = 0.3;      // of the vehicle's box, at each side
constexpr double kCutOff = 0.02;           // of the photograph's side

// Pieces of what is set, with their sizes and centres.
struct Pieces {
  cv::Mat labels, stats, centres;
  int count = 0;
  explicit Pieces(const cv::Mat& set) { count = cv::connectedComponentsWithStats(set, labels, stats, centres, 8); }
  double area(int piece) const { return stats.at<int>(piece, cv::CC_STAT_AREA); }
};

// The largest piece; its area counts less towards the photograph's border.
int main_piece(const Pieces& pieces, cv::Size size) {
  int best = 0;
  double most = 0;
  for (int piece = 1; piece < pieces.count; ++piece) {
    const double x = pieces.centres.at<double>(piece, 0) / size.width - 0.5;
    const double y = pieces.centres.at<double>(piece, 1) / size.height - 0.5;
    const double weight = pieces.area(piece) * (1 - 0.5 * std::min(1.0, 2 * std::hypot(x, y)));
    if (weight <= most) continue;
    most = weight;
    best = piece;
  }
  return best;
}

// Closes holes that are small against the vehicle and do not reach the photograph's border.
void close_holes(cv::Mat& alpha, double vehicle_area) {
  const Pieces holes(cv::Mat(alpha < kSeenAlpha));
  for (int y = 0; y < alpha.rows; ++y) {
    for (int x = 0; x < alpha.cols; ++x) {
      const int hole = holes.labels.at<int>(y, x);
      if (hole == 0 || holes.area(hole) > kSmallHole * vehicle_area) continue;
      const int left = holes.stats.at<int>(hole, cv::CC_STAT_LEFT), top = holes.stats.at<int>(hole, cv::CC_STAT_TOP);
      if (left == 0 || top == 0 || left + holes.stats.at<int>(hole, cv::CC_STAT_WIDTH) == alpha.cols ||
          top + holes.stats.at<int>(hole, cv::CC_STAT_HEIGHT) == alpha.rows)
        continue;
      alpha.at<uchar>(y, x) = 255;
    }
  }
}

bool is_cut_off(const cv::Mat& alpha) {
  const auto touched = [](const cv::Mat& border) {
    return cv::countNonZero(border >= kSeenAlpha) > kCutOff * static_cast<double>(border.total());
  };
  return touched(alpha.col(0)) || touched(alpha.col(alpha.cols - 1)) || touched(alpha.row(0)) ||
         touched(alpha.row(alpha.rows - 1));
}

}  // namespace

VehicleMask refined_mask(const cv::Mat& saliency, const cv::Mat& rgb) {
  const double shrink = std::min(1.0, static_cast<double>(kRefined) / std::max(rgb.cols, rgb.rows));
  const cv::Size size(std::max(1, static_cast<int>(std::lround(shrink * rgb.cols))),
                      std::max(1, static_cast<int>(std::lround(shrink * rgb.rows))));
  cv::Mat small;
  cv::resize(saliency, small, size, 0, 0, cv::INTER_LINEAR);
  GuidedFilter filter;
  // The saliency is sure to about a pixel of its own grid.
  filter.radius = std::max(2, static_cast<int>(std::lround(1.5 * std::max(size.width, size.height) /
                                                           std::max(saliency.cols, saliency.rows))));
  const cv::Mat refined = guided_filter(rgb, small, filter);
  VehicleMask mask;
  refined.convertTo(mask.alpha, CV_8U, 255 / (kHigh - kLow), -255 * kLow / (kHigh - kLow));

  const Pieces pieces(cv::Mat(mask.alpha >= kSeenAlpha));
  const int vehicle = main_piece(pieces, rgb.size());
  if (vehicle == 0) {
    mask.alpha.setTo(0);
    return mask;
  }
  const double area = pieces.area(vehicle);
  // Its soft outline stays: what is nearer to it than the saliency is sure of.
  cv::Mat near;
  const int reach = std::max(2, static_cast<int>(std::lround(filter.radius / shrink)));
  cv::dilate(cv::Mat(pieces.labels == vehicle), near,
             cv::getStructuringElement(cv::MORPH_RECT, {2 * reach + 1, 2 * reach + 1}));
  mask.alpha.setTo(0, near == 0);
  mask.alpha.setTo(0, (pieces.labels != vehicle) & (pieces.labels != 0));
  close_holes(mask.alpha, area);
  mask.box = cv::boundingRect(cv::Mat(mask.alpha >= kSeenAlpha));
  mask.area = area / static_cast<double>(rgb.total());
  mask.others = (cv::countNonZero(pieces.labels) - area) / area;
  mask.cut_off = is_cut_off(mask.alpha);
  return mask;
}

bool is_cut_out(const cv::Mat& rgba) {
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  double lowest = 0;
  cv::minMaxLoc(alpha, &lowest);
  return lowest < kSeenAlpha;
}

VehicleMask given_mask(const cv::Mat& alpha) {
  VehicleMask mask;
  mask.alpha = alpha;
  const cv::Mat seen = alpha >= kSeenAlpha;
  mask.box = cv::boundingRect(seen);
  mask.area = cv::countNonZero(seen) / static_cast<double>(alpha.total());
  mask.cut_off = is_cut_off(alpha);
  return mask;
}

VehicleMask vehicle_mask(const Segmenter& segmenter, const cv::Mat& rgb) {
  return refined_mask(segmenter.saliency(rgb), rgb);
}

VehicleMask vehicle_mask(const Segmenter& segmenter, const cv::Mat& rgb, MaskLook look, const cv::Rect& first) {
  if (first.empty()) return given_mask(cv::Mat::zeros(rgb.size(), CV_8U));
  cv::Rect part({0, 0}, rgb.size());
  if (look != MaskLook::mirrored) {
    const int x = cvRound(kWindowMargin * first.width), y = cvRound(kWindowMargin * first.height);
    part &= cv::Rect(first.x - x, first.y - y, first.width + 2 * x, first.height + 2 * y);
  }
  cv::Mat shown = rgb(part).clone(), alpha = cv::Mat::zeros(rgb.size(), CV_8U);
  const bool mirrored = look != MaskLook::window;
  if (mirrored) cv::flip(shown, shown, 1);
  const VehicleMask seen = refined_mask(segmenter.saliency(shown), shown);
  if (mirrored) {
    cv::flip(seen.alpha, alpha(part), 1);
  } else {
    seen.alpha.copyTo(alpha(part));
  }
  VehicleMask mask = given_mask(alpha);
  mask.others = seen.others;
  return mask;
}

}  // namespace spinfill
