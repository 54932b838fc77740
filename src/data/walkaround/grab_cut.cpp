// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/grab_cut.h"

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace spinfill {
namespace {

constexpr int kLongSide = 320, kLeastSide = 32;  // px at which it runs
constexpr int kIterations = 5;
// In half widths and half heights of the photograph, from its middle. Chosen on photographed cars (experiments/photos):
// without a part that surely is the vehicle, cars are lost whose colours are those of the hall; a larger one takes in
// what is before and behind.
constexpr double kBorder = 0.96;     // beyond is background
constexpr double kMiddleDown = 0.1;  // where vehicles have theirs
struct Ellipse {
  double across, down;
  bool holds(double x, double y) const { return std::hypot(x / across, (y - kMiddleDown) / down) < 1; }
};
constexpr Ellipse kLikely{0.75, 0.6}, kSure{0.2, 0.1};
constexpr double kMostAlike = 0.95;  // colours that the middle and its surroundings have in common, of 1

// OpenCV's generator of this thread, which seeds GrabCut's clusters, as it was when this goes.
class OwnRandom {
 public:
  OwnRandom() : before_(cv::theRNG()) { cv::theRNG() = cv::RNG(1); }
  ~OwnRandom() { cv::theRNG() = before_; }
  OwnRandom(const OwnRandom&) = delete;
  OwnRandom& operator=(const OwnRandom&) = delete;

 private:
  cv::RNG before_;
};

cv::Mat start(cv::Size size) {
  cv::Mat labels(size, CV_8U, cv::Scalar(cv::GC_BGD));
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const double across = (2 * x + 1.0) / size.width - 1, down = (2 * y + 1.0) / size.height - 1;
      if (std::max(std::abs(across), std::abs(down)) > kBorder) continue;
      labels.at<uchar>(y, x) = kSure.holds(across, down)     ? cv::GC_FGD
                               : kLikely.holds(across, down) ? cv::GC_PR_FGD
                                                             : cv::GC_PR_BGD;
    }
  }
  return labels;
}

// Share of colours that what may be the vehicle and the rest have in common: the intersection of their histograms
// (Swain and Ballard, "Color indexing", IJCV 1991).
double in_common(const cv::Mat& rgb, const cv::Mat& labels) {
  constexpr int kBins = 8;
  const std::array<int, 3> channels = {0, 1, 2}, bins = {kBins, kBins, kBins};
  const std::array<float, 2> range = {0, 256};
  std::array<const float*, 3> ranges = {range.data(), range.data(), range.data()};
  const auto histogram = [&](const cv::Mat& where) {
    cv::Mat counts;
    cv::calcHist(&rgb, 1, channels.data(), where, counts, 3, bins.data(), ranges.data());
    return cv::Mat(counts / std::max(1, cv::countNonZero(where)));
  };
  const cv::Mat vehicle = (labels & 1) * 255;  // GC_FGD and GC_PR_FGD are odd
  return cv::compareHist(histogram(vehicle), histogram(~vehicle), cv::HISTCMP_INTERSECT);
}

}  // namespace

cv::Mat GrabCutSegmenter::saliency(const cv::Mat& rgb) const {
  const double scale = static_cast<double>(kLongSide) / std::max(rgb.cols, rgb.rows);
  const cv::Size size(std::max(kLeastSide, static_cast<int>(std::lround(scale * rgb.cols))),
                      std::max(kLeastSide, static_cast<int>(std::lround(scale * rgb.rows))));
  cv::Mat small;
  cv::resize(rgb, small, size, 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
  cv::Mat labels = start(size), background, vehicle, out = cv::Mat::zeros(size, CV_32F);
  if (in_common(small, labels) > kMostAlike) return out;
  const OwnRandom random;
  cv::grabCut(small, labels, {}, background, vehicle, kIterations, cv::GC_INIT_WITH_MASK);
  cv::Mat(labels & 1).convertTo(out, CV_32F);
  return out;
}

}  // namespace spinfill
