// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/walkaround/segmenter.h"

namespace spinfill::test {

// Of two masks, 8-bit, both cut at a half.
double overlap(const cv::Mat& alpha, const cv::Mat& truth);
// Mean distance, px, of the mask's outline from the truth's, in both directions.
double boundary_error(const cv::Mat& alpha, const cv::Mat& truth);

// Real cars with true masks, before photographed places: what a segmenter makes of them, which it prints.
struct RealCars {
  std::vector<double> overlaps, boundaries;
  double seconds = 0;  // of each
  explicit RealCars(const Segmenter& segmenter);
};

}  // namespace spinfill::test
