// SPDX-License-Identifier: Apache-2.0
#include "data/scenes/silhouette_body.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr int kCoarse = 48, kFine = 128;  // voxels along the longest side
constexpr std::size_t kPicturesPerMiss = 12;
constexpr double kSameBody = 0.95;  // of the length: what all masks agree on is no less

struct VoxelBox {
  Eigen::Vector3d low;
  Eigen::Vector3i count;
  double voxel;
  Eigen::Vector3d centre(int x, int y, int z) const { return low + voxel * Eigen::Vector3d(x + 0.5, y + 0.5, z + 0.5); }
};

// Whether a ball about the point reaches into all cones but the few that may miss it.
class MaskCones {
 public:
  MaskCones(const std::vector<SeenBody>& seen, std::size_t may_miss) : seen_(seen), may_miss_(may_miss) {
    for (const SeenBody& one : seen) {
      const Eigen::Matrix4d& pose = one.camera.vehicle_from_camera;
      turns_.emplace_back(pose.topLeftCorner<3, 3>().transpose());
      eyes_.emplace_back(pose.topRightCorner<3, 1>());
    }
  }
  bool reaches(const Eigen::Vector3d& point, double radius) const {
    std::size_t missed = 0;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      const Camera& camera = seen_[i].camera;
      const Eigen::Vector3d at = turns_[i] * (point - eyes_[i]);
      const double depth = -at.z(), width = camera.width;
      if (depth <= 0) return false;
      const double u = (camera.cx + camera.fl_x * at.x() / depth) / width,
                   v = (camera.cy - camera.fl_y * at.y() / depth) / width;
      const double room = radius * std::max(camera.fl_x, camera.fl_y) / depth / width;
      if (seen_[i].silhouette.distance(u, v) < -room && ++missed > may_miss_) return false;
    }
    return true;
  }

 private:
  const std::vector<SeenBody>& seen_;
  std::size_t may_miss_;
  std::vector<Eigen::Matrix3d> turns_;
  std::vector<Eigen::Vector3d> eyes_;
};

// plan: the number of voxels in each column that are inside.
bool measure(const MaskCones& cones, const VoxelBox& box, double radius, SilhouetteBody& body) {
  Eigen::Vector3i low = box.count, high = Eigen::Vector3i::Constant(-1);
  body.plan = cv::Mat::zeros(box.count.y(), box.count.x(), CV_32F);
  for (int y = 0; y < box.count.y(); ++y) {
    for (int x = 0; x < box.count.x(); ++x) {
      for (int z = 0; z < box.count.z(); ++z) {
        if (!cones.reaches(box.centre(x, y, z), radius)) continue;
        const Eigen::Vector3i at(x, y, z);
        low = low.cwiseMin(at);
        high = high.cwiseMax(at);
        body.plan.at<float>(y, x) += 1;
      }
    }
  }
  if (high.x() < 0) return false;
  body.low = box.low + box.voxel * low.cast<double>();
  body.high = box.low + box.voxel * (high.cast<double>() + Eigen::Vector3d::Ones());
  body.plan *= box.voxel;
  body.plan_low = box.low.head<2>();
  body.voxel = box.voxel;
  return true;
}

// The share of the plan's volume that it has in common with its mirror image across the line at `azimuth` (radians)
// that lies `offset` to the left of the origin.
double overlap(const SilhouetteBody& body, double azimuth, double offset) {
  const Eigen::Vector2d normal(-std::sin(azimuth), std::cos(azimuth));
  double common = 0, all = 0;
  for (int y = 0; y < body.plan.rows; ++y) {
    const auto* row = body.plan.ptr<float>(y);
    for (int x = 0; x < body.plan.cols; ++x) {
      if (row[x] <= 0) continue;
      all += row[x];
      const Eigen::Vector2d at = body.plan_low + body.voxel * Eigen::Vector2d(x + 0.5, y + 0.5);
      const Eigen::Vector2d mirrored = at - 2 * (normal.dot(at) - offset) * normal;
      const Eigen::Vector2d place = (mirrored - body.plan_low) / body.voxel - Eigen::Vector2d(0.5, 0.5);
      const int px = static_cast<int>(std::floor(place.x())), py = static_cast<int>(std::floor(place.y()));
      if (px < 0 || py < 0 || px + 1 >= body.plan.cols || py + 1 >= body.plan.rows) continue;
      const double fx = place.x() - px, fy = place.y() - py;
      const auto *above = body.plan.ptr<float>(py) + px, *below = body.plan.ptr<float>(py + 1) + px;
      const double there =
          (above[0] * (1 - fx) + above[1] * fx) * (1 - fy) + (below[0] * (1 - fx) + below[1] * fx) * fy;
      common += std::min<double>(row[x], there);
    }
  }
  return common / all;
}

// Over the line's place beside the body's middle.
double best_overlap(const SilhouetteBody& body, const Eigen::Vector2d& middle, double azimuth) {
  const double through = Eigen::Vector2d(-std::sin(azimuth), std::cos(azimuth)).dot(middle);
  double best = 0;
  for (int step = -4; step <= 4; ++step)
    best = std::max(best, overlap(body, azimuth, through + 0.5 * step * body.voxel));
  return best;
}

}  // namespace

SilhouetteBody silhouette_body(const std::vector<SeenBody>& seen, double reach) {
  const std::size_t may_miss = seen.size() / kPicturesPerMiss;
  const MaskCones most(seen, may_miss), all(seen, 0);
  const double coarse = 2 * reach / kCoarse;
  SilhouetteBody body, of_all;
  // A voxel holds a part of the body where its centre is nearer than half its diagonal.
  const VoxelBox anywhere{Eigen::Vector3d::Constant(-reach), Eigen::Vector3i::Constant(kCoarse), coarse};
  bool found = measure(most, anywhere, coarse * std::sqrt(3.0) / 2, body);
  if (found) {
    const double fine = (body.high - body.low).maxCoeff() / kFine;
    const VoxelBox near{body.low - Eigen::Vector3d::Constant(fine),
                        ((body.high - body.low) / fine).array().ceil().cast<int>() + 2, fine};
    found = measure(most, near, 0, body);
    const auto length = [](const SilhouetteBody& of) { return (of.high - of.low).maxCoeff(); };
    if (found && may_miss > 0 && measure(all, near, 0, of_all) && length(of_all) >= kSameBody * length(body))
      return of_all;
  }
  if (!found)
    fail("the masks contradict each other: no body is inside all of them; are the cameras those of these pictures?");
  return body;
}

Heading symmetric_heading(const SilhouetteBody& body, double azimuth_deg, double within_deg) {
  const cv::Moments moments = cv::moments(body.plan);
  const Eigen::Vector2d middle =
      body.plan_low + body.voxel * Eigen::Vector2d(moments.m10 / moments.m00 + 0.5, moments.m01 / moments.m00 + 0.5);
  const auto at = [&](double degrees) { return best_overlap(body, middle, degrees * kDegree); };
  const double before = at(azimuth_deg);
  double best = before, heading = azimuth_deg;
  const auto look = [&](double from, double to, double step) {
    for (double degrees = from; degrees <= to + step / 2; degrees += step) {
      if (const double value = at(degrees); value > best) best = value, heading = degrees;
    }
  };
  look(azimuth_deg - within_deg, azimuth_deg + within_deg, 2);
  const double roughly = heading;
  look(roughly - 1.5, roughly + 1.5, 0.25);
  return {wrapped_deg(heading), best - before};
}

}  // namespace spinfill
