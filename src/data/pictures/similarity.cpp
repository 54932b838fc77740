// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/similarity.h"

#include <Eigen/LU>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/error.h"
#include "data/pictures/letterbox.h"

namespace spinfill {
namespace {

constexpr double kLobes = 3;
constexpr double kStrongShrinking = 1 / 1.5;
constexpr float kInvisible = 0.5F / 255;

double lanczos(double x) {
  x = std::abs(x) * std::numbers::pi;
  if (x < 1e-9) return 1;
  if (x >= kLobes * std::numbers::pi) return 0;
  return kLobes * std::sin(x) * std::sin(x / kLobes) / (x * x);
}

// Weights of the source pixels first, first + 1, … at a place along one axis; they sum to 1.
struct Taps {
  int first = 0;
  int near_first = 0, near_last = 0;  // those around the place
  std::vector<float> weights;

  void at(double place, double shrinkage) {  // shrinkage ≤ 1 px per px
    const double centre = place - 0.5, reach = kLobes / shrinkage;
    first = static_cast<int>(std::ceil(centre - reach));
    const int last = static_cast<int>(std::floor(centre + reach));
    near_first = static_cast<int>(std::floor(centre - 1 / shrinkage)) + 1;
    near_last = static_cast<int>(std::ceil(centre + 1 / shrinkage)) - 1;
    weights.clear();
    double sum = 0;
    for (int i = first; i <= last; ++i) {
      const double weight = lanczos((i - centre) * shrinkage);
      weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : weights) weight = static_cast<float>(weight / sum);
  }
};

// Coverage and straight colour of the source pixels around a place.
struct Around {
  float alpha_low = 1, alpha_high = 0;
  cv::Vec3f low{1, 1, 1}, high{0, 0, 0};

  void add(const cv::Vec4f& pixel) {
    alpha_low = std::min(alpha_low, pixel[3]);
    alpha_high = std::max(alpha_high, pixel[3]);
    if (pixel[3] <= 0) return;
    for (int c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], pixel[c] / pixel[3]);
      high[c] = std::max(high[c], pixel[c] / pixel[3]);
    }
  }
  // Cuts off the filter's overshoot. Colour is kept as a ratio to coverage, so that cutting coverage does not tint it.
  cv::Vec4f bound(const cv::Vec4f& sum) const {
    const float alpha = std::clamp(sum[3], alpha_low, alpha_high);
    if (alpha < kInvisible) return {0, 0, 0, 0};
    cv::Vec4f out(0, 0, 0, alpha);
    for (int c = 0; c < 3; ++c) {
      const float straight = sum[c] / std::max(sum[3], kInvisible);
      out[c] = alpha * std::clamp(straight, low[c], high[c]);
    }
    return out;
  }
};

cv::Rect visible_part(const cv::Mat& premultiplied) {
  int left = premultiplied.cols, top = premultiplied.rows, right = 0, bottom = 0;
  for (int y = 0; y < premultiplied.rows; ++y) {
    const auto* row = premultiplied.ptr<cv::Vec4f>(y);
    for (int x = 0; x < premultiplied.cols; ++x) {
      if (row[x][3] <= 0) continue;
      left = std::min(left, x);
      right = std::max(right, x + 1);
      top = std::min(top, y);
      bottom = y + 1;
    }
  }
  return right > left ? cv::Rect(left, top, right - left, bottom - top) : cv::Rect();
}

}  // namespace

double Similarity::scale() const {
  return std::sqrt(std::abs(linear.determinant()));
}

bool Similarity::identity(int width, int height) const {
  double farthest = 0;
  for (const Eigen::Vector2d& corner :
       {Eigen::Vector2d(0, 0), Eigen::Vector2d(width, 0), Eigen::Vector2d(0, height), Eigen::Vector2d(width, height)}) {
    farthest = std::max(farthest, (linear * corner + offset - corner).norm());
  }
  return farthest < 1e-3;
}

cv::Mat resample(const cv::Mat& source, const Similarity& similarity, int width, int height) {
  if (source.type() != CV_32FC4 || width < 1 || height < 1) fail("resample: needs float RGBA and a size");
  const double scale = similarity.scale();
  if (!(scale > 1e-3 && scale < 1e3)) fail("resample: a scale of {:g} is no picture's", scale);
  if (scale < kStrongShrinking) {
    const Letterbox shrink{source.cols,
                           source.rows,
                           static_cast<int>(std::ceil(scale * source.cols)),
                           static_cast<int>(std::ceil(scale * source.rows)),
                           scale,
                           0,
                           0};
    return resample(resample(source, shrink), {similarity.linear / scale, similarity.offset}, width, height);
  }
  const double shrinkage = std::min(1.0, scale), reach = kLobes / shrinkage;
  const Eigen::Matrix2d back = similarity.linear.inverse();
  const cv::Rect visible = visible_part(source);
  cv::Mat out(height, width, CV_32FC4, cv::Scalar::all(0));
  Taps across, down;
  for (int v = 0; v < height; ++v) {
    auto* row = out.ptr<cv::Vec4f>(v);
    for (int u = 0; u < width; ++u) {
      const Eigen::Vector2d at = back * (Eigen::Vector2d(u + 0.5, v + 0.5) - similarity.offset);
      if (at.x() < visible.x - reach || at.x() > visible.br().x + reach || at.y() < visible.y - reach ||
          at.y() > visible.br().y + reach) {
        continue;
      }
      across.at(at.x(), shrinkage);
      down.at(at.y(), shrinkage);
      cv::Vec4f sum(0, 0, 0, 0);
      Around around;
      for (std::size_t j = 0; j < down.weights.size(); ++j) {
        const int y = down.first + static_cast<int>(j);
        const bool inside = y >= 0 && y < source.rows, near_row = y >= down.near_first && y <= down.near_last;
        const auto* in = inside ? source.ptr<cv::Vec4f>(y) : nullptr;
        for (std::size_t i = 0; i < across.weights.size(); ++i) {
          const int x = across.first + static_cast<int>(i);
          const cv::Vec4f pixel = inside && x >= 0 && x < source.cols ? in[x] : cv::Vec4f(0, 0, 0, 0);
          sum += (down.weights[j] * across.weights[i]) * pixel;
          if (near_row && x >= across.near_first && x <= across.near_last) around.add(pixel);
        }
      }
      row[u] = around.bound(sum);
    }
  }
  return out;
}

}  // namespace spinfill
