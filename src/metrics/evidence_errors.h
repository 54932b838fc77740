// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// What pixels of a delivered picture are from: seen in some reference, seen on the vehicle's other side, or generated.
inline constexpr std::array<const char*, 3> kEvidenceNames = {"seen", "mirrored", "invented"};
// As pictures show them, RGB; told apart by people who do not see all colours (Okabe & Ito 2008).
inline constexpr std::array<std::array<int, 3>, 3> kEvidenceColours = {{{0, 158, 115}, {0, 114, 178}, {213, 94, 0}}};

// How far pictures are off, by where their pixels are from. Sums, so that those of pictures add up.
struct EvidenceErrors {
  static constexpr std::size_t kBins = 10;  // a tenth of the share each
  struct Sum {
    double pixels = 0;         // by their coverage
    double squared_error = 0;  // the mean over RGB, sRGB in [0,1] on white
    void add(double weight, double error);
    void add(const Sum& other);
    double mean() const;  // NaN without pixels
  };
  std::array<Sum, kEvidenceNames.size()> parts;     // pixels count in each by its share
  std::array<Sum, kBins> by_mirrored, by_invented;  // pixels by that share of theirs
  void add(const EvidenceErrors& other);
  double share(std::size_t part) const;  // of all pixels; NaN without any
};

// Of the pixels in `box`. picture, truth: 8-bit straight RGBA of one size; shares: CV_8UC3 of it, of kEvidenceNames,
// which sum to 255 where the picture covers.
EvidenceErrors evidence_errors(const cv::Mat& picture, const cv::Mat& truth, const cv::Mat& shares,
                               const cv::Rect& box);

}  // namespace spinfill
