// SPDX-License-Identifier: Apache-2.0
#include "data/photo/hull_boxes.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "data/photo/photo_inputs.h"
#include "data/pictures/letterbox.h"

namespace spinfill {
namespace {

constexpr int kSketch = 128;  // px, width at which it is found

}  // namespace

SlotBoxes hull_boxes(const ViewSet& set, const SlotPictures& pictures) {
  const at::NoGradGuard no_grad;
  const std::vector<PhotoView> views = photo_views_of(set);
  const Letterbox small =
      fit(set.width, set.height, kSketch, std::max(8, kSketch * set.height / std::max(1, set.width) / 8 * 8));
  const PriorInputs in = photo_inputs(
      views, {small.to_width, small.to_height},
      [&](std::size_t v) {
        const cv::Mat fitted = resample(premultiplied(pictures[static_cast<std::size_t>(views[v].slot)]), small);
        return at::from_blob(fitted.data, {fitted.rows, fitted.cols, 4}, at::kFloat).permute({2, 0, 1}).contiguous();
      },
      [&](std::size_t v) { return small.camera(*views[v].frame->camera); });
  const at::Tensor shape = compute_priors(in, photo_priors(kSketch)).silhouette[0].select(1, 0) > 0;  // [V,h,w]
  SlotBoxes boxes;
  for (std::size_t v = 0; v < views.size(); ++v) {
    const at::Tensor seen = shape[static_cast<std::int64_t>(v)].nonzero();  // [N,2] y x
    if (seen.size(0) == 0) continue;
    const auto low = std::get<0>(seen.min(0)), high = std::get<0>(seen.max(0));
    const auto x = [&](double px) { return (px - small.offset_x) / small.scale; };
    const auto y = [&](double px) { return (px - small.offset_y) / small.scale; };
    const double left = x(low[1].item<double>()), right = x(high[1].item<double>() + 1), top = y(low[0].item<double>()),
                 bottom = y(high[0].item<double>() + 1);
    boxes[static_cast<std::size_t>(views[v].slot)] = {left, top, right - left, bottom - top};
  }
  return boxes;
}

}  // namespace spinfill
