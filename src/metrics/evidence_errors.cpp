// SPDX-License-Identifier: Apache-2.0
#include "metrics/evidence_errors.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace spinfill {
namespace {

double on_white(const cv::Vec4b& pixel, int channel) {
  const double alpha = pixel[3] / 255.0;
  return alpha * pixel[channel] / 255.0 + (1 - alpha);
}

void add_each(auto& to, const auto& other) {
  for (std::size_t k = 0; k < to.size(); ++k) to[k].add(other[k]);
}

}  // namespace

void EvidenceErrors::Sum::add(double weight, double error) {
  pixels += weight;
  squared_error += weight * error;
}

void EvidenceErrors::Sum::add(const Sum& other) {
  pixels += other.pixels;
  squared_error += other.squared_error;
}

double EvidenceErrors::Sum::mean() const {
  return pixels > 0 ? squared_error / pixels : std::numeric_limits<double>::quiet_NaN();
}

void EvidenceErrors::add(const EvidenceErrors& other) {
  add_each(parts, other.parts);
  add_each(by_mirrored, other.by_mirrored);
  add_each(by_invented, other.by_invented);
}

double EvidenceErrors::share(std::size_t part) const {
  double all = 0;
  for (const Sum& sum : parts) all += sum.pixels;
  return all > 0 ? parts.at(part).pixels / all : std::numeric_limits<double>::quiet_NaN();
}

EvidenceErrors evidence_errors(const cv::Mat& picture, const cv::Mat& truth, const cv::Mat& shares,
                               const cv::Rect& box) {
  if (picture.size() != truth.size() || shares.size() != picture.size() || picture.type() != CV_8UC4 ||
      truth.type() != CV_8UC4 || shares.type() != CV_8UC3)
    fail("evidence: pictures or shares of another size or type");
  EvidenceErrors out;
  for (int y = box.y; y < box.y + box.height; ++y) {
    const auto *made = picture.ptr<cv::Vec4b>(y), *real = truth.ptr<cv::Vec4b>(y);
    const auto* from = shares.ptr<cv::Vec3b>(y);
    for (int x = box.x; x < box.x + box.width; ++x) {
      const double alpha = made[x][3] / 255.0;
      if (alpha == 0) continue;
      double error = 0;
      for (int c = 0; c < 3; ++c) {
        const double off = on_white(made[x], c) - on_white(real[x], c);
        error += off * off / 3;
      }
      for (int k = 0; k < 3; ++k) out.parts[static_cast<std::size_t>(k)].add(alpha * from[x][k] / 255.0, error);
      const auto bin = [](int share) {
        return std::min(static_cast<std::size_t>(share) * EvidenceErrors::kBins / 255, EvidenceErrors::kBins - 1);
      };
      out.by_mirrored[bin(from[x][1])].add(alpha, error);
      out.by_invented[bin(from[x][2])].add(alpha, error);
    }
  }
  return out;
}

}  // namespace spinfill
