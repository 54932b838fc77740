// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/config/named.h"
#include "core/files/json.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set.h"

namespace spinfill {

// How a reference differs from the others of its set, so that it should tell less of the vehicle than they do.
enum class Oddity {
  blurred,
  overexposed,
  underexposed,
  small,           // its vehicle has far fewer pixels
  contradicting,   // its silhouette and camera contradict the others': a wrong azimuth, another vehicle, a broken mask
  oversized_mask,  // covers, below the vehicle, what the others' silhouettes exclude: a shadow
};
template <>
inline constexpr Named<Oddity> kNamesOf<Oddity>[] = {
    {Oddity::blurred, "blurred"}, {Oddity::overexposed, "over-exposed"},    {Oddity::underexposed, "under-exposed"},
    {Oddity::small, "small"},     {Oddity::contradicting, "contradicting"}, {Oddity::oversized_mask, "oversized-mask"}};

struct OddReference {
  Oddity what = Oddity::blurred;
  // In [0,1], of its colours beside the others': 1 where only the mask is odd, 0 where it is left out altogether.
  double weight = 1;
  std::string problem, advice;
};
// Whether it is the mask that differs from what the others' silhouettes leave.
bool is_of_mask(const OddReference& odd);
// "what", "weight", "problem".
Json to_json(const OddReference& odd);

// What is odd about each of a reference; their weights multiply.
using Oddities = std::vector<OddReference>;
double weight_of(const Oddities& oddities);

// Per frame of the set, then per further one, in their order: mostly nothing. Only differences between references
// count, so at least three are needed, and four for what silhouettes tell. `pictures` holds those of the frames,
// `further` those of the further ones, 8-bit straight RGBA; one that is empty is passed over. Silhouettes are compared
// where all have cameras: the odd one is the one without which the hull of the others explains their masks; `trusted`,
// unless empty, is false for those that an estimate of the cameras left out (StabilisedView), which then are the odd
// ones.
//
// Sharpness: the ratio of gradient energies of the picture smoothed by σ₁ = 1 and σ₂ = 3 px, as in Zhuo & Sim 2011,
// "Defocus map estimation from a single image", but over all of the vehicle and along x and y by themselves: an edge
// blurred by s has ∫g² ∝ 1/√(s² + σ²), so that R⁴ = (s² + σ₂²)/(s² + σ₁²) for the ratio R of root mean squares.
// Exposure: the mean over the vehicle of log₂(luminance + 0.005), luminance linear (Rec. 709), and the share of pixels
// with a channel of at least 254.
std::vector<Oddities> odd_references(const ViewSet& set, const SlotPictures& pictures,
                                     const std::vector<cv::Mat>& further = {}, const std::vector<bool>& trusted = {});

}  // namespace spinfill
