// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// What of a cut-out photograph can be compared with others of the same vehicle. Lengths are in heights of the mask's
// box, measured from its middle, right and down: a vehicle is about as high from all around.
struct VehicleLook {
  double aspect = 0;           // width of the box
  double lamp_red = 0;         // share of its middle band that is red as rear lamps are, not down to the ground
  std::vector<float> colours;  // of the middle band: a smoothed histogram over CIE L*a*b*, sum 1
  // SIFT (Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004) inside the mask, the strongest
  // first.
  std::vector<cv::Point2f> points;
  std::vector<float> sizes, turns_deg;
  // [points,128] float32, RootSIFT (Arandjelović and Zisserman, "Three things everyone should know to improve object
  // retrieval", CVPR 2012): rows of length 1.
  cv::Mat descriptors;
};

inline constexpr std::size_t kMostPoints = 700;

// rgb: 8-bit; alpha: 8-bit of its size, the vehicle's mask. Exit 3: an empty mask.
VehicleLook vehicle_look(const cv::Mat& rgb, const cv::Mat& alpha);

// Bhattacharyya's coefficient of two looks' colours, in [0, 1]: 1 of equal ones.
double colours_in_common(const VehicleLook& first, const VehicleLook& second);

// Which looks may be one vehicle's: those that are linked by colours in common, directly or through others (so a
// vehicle of two colours is one, since some views show both). By look, the number of its group; the largest group is 0,
// of equally large ones the one that comes first.
std::vector<int> alike_groups(const std::vector<const VehicleLook*>& looks);

// The two groups whose looks have the least colours in common on average (agglomerative clustering, average linkage).
// By look, whether it belongs to the smaller one, of equally large ones the later. At least two looks.
std::vector<bool> smaller_of_two(const std::vector<const VehicleLook*>& looks);

struct LookMatch {
  cv::Point2f first, second;
};
// Points that are mutually nearest, clearly nearer than any other, and about as high, as large and as upright in both:
// all that a camera's way round a vehicle leaves as it is. Of each the `most` strongest points are compared.
std::vector<LookMatch> look_matches(const VehicleLook& first, const VehicleLook& second, std::size_t most);

}  // namespace spinfill
