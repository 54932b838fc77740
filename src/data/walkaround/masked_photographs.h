// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/walkaround/photographs.h"
#include "data/walkaround/vehicle_mask.h"

namespace spinfill {

// A photograph and what was cut out of it.
struct MaskedPhotograph {
  std::string file;  // of Photographs
  cv::Mat rgb;       // 8-bit, upright
  VehicleMask mask;
  cv::Mat rgba() const;  // 8-bit straight
};

// Of 8-bit RGBA. A picture with transparent parts is cut out already: its own alpha is the mask.
MaskedPhotograph masked_photograph(const std::string& file, const cv::Mat& rgba, LazySegmenter& segmenter);

// Photographs one after another, so that one is in memory at a time, upright. A file that is damaged behind its header
// is named in what is returned, with the photographs' own left_out.
using TakePhotograph = std::function<void(MaskedPhotograph photograph)>;
std::vector<LeftOut> each_masked(const Photographs& photographs, LazySegmenter& segmenter, const TakePhotograph& take);

// Names for PNGs made of the photographs: the same stem, or the whole name where two have one stem.
std::vector<std::string> png_names(const std::vector<std::string>& files);

}  // namespace spinfill
