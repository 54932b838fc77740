// SPDX-License-Identifier: Apache-2.0
#include "data/photo/photo_inputs.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/error.h"
#include "geometry/camera_tensors.h"

namespace spinfill {

std::vector<PhotoView> photo_views_of(const ViewSet& set) {
  std::vector<PhotoView> views;
  for (const auto* list : {&set.frames, &set.missing}) {
    for (const Frame& frame : *list) {
      if (!frame.camera) fail("{}: the view at {} degrees has no camera", set.id, frame.azimuth_deg);
      views.push_back({frame.slot(), &frame, list == &set.frames});
    }
  }
  return views;
}

PriorInputs photo_inputs(const std::vector<PhotoView>& views, cv::Size size,
                         const std::function<at::Tensor(std::size_t)>& picture,
                         const std::function<Camera(std::size_t)>& camera) {
  const auto V = static_cast<std::int64_t>(views.size());
  PriorInputs in;
  in.background = at::ones({1, 3});
  in.colour = at::ones({1, V, 3, size.height, size.width});
  in.alpha = at::zeros({1, V, 1, size.height, size.width});
  in.is_reference = at::zeros({1, V}, at::kBool);
  in.azimuth_deg = at::zeros({1, V}, at::kDouble);
  CameraTensors cameras(1, V);
  for (std::int64_t v = 0; v < V; ++v) {
    const PhotoView& view = views[static_cast<std::size_t>(v)];
    cameras.put(0, v, camera(static_cast<std::size_t>(v)));
    in.azimuth_deg[0][v] = view.frame->azimuth_deg;
    in.is_reference[0][v] = view.given;
    if (!view.given) continue;
    const at::Tensor rgba = picture(static_cast<std::size_t>(v));
    in.alpha[0][v] = rgba.narrow(0, 3, 1);
    in.colour[0][v] = rgba.narrow(0, 0, 3) + (1 - rgba.narrow(0, 3, 1));
  }
  in.vehicle_from_camera = cameras.vehicle_from_camera;
  in.intrinsics = cameras.intrinsics;
  return in;
}

PriorConfig photo_priors(int width) {
  PriorConfig config;
  config.grid = std::clamp(width / 2, 64, 320);
  config.sections = config.sharp = true;
  return config;
}

}  // namespace spinfill
