// SPDX-License-Identifier: Apache-2.0
#include "infer/studio/ground_shadow.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "geometry/camera_tensors.h"
#include "geometry/hull/visual_hull.h"

namespace spinfill {
namespace {

constexpr std::int64_t kGrid = 96;  // voxels along the vehicle
constexpr int kMaskWidth = 320;     // px: a pixel is about as large as a voxel
constexpr double kReach = 0.85;     // of the map from the vehicle's centre, vehicle lengths
constexpr int kCells = 340;         // of the map, each way
constexpr double kCell = 2 * kReach / kCells;
constexpr double kTouching = 0.012, kLow = 0.2;      // heights at which a part darkens a third of what it could
constexpr double kSharp = 0.012, kSoft = 0.06;       // blurs of both, vehicle lengths
constexpr double kOfTouching = 0.45, kOfLow = 0.55;  // and their shares

Hull hull_of(const std::vector<cv::Mat>& masks, const std::vector<Camera>& cameras) {
  const auto n = static_cast<std::int64_t>(masks.size());
  const int width = std::min(kMaskWidth, cameras[0].width),
            height = std::max(2, static_cast<int>(std::lround(cameras[0].height * width / double(cameras[0].width))));
  at::Tensor alpha = at::empty({1, n, 1, height, width});
  CameraTensors placed(1, n);
  for (std::int64_t i = 0; i < n; ++i) {
    cv::Mat small, values;
    cv::resize(masks[static_cast<std::size_t>(i)], small, cv::Size(width, height), 0, 0, cv::INTER_AREA);
    small.convertTo(values, CV_32F, 1.0 / 255);
    alpha[0][i][0].copy_(at::from_blob(values.data, {height, width}, at::kFloat));
    placed.put(0, i, resized(cameras[static_cast<std::size_t>(i)], width, height));
  }
  const References references =
      gather_references(at::zeros({1, n, 3, height, width}), alpha, at::zeros({1, 3}), at::ones({1, n}, at::kBool),
                        placed.vehicle_from_camera, placed.intrinsics);
  HullOptions options;
  options.grid = kGrid;
  return carve_hull(references, options);
}

// Height of the hull's underside above each place, [X,Y] vehicle frame; infinite where there is none.
struct Underside {
  cv::Mat z;  // float32
  double left = 0, back = 0, step_x = 0, step_y = 0;
  double lowest = 0;
};
Underside underside_of(const Hull& hull) {
  const at::Tensor distance = hull.distance[0][0].contiguous();  // [Z,Y,X]
  const auto value = distance.accessor<float, 3>();
  const auto Z = distance.size(0), Y = distance.size(1), X = distance.size(2);
  const at::Tensor centre = hull.centre[0].to(at::kDouble).contiguous(),
                   half = hull.half[0].to(at::kDouble).contiguous();
  const double *c = centre.const_data_ptr<double>(), *h = half.const_data_ptr<double>();
  Underside out{cv::Mat(static_cast<int>(X), static_cast<int>(Y), CV_32F, cv::Scalar(INFINITY))};
  out.step_x = 2 * h[0] / static_cast<double>(X);
  out.step_y = 2 * h[1] / static_cast<double>(Y);
  out.back = c[0] - h[0];
  out.left = c[1] - h[1];
  std::vector<double> lowest;
  for (std::int64_t x = 0; x < X; ++x) {
    for (std::int64_t y = 0; y < Y; ++y) {
      for (std::int64_t z = 0; z < Z; ++z) {
        if (value[z][y][x] <= 0) continue;
        const double at = c[2] - h[2] + 2 * h[2] * static_cast<double>(z) / static_cast<double>(Z);
        out.z.at<float>(static_cast<int>(x), static_cast<int>(y)) = static_cast<float>(at);
        lowest.push_back(at);
        break;
      }
    }
  }
  if (lowest.empty()) fail("the views' masks have nothing in common: no shadow can be made of them");
  // Where tyres stand, not where a single voxel hangs lower.
  const auto few = lowest.begin() + static_cast<std::ptrdiff_t>(lowest.size() / 200);
  std::ranges::nth_element(lowest, few);
  out.lowest = *few;
  return out;
}

cv::Mat blurred(const cv::Mat& map, double sigma) {
  cv::Mat out;
  cv::GaussianBlur(map, out, cv::Size(), sigma / kCell, 0, cv::BORDER_CONSTANT);
  return out;
}

}  // namespace

GroundShadow::GroundShadow(const std::vector<cv::Mat>& masks, const std::vector<Camera>& cameras) {
  const at::NoGradGuard no_grad;
  if (masks.empty() || masks.size() != cameras.size()) fail("a shadow needs at least one view with its camera");
  const Underside under = underside_of(hull_of(masks, cameras));
  ground_z_ = under.lowest;
  cv::Mat touching(kCells, kCells, CV_32F, cv::Scalar(0)), low = touching.clone();
  for (int i = 0; i < kCells; ++i) {
    for (int j = 0; j < kCells; ++j) {
      const double x = -kReach + (i + 0.5) * kCell, y = -kReach + (j + 0.5) * kCell;
      const int u = static_cast<int>(std::floor((x - under.back) / under.step_x)),
                v = static_cast<int>(std::floor((y - under.left) / under.step_y));
      if (u < 0 || v < 0 || u >= under.z.rows || v >= under.z.cols) continue;
      const double above = std::max(0.0, under.z.at<float>(u, v) - ground_z_);
      touching.at<float>(i, j) = static_cast<float>(std::exp(-above / kTouching));
      if (above < kTouching) contacts_.emplace_back(x, y);
      low.at<float>(i, j) = static_cast<float>(std::exp(-above / kLow));
    }
  }
  map_ = kOfTouching * blurred(touching, kSharp) + kOfLow * blurred(low, kSoft);
}

double GroundShadow::contact_row(const Camera& camera) const {
  double row = 0;
  for (const Eigen::Vector2d& at : contacts_) row = std::max(row, project(camera, {at.x(), at.y(), ground_z_}).y());
  return row;
}

cv::Mat GroundShadow::darkness(const Camera& camera) const {
  cv::Mat rows(camera.height, camera.width, CV_32F), columns(rows.size(), CV_32F), out;
  const Eigen::Matrix3d turn = camera.vehicle_from_camera.topLeftCorner<3, 3>();
  const Eigen::Vector3d eye = camera.vehicle_from_camera.topRightCorner<3, 1>();
  for (int v = 0; v < camera.height; ++v) {
    for (int u = 0; u < camera.width; ++u) {
      const Eigen::Vector3d ray =
          turn * Eigen::Vector3d((u + 0.5 - camera.cx) / camera.fl_x, -(v + 0.5 - camera.cy) / camera.fl_y, -1);
      float row = -1e4F, column = -1e4F;  // outside of the map
      if (ray.z() < -1e-9 && eye.z() > ground_z_) {
        const Eigen::Vector3d at = eye + ray * ((ground_z_ - eye.z()) / ray.z());
        row = static_cast<float>(std::clamp((at.x() + kReach) / kCell - 0.5, -1e4, 1e4));
        column = static_cast<float>(std::clamp((at.y() + kReach) / kCell - 0.5, -1e4, 1e4));
      }
      rows.at<float>(v, u) = row;
      columns.at<float>(v, u) = column;
    }
  }
  cv::remap(map_, out, columns, rows, cv::INTER_LINEAR, cv::BORDER_CONSTANT, cv::Scalar(0));
  return out;
}

}  // namespace spinfill
