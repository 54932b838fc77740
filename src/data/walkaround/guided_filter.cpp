// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/guided_filter.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <array>

namespace spinfill {
namespace {

constexpr int kStrip = 256;  // rows at a time: a photograph's coefficients need not be held whole

}  // namespace

cv::Mat guided_filter(const cv::Mat& guide, const cv::Mat& values, const GuidedFilter& filter) {
  const cv::Size window(2 * filter.radius + 1, 2 * filter.radius + 1);
  const auto mean = [&](const cv::Mat& m) {
    cv::Mat out;
    cv::boxFilter(m, out, CV_32F, window, cv::Point(-1, -1), true, cv::BORDER_REFLECT);
    return out;
  };
  cv::Mat small;
  cv::resize(guide, small, values.size(), 0, 0, cv::INTER_AREA);
  small.convertTo(small, CV_32FC3, 1 / 255.0);
  std::array<cv::Mat, 3> colour, colour_mean, covariance_with_values;
  cv::split(small, colour.data());
  const cv::Mat value_mean = mean(values);
  for (std::size_t c = 0; c < 3; ++c) {
    colour_mean[c] = mean(colour[c]);
    covariance_with_values[c] = mean(colour[c].mul(values)) - colour_mean[c].mul(value_mean);
  }
  std::array<std::array<cv::Mat, 3>, 3> covariance;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t d = c; d < 3; ++d)
      covariance[c][d] = mean(colour[c].mul(colour[d])) - colour_mean[c].mul(colour_mean[d]);
  }
  // a = (Σ + εU)⁻¹ cov(I, p), b = mean(p) − a·mean(I)
  cv::Mat coefficients(values.size(), CV_32FC4);
  for (int y = 0; y < values.rows; ++y) {
    for (int x = 0; x < values.cols; ++x) {
      cv::Matx33f sigma;
      cv::Vec3f with_values, means;
      for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t d = 0; d < 3; ++d)
          sigma(static_cast<int>(c), static_cast<int>(d)) = covariance[std::min(c, d)][std::max(c, d)].at<float>(y, x);
        sigma(static_cast<int>(c), static_cast<int>(c)) += static_cast<float>(filter.epsilon);
        with_values[static_cast<int>(c)] = covariance_with_values[c].at<float>(y, x);
        means[static_cast<int>(c)] = colour_mean[c].at<float>(y, x);
      }
      const cv::Vec3f a = sigma.inv(cv::DECOMP_CHOLESKY) * with_values;
      coefficients.at<cv::Vec4f>(y, x) = {a[0], a[1], a[2], value_mean.at<float>(y, x) - a.dot(means)};
    }
  }
  cv::boxFilter(coefficients, coefficients, CV_32F, window, cv::Point(-1, -1), true, cv::BORDER_REFLECT);

  cv::Mat out(guide.size(), CV_32F);
  const double shrink = static_cast<double>(values.rows) / guide.rows;
  for (int first = 0; first < guide.rows; first += kStrip) {
    const int last = std::min(guide.rows, first + kStrip);
    // The strip of the enlarged coefficients, by the same mapping of pixel centres as a whole resize.
    const cv::Matx23d to_small(static_cast<double>(values.cols) / guide.cols, 0, 0.5 * values.cols / guide.cols - 0.5,
                               0, shrink, (first + 0.5) * shrink - 0.5);
    cv::Mat strip;
    cv::warpAffine(coefficients, strip, to_small, cv::Size(guide.cols, last - first),
                   cv::INTER_LINEAR | cv::WARP_INVERSE_MAP, cv::BORDER_REPLICATE);
    for (int y = first; y < last; ++y) {
      for (int x = 0; x < guide.cols; ++x) {
        const auto& pixel = guide.at<cv::Vec3b>(y, x);
        const auto& a = strip.at<cv::Vec4f>(y - first, x);
        out.at<float>(y, x) = (a[0] * pixel[0] + a[1] * pixel[1] + a[2] * pixel[2]) / 255.F + a[3];
      }
    }
  }
  return out;
}

}  // namespace spinfill
