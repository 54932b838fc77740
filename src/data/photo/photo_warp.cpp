// SPDX-License-Identifier: Apache-2.0
#include "data/photo/photo_warp.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <opencv2/imgproc.hpp>

#include "data/photo/hull_boxes.h"
#include "data/photo/photo_inputs.h"
#include "data/pictures/letterbox.h"
#include "data/priors/prior_image.h"
#include "data/priors/surface_maps.h"
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

// [C,h,w] → CV_32FC(C).
cv::Mat mat_of(const at::Tensor& map) {
  const at::Tensor packed = map.permute({1, 2, 0}).to(at::kCPU, at::kFloat).contiguous();
  return cv::Mat(static_cast<int>(packed.size(0)), static_cast<int>(packed.size(1)),
                 CV_32FC(static_cast<int>(packed.size(2))), packed.data_ptr<float>())
      .clone();
}

}  // namespace

SlotWarps warp_photos(const ViewSet& set, const SlotPictures& pictures,
                      const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const at::NoGradGuard no_grad;
  const std::vector<PhotoView> views = photo_views_of(set);
  const SlotBoxes boxes = hull_boxes(set, pictures);
  SlotWarps warps;
  if (std::ranges::all_of(boxes, [](const cv::Rect2d& box) { return box.empty(); })) return warps;
  const std::vector<cv::Rect> windows = windows_of(views, boxes);
  const cv::Size size = windows.front().size();
  const auto camera = [&](std::size_t v) {
    Camera within = *views[v].frame->camera;
    within.cx -= windows[v].x;
    within.cy -= windows[v].y;
    within.width = windows[v].width;
    within.height = windows[v].height;
    return within;
  };
  // The references at once: what each sees of the hull says what it hides from the others.
  const std::vector<PhotoView> given(views.begin(), views.begin() + static_cast<std::ptrdiff_t>(set.frames.size()));
  const PriorConfig config = photo_priors(size.width);
  References references;
  {
    const PriorInputs in = photo_inputs(
        given, size,
        [&](std::size_t v) { return window_of(pictures[static_cast<std::size_t>(views[v].slot)], windows[v]); },
        camera);
    references =
        gather_references(in.colour, in.alpha, in.background, in.is_reference, in.vehicle_from_camera, in.intrinsics);
  }
  const Hull hull = carve_hull(references, hull_options(config));
  const at::Tensor seen =
      reference_maps(march(hull, references.vehicle_from_camera, references.intrinsics, size.height, size.width),
                     references, references.count(), size.height, size.width);
  // The views that are asked for one after another, so that memory does not grow with their number.
  const at::Tensor background = at::ones({1, 3});
  const WarpOptions options = warp_options(config);
  const auto steps = static_cast<std::int64_t>(1 + set.missing.size());
  for (std::size_t v = given.size(); v < views.size(); ++v) {
    if (progress) progress(static_cast<std::int64_t>(1 + v - given.size()), steps);
    if (boxes[static_cast<std::size_t>(views[v].slot)].empty()) continue;
    CameraTensors from(1, 1);
    from.put(0, 0, camera(v));
    const Surface surface = march(hull, from.vehicle_from_camera, from.intrinsics, size.height, size.width);
    const PriorMaps maps = surface_maps(surface, warp_colour(surface, hull, references, seen, false, options),
                                        warp_colour(surface, hull, references, seen, true, options),
                                        from.vehicle_from_camera.narrow(-2, 0, 3).select(-1, 3).to(at::kFloat),
                                        background, size.height, size.width);
    const PriorPicture picture = prior_picture(maps, background);
    warps[static_cast<std::size_t>(views[v].slot)] =
        PhotoWarp{windows[v], mat_of(picture.colour[0][0]), mat_of(picture.alpha[0][0]), mat_of(picture.trust[0][0]),
                  mat_of(picture.mirrored[0][0])};
  }
  if (progress) progress(steps, steps);
  return warps;
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
