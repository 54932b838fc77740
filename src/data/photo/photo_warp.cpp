// SPDX-License-Identifier: Apache-2.0
#include "data/photo/photo_warp.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <opencv2/imgproc.hpp>

#include "data/photo/photo_inputs.h"
#include "data/priors/prior_image.h"
#include "data/priors/surface_maps.h"
#include "data/priors/surface_warp.h"
#include "geometry/camera_tensors.h"

namespace spinfill {
namespace {

constexpr double kMargin = 0.03;  // of the hull's box, on each side
constexpr int kMarginPx = 6;

// A window of a picture as [4,h,w] premultiplied; transparent beyond the picture.
at::Tensor window_of(const cv::Mat& rgba, const cv::Rect& window) {
  const cv::Rect inside = window & cv::Rect(0, 0, rgba.cols, rgba.rows);
  cv::Mat all(window.size(), CV_32FC4, cv::Scalar::all(0));
  if (!inside.empty()) premultiplied(rgba(inside)).copyTo(all(inside - window.tl()));
  return at::from_blob(all.data, {window.height, window.width, 4}, at::kFloat).permute({2, 0, 1}).contiguous();
}

// Windows of one size round the boxes of `views`.
std::vector<cv::Rect> windows_of(const std::vector<PhotoView>& views, const SlotBoxes& boxes) {
  cv::Size2d most(0, 0);
  for (const cv::Rect2d& box : boxes) most = {std::max(most.width, box.width), std::max(most.height, box.height)};
  const auto length = [](double px) {
    return (static_cast<int>(std::ceil(px * (1 + 2 * kMargin))) + 2 * kMarginPx + 7) / 8 * 8;
  };
  const cv::Size size(length(most.width), length(most.height));
  std::vector<cv::Rect> windows;
  for (const PhotoView& view : views) {
    const cv::Rect2d& box = boxes[static_cast<std::size_t>(view.slot)];
    windows.emplace_back(static_cast<int>(std::lround(box.x + box.width / 2 - size.width / 2.0)),
                         static_cast<int>(std::lround(box.y + box.height / 2 - size.height / 2.0)), size.width,
                         size.height);
  }
  return windows;
}

// The correction as it lies in a window of the set's picture, [h,w]; 0 beyond.
at::Tensor in_window(const DepthCorrection& correction, const cv::Rect& window) {
  const Letterbox& fitted = correction.fitted;
  // From a pixel of the window to its place in the map, both by pixel centres.
  const cv::Matx23d place(fitted.scale, 0, fitted.scale * (window.x + 0.5) + fitted.offset_x - 0.5, 0, fitted.scale,
                          fitted.scale * (window.y + 0.5) + fitted.offset_y - 0.5);
  cv::Mat there;
  cv::warpAffine(correction.map, there, place, window.size(), cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                 cv::BORDER_CONSTANT);
  return at::from_blob(there.data, {window.height, window.width}, at::kFloat).clone();
}

void correct(Surface& surface, const at::Tensor& correction) {
  const at::Tensor along = surface.pixels.take(correction.flatten().unsqueeze(0));  // [1,P]
  surface.point = surface.point + along.unsqueeze(2) * surface.direction;
}

// [C,h,w] → CV_32FC(C).
cv::Mat mat_of(const at::Tensor& map) {
  const at::Tensor packed = map.permute({1, 2, 0}).to(at::kCPU, at::kFloat).contiguous();
  return cv::Mat(static_cast<int>(packed.size(0)), static_cast<int>(packed.size(1)),
                 CV_32FC(static_cast<int>(packed.size(2))), packed.data_ptr<float>())
      .clone();
}

}  // namespace

PhotoHull::PhotoHull(const ViewSet& set, const SlotPictures& pictures, const SlotBoxes& boxes) {
  const at::NoGradGuard no_grad;
  if (std::ranges::all_of(boxes, [](const cv::Rect2d& box) { return box.empty(); })) return;
  const std::vector<PhotoView> views = photo_views_of(set);
  const std::vector<cv::Rect> windows = windows_of(views, boxes);
  size_ = windows.front().size();
  config_ = photo_priors(size_.width);
  const auto camera = [&](std::size_t v) {
    Camera within = *views[v].frame->camera;
    within.cx -= windows[v].x;
    within.cy -= windows[v].y;
    within.width = windows[v].width;
    within.height = windows[v].height;
    return within;
  };
  for (std::size_t v = set.frames.size(); v < views.size(); ++v) {
    const auto slot = static_cast<std::size_t>(views[v].slot);
    if (!boxes[slot].empty()) asked_[slot] = View{camera(v), windows[v]};
  }
  // The references at once: what each sees of the hull says what it hides from the others.
  const std::vector<PhotoView> given(views.begin(), views.begin() + static_cast<std::ptrdiff_t>(set.frames.size()));
  {
    const PriorInputs in = photo_inputs(
        given, size_,
        [&](std::size_t v) { return window_of(pictures[static_cast<std::size_t>(views[v].slot)], windows[v]); },
        camera);
    references_ =
        gather_references(in.colour, in.alpha, in.background, in.is_reference, in.vehicle_from_camera, in.intrinsics);
  }
  hull_ = carve_hull(references_, hull_options(config_));
  seen_ =
      reference_maps(march(hull_, references_.vehicle_from_camera, references_.intrinsics, size_.height, size_.width),
                     references_, references_.count(), size_.height, size_.width);
}

std::optional<PhotoWarp> PhotoHull::warp(int slot, const DepthCorrection* correction) const {
  const at::NoGradGuard no_grad;
  const auto& asked = asked_[static_cast<std::size_t>(slot)];
  if (!asked) return std::nullopt;
  CameraTensors from(1, 1);
  from.put(0, 0, asked->camera);
  Surface surface = march(hull_, from.vehicle_from_camera, from.intrinsics, size_.height, size_.width);
  WarpOptions options = warp_options(config_);
  at::Tensor voxel = hull_.voxel();
  if (correction != nullptr) {
    correct(surface, in_window(*correction, asked->window));
    options.tolerance = kCorrectedTolerance;
    voxel = at::ones_like(voxel);
  }
  const at::Tensor background = at::ones({1, 3});
  const PriorMaps maps = surface_maps(surface, warp_colour(surface, voxel, references_, seen_, false, options),
                                      warp_colour(surface, voxel, references_, seen_, true, options),
                                      from.vehicle_from_camera.narrow(-2, 0, 3).select(-1, 3).to(at::kFloat),
                                      background, size_.height, size_.width);
  const PriorPicture picture = prior_picture(maps, background);
  return PhotoWarp{asked->window, mat_of(picture.colour[0][0]), mat_of(picture.alpha[0][0]),
                   mat_of(picture.trust[0][0]), mat_of(picture.mirrored[0][0])};
}

SlotWarps warp_photos(const ViewSet& set, const SlotPictures& pictures) {
  return photo_geometry(set, pictures).warps;
}

PhotoGeometry photo_geometry(const ViewSet& set, const SlotPictures& pictures) {
  const SlotBoxes boxes = hull_boxes(set, pictures);
  PhotoGeometry out{boxes, PhotoHull(set, pictures, boxes), {}};
  for (const Frame& frame : set.missing)
    out.warps[static_cast<std::size_t>(frame.slot())] = out.hull.warp(frame.slot());
  return out;
}

cv::Mat picture_of(const cv::Mat& rgba, const cv::Rect& window, int width, int height) {
  cv::Mat whole(height, width, CV_32FC4, cv::Scalar::all(0));
  const cv::Rect inside = window & cv::Rect(0, 0, width, height);
  if (!inside.empty()) rgba(inside - window.tl()).copyTo(whole(inside));
  return straight(whole);
}

cv::Mat picture_of(const PhotoWarp& warp, int width, int height) {
  std::vector<cv::Mat> planes;
  cv::split(warp.colour, planes);
  for (cv::Mat& plane : planes) plane = plane.mul(warp.alpha);
  planes.push_back(warp.alpha);
  cv::Mat rgba;
  cv::merge(planes, rgba);
  return picture_of(rgba, warp.window, width, height);
}

}  // namespace spinfill
