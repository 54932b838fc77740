// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <Eigen/Core>

#include "core/config/named.h"
#include "data/scenes/scene.h"

namespace spinfill {

// From the world of a scene, which may be any, to a frame that stands upright in the vehicle and, once the front is
// known, to the vehicle's (geometry/camera.h): x ↦ rotation·(x − centre) / length.
struct Placement {
  Eigen::Matrix3d rotation = Eigen::Matrix3d::Identity();  // its last row is the world's vertical
  Eigen::Vector3d centre = Eigen::Vector3d::Zero();        // world
  double length = 1;                                       // world's units per vehicle length

  Eigen::Matrix4d place(const Eigen::Matrix4d& world_from_camera) const;
  Camera place(const Camera& camera) const;  // its pose is world_from_camera
  // In the placed frame: turned clockwise by so many degrees seen from above, so that what lay at this azimuth lies at
  // 0; moved and scaled so that this box (low, high) has its middle at the origin and its longest side is 1.
  Placement turned(double azimuth_deg) const;
  Placement boxed(const Eigen::Vector3d& low, const Eigen::Vector3d& high) const;
};

// The world's axis that points up; automatic: told by the cameras.
enum class SceneUp { automatic, x, minus_x, y, minus_y, z, minus_z };
template <>
inline constexpr Named<SceneUp> kNamesOf<SceneUp>[] = {
    {SceneUp::automatic, "auto"}, {SceneUp::x, "x"}, {SceneUp::minus_x, "-x"}, {SceneUp::y, "y"},
    {SceneUp::minus_y, "-y"},     {SceneUp::z, "z"}, {SceneUp::minus_z, "-z"}};

// The vertical of cameras that were held level, whatever they look at: to it all pictures' horizontal axes are most
// nearly at right angles (least squares), and on the mean their upward axes point along it. Where that leaves a roll of
// 10° or more, some were held on their side: which ones, the plane tells in which the cameras stand, above what they
// look at; where it is not that, its normal is the vertical. Unit vector. Exit 3: neither tells (all look
// from one side, or stand nowhere near a plane).
Eigen::Vector3d scene_up(const std::vector<SceneView>& views, SceneUp asked);

// The point to which rays from `origins` along `directions` (unit) come nearest (least squares). Exit 3 where they are
// all parallel.
Eigen::Vector3d nearest_to_rays(const std::vector<Eigen::Vector3d>& origins,
                                const std::vector<Eigen::Vector3d>& directions);

// Upright, about the point that the cameras look at: which of them do not have it in their picture is told in
// `strays`, and they take no part. The unit is the cameras' median distance; azimuth 0 is the first view's. Exit 3.
Placement place_upright(const std::vector<SceneView>& views, const Eigen::Vector3d& up, std::vector<bool>& strays);

}  // namespace spinfill
