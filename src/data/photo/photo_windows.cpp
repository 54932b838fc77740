// SPDX-License-Identifier: Apache-2.0
#include "data/photo/photo_windows.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/photo/mirror_view.h"
#include "data/pictures/letterbox.h"
#include "geometry/camera_tensors.h"

namespace spinfill {
namespace {

constexpr int kSketch = 128;      // px, width at which windows are found
constexpr double kMargin = 0.03;  // of the hull's box, on each side
constexpr int kMarginPx = 6;

// The box of the hull in each view, px of the set's pictures; empty where a view sees nothing of it.
std::vector<cv::Rect2d> hull_boxes(const ViewSet& set, const std::vector<PhotoView>& views) {
  const Letterbox small =
      fit(set.width, set.height, kSketch, std::max(8, kSketch * set.height / std::max(1, set.width) / 8 * 8));
  const PriorInputs in = photo_inputs(
      views, {small.to_width, small.to_height},
      [&](std::size_t v) { return rgba_planes(resample(premultiplied(*views[v].picture), small)); },
      [&](std::size_t v) { return small.camera(*views[v].frame->camera); });
  const at::Tensor shape = compute_priors(in, photo_priors(kSketch)).silhouette[0].select(1, 0) > 0;  // [V,h,w]
  std::vector<cv::Rect2d> boxes;
  for (std::size_t v = 0; v < views.size(); ++v) {
    const at::Tensor seen = shape[static_cast<std::int64_t>(v)].nonzero();  // [N,2] y x
    if (seen.size(0) == 0) {
      boxes.emplace_back();
      continue;
    }
    const auto low = std::get<0>(seen.min(0)), high = std::get<0>(seen.max(0));
    const auto x = [&](double px) { return (px - small.offset_x) / small.scale; };
    const auto y = [&](double px) { return (px - small.offset_y) / small.scale; };
    const double left = x(low[1].item<double>()), right = x(high[1].item<double>() + 1), top = y(low[0].item<double>()),
                 bottom = y(high[0].item<double>() + 1);
    boxes.emplace_back(left, top, right - left, bottom - top);
  }
  return boxes;
}

}  // namespace

std::vector<PhotoView> photo_views_of(const ViewSet& set, const SlotPictures& pictures,
                                      const std::vector<FurtherPicture>& further) {
  std::vector<PhotoView> views;
  for (const Frame& frame : set.frames) views.push_back({&frame, &pictures[static_cast<std::size_t>(frame.slot())]});
  for (std::size_t i = 0; i < further.size(); ++i) views.push_back({&set.further.at(i), &further[i].picture});
  for (const Frame& frame : set.missing) views.push_back({&frame, nullptr});
  for (const PhotoView& view : views)
    if (!view.frame->camera) fail("{}: the view at {} degrees has no camera", set.id, view.frame->azimuth_deg);
  return views;
}

Camera PhotoWindows::camera(const PhotoView& view, std::size_t index) const {
  const cv::Rect& window = windows[index];
  Camera within = *view.frame->camera;
  within.cx -= window.x;
  within.cy -= window.y;
  within.width = window.width;
  within.height = window.height;
  return within;
}

PhotoWindows photo_windows(const ViewSet& set, const std::vector<PhotoView>& views) {
  PhotoWindows out;
  const at::NoGradGuard no_grad;
  out.boxes = hull_boxes(set, views);
  std::vector<cv::Rect2d> shown = out.boxes;
  const auto given = static_cast<std::size_t>(
      std::ranges::count_if(views, [](const PhotoView& view) { return view.picture != nullptr; }));
  for (std::size_t v = given; v < views.size(); ++v) {
    const std::optional<MirrorView> mirror = mirror_view_of(views, given, *views[v].frame->camera);
    if (mirror && !shown[v].empty())
      shown[v] |= mirrored_box(*mirror, *views[mirror->photograph].picture, *views[v].frame->camera);
  }
  cv::Size2d most(0, 0);
  for (const cv::Rect2d& box : shown) most = {std::max(most.width, box.width), std::max(most.height, box.height)};
  const auto length = [](double px) {
    return (static_cast<int>(std::ceil(px * (1 + 2 * kMargin))) + 2 * kMarginPx + 7) / 8 * 8;
  };
  const cv::Size size(length(most.width), length(most.height));
  for (const cv::Rect2d& box : shown) {
    out.windows.emplace_back(static_cast<int>(std::lround(box.x + box.width / 2 - size.width / 2.0)),
                             static_cast<int>(std::lround(box.y + box.height / 2 - size.height / 2.0)), size.width,
                             size.height);
  }
  return out;
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
    in.is_reference[0][v] = view.picture != nullptr;
    if (view.picture == nullptr) continue;
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

cv::Mat mat_of(const at::Tensor& planes) {
  const at::Tensor packed = planes.permute({1, 2, 0}).to(at::kCPU, at::kFloat).contiguous();
  return cv::Mat(static_cast<int>(packed.size(0)), static_cast<int>(packed.size(1)),
                 CV_32FC(static_cast<int>(packed.size(2))), packed.data_ptr<float>())
      .clone();
}

at::Tensor rgba_planes(const cv::Mat& premultiplied) {
  return at::from_blob(premultiplied.data, {premultiplied.rows, premultiplied.cols, 4}, at::kFloat)
      .permute({2, 0, 1})
      .clone(at::MemoryFormat::Contiguous);
}

at::Tensor window_of(const cv::Mat& rgba, const cv::Rect& window) {
  const cv::Rect inside = window & cv::Rect(0, 0, rgba.cols, rgba.rows);
  cv::Mat all(window.size(), CV_32FC4, cv::Scalar::all(0));
  if (!inside.empty()) premultiplied(rgba(inside)).copyTo(all(inside - window.tl()));
  return rgba_planes(all);
}

}  // namespace spinfill
