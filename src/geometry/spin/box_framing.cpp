// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/box_framing.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/statistics.h"
#include "geometry/camera_tensors.h"
#include "geometry/hull/ray_march.h"

namespace spinfill {
namespace {

constexpr std::size_t kFewest = 4;    // silhouettes
constexpr double kSame = 0.006;       // of the width: median distance from the median of places and heights
constexpr std::int64_t kWidth = 384;  // px at which the hull's box is found
constexpr double kMostScaled = 2;     // times: beyond it the hull is not the vehicle's

double typical_distance(std::vector<double> values, double from) {
  for (double& value : values) value = std::abs(value - from);
  return median(std::move(values));
}

}  // namespace

std::optional<BoxFraming> box_framing(const std::vector<const Silhouette*>& silhouettes) {
  if (silhouettes.size() < kFewest) return std::nullopt;
  std::vector<double> us, vs, heights;
  for (const Silhouette* one : silhouettes) {
    const Eigen::Vector2d middle = (one->low() + one->high()) / 2;
    us.push_back(middle.x());
    vs.push_back(middle.y());
    heights.push_back(one->high().y() - one->low().y());
  }
  const BoxFraming out{{median(us), median(vs)}, median(heights)};
  const double most = std::max({typical_distance(us, out.middle.x()), typical_distance(vs, out.middle.y()),
                                typical_distance(heights, out.height)});
  if (most > kSame) return std::nullopt;
  return out;
}

ViewCorrection framed_by_box(const BoxFraming& framing, const Hull& hull, const SpinCameras& cameras,
                             double stated_azimuth_deg, ViewCorrection view, int width, int height) {
  const Camera camera = cameras.camera(stated_azimuth_deg, view, width, height);
  const std::int64_t w = std::min<std::int64_t>(kWidth, width),
                     h = std::max<std::int64_t>(2, std::lround(static_cast<double>(height) * w / width));
  CameraTensors placed(1, 1);
  placed.put(0, 0, resized(camera, static_cast<int>(w), static_cast<int>(h)));
  const Surface surface = march(hull, placed.vehicle_from_camera, placed.intrinsics, h, w);
  const at::Tensor coverage = surface.pixels.maps(surface.coverage.unsqueeze(2), 1, h, w)[0][0][0];  // [h,w]
  if (!(coverage > 0.5).any().item<bool>()) return view;
  const Silhouette seen(coverage, w);
  // About the principal point, which moves with it.
  const double scale = framing.height / (seen.high().y() - seen.low().y());
  if (!(scale > 1 / kMostScaled && scale < kMostScaled)) return view;
  const Eigen::Vector2d axis(camera.cx / width, camera.cy / width), middle = (seen.low() + seen.high()) / 2;
  const Eigen::Vector2d to = framing.middle + scale * (axis - middle);
  view.log_scale += std::log(scale);
  view.shift_x += to.x() - axis.x();
  view.shift_y += to.y() - axis.y();
  return view;
}

}  // namespace spinfill
