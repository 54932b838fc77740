// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <Eigen/Core>
#include <opencv2/core/mat.hpp>

#include "geometry/camera.h"
#include "geometry/hull/silhouette.h"

namespace spinfill {

// One picture of a body: in which frame the camera stands, the body is measured.
struct SeenBody {
  Camera camera;
  Silhouette silhouette;
};

// The body inside the cones of the silhouettes (Laurentini 1994), measured on voxels. Where of twelve pictures or more
// one in twelve contradicts the others, since its mask is wrong, it is left out.
struct SilhouetteBody {
  Eigen::Vector3d low, high;  // its bounding box
  // How high it is over each place of its plan: CV_32F, rows along +Y and columns along +X from plan_low on, voxels of
  // this size.
  cv::Mat plan;
  Eigen::Vector2d plan_low;
  double voxel = 0;
};
// Searched within `reach` of the origin in every direction. Exit 3 where no body is inside all cones.
SilhouetteBody silhouette_body(const std::vector<SeenBody>& seen, double reach);

// The heading nearest to `azimuth_deg`, within `within_deg`, along which the plan is most nearly its own mirror image:
// of a vehicle, where its front is. `gain`: by how much of its volume the two images overlap more than along
// azimuth_deg.
struct Heading {
  double azimuth_deg, gain;
};
Heading symmetric_heading(const SilhouetteBody& body, double azimuth_deg, double within_deg);

}  // namespace spinfill
