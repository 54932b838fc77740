// SPDX-License-Identifier: Apache-2.0
#include "metrics/photo/alignment.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/letterbox.h"

namespace spinfill {
namespace {

constexpr int kSearched = 128;  // px, the longer side of the box
constexpr double kLeastScale = 0.8, kMostScale = 1.25;
constexpr double kMostShift = 0.15;  // of the box's longer side

// Where pixels of the box come from, as warpAffine's inverse map; `from` is the source's corner in the picture, and
// both are scaled down by `reduction`.
cv::Matx23d inverse_map(const Alignment& a, const cv::Rect& box, const cv::Point& from, double reduction) {
  // In px of the picture, (0, 0) its corner: source = c + (target − c − t)/s.
  const double cx = box.x + box.width / 2.0, cy = box.y + box.height / 2.0;
  const double half = 0.5 / reduction;  // of a reduced pixel
  const auto row = [&](double centre, double shift, double target_corner, double source_corner) {
    // reduced source index = ((centre + (target − centre − shift)/scale) − source_corner)·reduction − ½
    return (centre + (target_corner + half - centre - shift) / a.scale - source_corner) * reduction - 0.5;
  };
  return {1 / a.scale, 0, row(cx, a.shift_x, box.x, from.x), 0, 1 / a.scale, row(cy, a.shift_y, box.y, from.y)};
}

// Means of k×k pixels; a rest at the right and bottom is left out.
cv::Mat reduced(const cv::Mat& rgba, const cv::Rect& window, int k) {
  const cv::Rect whole(window.x, window.y, window.width / k * k, window.height / k * k);
  cv::Mat out;
  cv::resize(premultiplied(rgba(whole)), out, {whole.width / k, whole.height / k}, 0, 0, cv::INTER_AREA);
  return out;
}

class Search {
 public:
  Search(const cv::Mat& picture, const cv::Mat& truth, const cv::Rect& box) : box_(box) {
    const int longer = std::max(box.width, box.height);
    const int k = std::clamp((longer + kSearched - 1) / kSearched, 1, std::min(box.width, box.height));
    reduction_ = 1.0 / k;
    const int reach = static_cast<int>(std::ceil(0.4 * longer)) + k;
    cv::Rect wide = cv::Rect(box.x - reach, box.y - reach, box.width + 2 * reach, box.height + 2 * reach) &
                    cv::Rect(0, 0, picture.cols, picture.rows);
    // Means of the same pixels on both sides, so that no change is none.
    const int x = (box.x - wide.x) % k, y = (box.y - wide.y) % k;
    wide = cv::Rect(wide.x + x, wide.y + y, wide.width - x, wide.height - y);
    from_ = wide.tl();
    source_ = reduced(picture, wide, k);
    truth_ = reduced(truth, box, k);
  }

  double error(const Alignment& a) const {
    cv::Mat there;
    cv::warpAffine(source_, there, inverse_map(a, box_, from_, reduction_), truth_.size(),
                   cv::INTER_LINEAR | cv::WARP_INVERSE_MAP, cv::BORDER_CONSTANT, cv::Scalar::all(0));
    return cv::norm(there, truth_, cv::NORM_L2SQR);
  }

  Alignment descend(Alignment best) const {
    const double longer = std::max(box_.width, box_.height);
    double least = error(best);
    for (double step = 0.04; step > 4e-4; step /= 2) {
      for (bool better = true; better;) {
        better = false;
        for (int k = 0; k < 6; ++k) {
          Alignment tried = best;
          const double by = k % 2 == 0 ? step : -step;
          if (k / 2 == 0) tried.scale = std::clamp(tried.scale * (1 + by), kLeastScale, kMostScale);
          double& shift = k / 2 == 1 ? tried.shift_x : tried.shift_y;
          if (k / 2 > 0) shift = std::clamp(shift + by * longer / 2, -kMostShift * longer, kMostShift * longer);
          const double reached = error(tried);
          if (!(reached < least)) continue;
          least = reached;
          best = tried;
          better = true;
        }
      }
    }
    return best;
  }

 private:
  cv::Rect box_;
  cv::Point from_;
  double reduction_ = 1;
  cv::Mat source_, truth_;
};

cv::Rect covered_box(const cv::Mat& rgba) {
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  return cv::boundingRect(alpha >= 128);
}

// From one silhouette's box to the other's.
Alignment suggested(const cv::Rect& from, const cv::Rect& to, const cv::Rect& box) {
  Alignment a;
  if (from.empty() || to.empty()) return a;
  a.scale = std::clamp(std::sqrt(static_cast<double>(to.area()) / from.area()), kLeastScale, kMostScale);
  const double longer = std::max(box.width, box.height);
  const auto shift = [&](double source, double target, double centre) {
    return std::clamp(target - centre - a.scale * (source - centre), -kMostShift * longer, kMostShift * longer);
  };
  a.shift_x = shift(from.x + from.width / 2.0, to.x + to.width / 2.0, box.x + box.width / 2.0);
  a.shift_y = shift(from.y + from.height / 2.0, to.y + to.height / 2.0, box.y + box.height / 2.0);
  return a;
}

}  // namespace

Alignment align(const cv::Mat& picture, const cv::Mat& truth, const cv::Rect& box) {
  if (picture.type() != CV_8UC4 || truth.type() != CV_8UC4 || picture.size() != truth.size() || box.empty() ||
      (box & cv::Rect(0, 0, truth.cols, truth.rows)) != box)
    fail("alignment: needs two 8-bit RGBA pictures of one size and a box inside");
  const Search search(picture, truth, box);
  const Alignment boxes = suggested(covered_box(picture), covered_box(truth), box);
  return search.descend(search.error(boxes) < search.error({}) ? boxes : Alignment{});
}

cv::Mat moved(const cv::Mat& picture, const Alignment& alignment, const cv::Rect& box) {
  cv::Mat there;
  cv::warpAffine(premultiplied(picture), there, inverse_map(alignment, box, {0, 0}, 1), box.size(),
                 cv::INTER_CUBIC | cv::WARP_INVERSE_MAP, cv::BORDER_CONSTANT, cv::Scalar::all(0));
  // It overshoots at edges: cut back to valid colours.
  for (int y = 0; y < there.rows; ++y) {
    auto* row = there.ptr<cv::Vec4f>(y);
    for (int x = 0; x < there.cols; ++x) {
      row[x][3] = std::clamp(row[x][3], 0.0F, 1.0F);
      for (int c = 0; c < 3; ++c) row[x][c] = std::clamp(row[x][c], 0.0F, row[x][3]);
    }
  }
  return there;
}

}  // namespace spinfill
