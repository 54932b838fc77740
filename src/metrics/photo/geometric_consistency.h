// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/photo/photo_sample.h"
#include "geometry/camera.h"
#include "metrics/view_consistency.h"

namespace spinfill {

// Does a generated view show the same body as the given ones? Features of both that look alike must lie on each other's
// epipolar lines under the cameras of the two views, and where their rays meet must be a place that both cameras can
// see: else a copy of a given view, whose features are all their own match, would pass, since turntables have epipolar
// lines that are nearly level. Nothing is learned: noise has no features that match.

inline constexpr double kConsistentWithin = 0.01;  // of the longer side of the vehicle's box: distance of an inlier
inline constexpr double kNeighbouringDeg = 90;     // given views that are further away have nothing in common
// Where rays meet: at least so far, vehicle lengths, on the cameras' side of the upright plane through the vehicle's
// centre that faces the middle between them, and no further from the centre than the other.
inline constexpr double kLeastFacing = 0.1, kMostRadius = 0.75;

// F with x_bᵀ·F·x_a = 0 for the pixels x = (u, v, 1) of one point in two pictures (Hartley and Zisserman, "Multiple
// view geometry in computer vision", 2nd edition, eq. 9.1 and 9.12). Zero where the cameras' centres are one.
Eigen::Matrix3d fundamental_matrix(const Camera& a, const Camera& b);
// The greater of the distances of b from a's line and of a from b's, px. Infinite where F is zero.
double epipolar_distance(const Eigen::Matrix3d& fundamental, const Eigen::Vector2d& a, const Eigen::Vector2d& b);

// SIFT (Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004) within the covered area of 8-bit
// straight RGBA, on white, found where the vehicle's box has at most 1024 px.
struct Features {
  std::vector<Eigen::Vector2d> at;  // px of the picture
  cv::Mat descriptors;              // [features,128]
};
Features features_of(const cv::Mat& rgba);

// Where the rays through two pixels come nearest to each other, the middle between them; vehicle frame.
Eigen::Vector3d meeting_point(const Camera& a, const Eigen::Vector2d& in_a, const Camera& b,
                              const Eigen::Vector2d& in_b);
// Pairs of features that are each other's nearest and clearly nearer than the second (Lowe's ratio 0.8), and those of
// them that lie within `within` px of each other's epipolar lines and meet where both cameras see.
FeatureMatches count_matches(const Features& a, const Camera& of_a, const Features& b, const Camera& of_b,
                             double within);

// The view of a slot against its neighbours, the nearest given view on either side within 90°: of each picture, and of
// the truth with the camera that is predicted for it. `view.model` is that of the first picture.
struct ConsistencyOfView {
  ViewConsistency view;
  std::vector<double> scores;  // of each picture; NaN where view.absent
};
ConsistencyOfView geometric_consistency(const PhotoSample& sample, int slot, const std::vector<cv::Mat>& pictures,
                                        const cv::Mat& truth);

}  // namespace spinfill
