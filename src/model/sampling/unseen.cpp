// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/unseen.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "data/priors/prior_image.h"

namespace spinfill {
namespace {

constexpr double kSpeck = 0.01;  // half the width of what is too narrow to be sampled, of the picture's
constexpr double kShown = 0.5;   // trust of a pixel that counts as shown

// Maps [T,1,H,W]: the largest, or smallest, within `radius` pixels.
at::Tensor widened(const at::Tensor& maps, std::int64_t radius) {
  const std::int64_t side = 2 * radius + 1;
  return at::max_pool2d(maps, {side, side}, {1, 1}, {radius, radius});
}
at::Tensor narrowed(const at::Tensor& maps, std::int64_t radius) {
  return 1 - widened(1 - maps, radius);
}

// The first and the last of `used` [n] bool that is true, widened by one step and to multiples of it.
struct Span {
  std::int64_t first = 0, length = 0;
};
Span span_of(const at::Tensor& used, std::int64_t step) {
  const at::Tensor at = used.nonzero().flatten();
  const auto low = at[0].item<std::int64_t>() / step - 1;
  const auto high = at[-1].item<std::int64_t>() / step + 2;
  const std::int64_t first = std::max<std::int64_t>(low, 0) * step;
  return {first, std::min(high * step, used.size(0)) - first};
}

// Of batches without memory (at::kMeta), of which nobody knows what they show: the most that there can be.
UnseenPlaces all_places(const Batch& batch, std::int64_t targets, std::int64_t factor) {
  UnseenPlaces places;
  TargetWindows& windows = places.windows;
  windows.height = batch.colour.size(-2) / factor;
  windows.width = batch.colour.size(-1) / factor;
  windows.which = at::arange(targets, at::kLong);
  windows.rows = windows.columns = at::zeros({targets}, at::kLong);
  places.weight = at::ones({targets, 1, windows.height, windows.width}, batch.colour.options());
  return places;
}

}  // namespace

UnseenPlaces unseen_places(const Batch& batch, const at::Tensor& target_rows, const ModelConfig& model,
                           std::int64_t factor, std::int64_t step) {
  if (batch.colour.is_meta()) return all_places(batch, target_rows.size(0), factor);
  const auto of_targets = [&](const at::Tensor& maps) { return take_views(maps, target_rows).to(at::kFloat); };
  const PriorPicture shown = prior_picture(batch.priors, batch.background);
  at::Tensor unseen = at::logical_and(of_targets(batch.priors.silhouette) >= 0.5, of_targets(shown.trust) < kShown);
  if (model.prior_image == PriorImage::mirror_or_prior)
    unseen = unseen.logical_and(of_targets(batch.priors.flipped_validity) <= 0.5);
  if (!batch.is_reference.any().item<bool>()) unseen = at::ones_like(unseen);  // nor is there a hull
  const auto radius = static_cast<std::int64_t>(std::ceil(kSpeck * static_cast<double>(batch.colour.size(-1))));
  const at::Tensor wide = widened(narrowed(unseen.to(at::kFloat), radius), 2 * radius);
  const std::int64_t side = 2 * radius + 1;
  const at::Tensor soft = at::avg_pool2d(wide, {side, side}, {1, 1}, {radius, radius}, false, false);
  UnseenPlaces places;
  places.weight = at::avg_pool2d(soft, {factor, factor});

  const at::Tensor used = (places.weight > 0).squeeze(1).to(at::kCPU);  // [T,h,w]
  std::vector<std::int64_t> which, rows, columns;
  TargetWindows& windows = places.windows;
  for (std::int64_t t = 0; t < used.size(0); ++t) {
    if (!used[t].any().item<bool>()) continue;
    const Span down = span_of(used[t].any(1), step), across = span_of(used[t].any(0), step);
    which.push_back(t);
    rows.push_back(down.first);
    columns.push_back(across.first);
    windows.height = std::max(windows.height, down.length);
    windows.width = std::max(windows.width, across.length);
  }
  // One size for all; near an edge a window begins earlier.
  for (std::int64_t& row : rows) row = std::min(row, used.size(1) - windows.height);
  for (std::int64_t& column : columns) column = std::min(column, used.size(2) - windows.width);
  windows.which = at::tensor(which, at::kLong);
  windows.rows = at::tensor(rows, at::kLong);
  windows.columns = at::tensor(columns, at::kLong);
  return places;
}

void require_places(const ModelConfig& model, const SamplerConfig& config) {
  if (config.places == SampledPlaces::everywhere || config.steps == 1) return;
  if (!model.corrects_prior())
    fail_usage("sampler.places: unseen needs a model that corrects a prior image; model.output of this one is {}",
               name_of(model.output));
  if (!noise_schedule(model, config).regression)
    fail_usage("sampler.places: unseen begins with the regression: leave sampler.sigma_max 0");
  if (!config.cache) fail_usage("sampler.places: unseen needs sampler.cache: true");
}

}  // namespace spinfill
