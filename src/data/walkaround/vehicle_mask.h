// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

#include "core/config/named.h"
#include "data/walkaround/segmenter.h"

namespace spinfill {

inline constexpr int kSeenAlpha = 128;  // of 255: from here on a pixel is the vehicle's

// The vehicle of a photograph, cut out.
struct VehicleMask {
  cv::Mat alpha;      // 8-bit, of the photograph's size; soft at the outline
  cv::Rect box;       // of alpha ≥ 128, px; empty: nothing stands out
  double area = 0;    // share of the photograph that it covers
  double others = 0;  // area of the other salient things that were left out, in areas of the vehicle
  bool cut_off =
      false;  // it touches the photograph's border at the left, right or top over more than 2 % of its own side
};

// rgb: 8-bit. The saliency is refined along the photograph's edges, of what is then salient the largest piece is kept
// (nearer to the middle where two are alike), and its small holes are closed.
VehicleMask vehicle_mask(const Segmenter& segmenter, const cv::Mat& rgb);

// The same from a saliency that was computed before: CV_32F in [0,1].
VehicleMask refined_mask(const cv::Mat& saliency, const cv::Mat& rgb);

// Another look at a photograph: segmenters see small pictures of one size, and what they miss in one (glass before a
// bright hall) or take (a shadow) they often do not in its mirror image or in a window round the vehicle.
enum class MaskLook { mirrored, window, mirrored_window };
template <>
inline constexpr Named<MaskLook> kNamesOf<MaskLook>[] = {{MaskLook::mirrored, "mirrored"},
                                                         {MaskLook::window, "from nearer"},
                                                         {MaskLook::mirrored_window, "from nearer, mirrored"}};
// `first`: the box of the first look; windows are 1.6 times as wide and high. An empty box: nothing.
VehicleMask vehicle_mask(const Segmenter& segmenter, const cv::Mat& rgb, MaskLook look, const cv::Rect& first);

// Whether a picture with alpha was cut out already: something of it is transparent.
bool is_cut_out(const cv::Mat& rgba);

// What a mask that was made elsewhere says. alpha: 8-bit.
VehicleMask given_mask(const cv::Mat& alpha);

}  // namespace spinfill
