// SPDX-License-Identifier: Apache-2.0
#include "model/network/view_layout.h"

#include <ATen/ATen.h>

#include <map>
#include <utility>

#include "core/error.h"
#include "model/device.h"

namespace spinfill {

namespace {

at::Tensor index_tensor(const std::vector<std::int64_t>& values, at::Device device) {
  return sent(at::tensor(values, at::kLong), device);
}

}  // namespace

ViewLayout make_view_layout(const at::Tensor& is_reference, const at::Tensor& is_target) {
  return make_view_layout(is_reference, is_target, is_reference.device());
}

ViewLayout make_view_layout(const at::Tensor& is_reference, const at::Tensor& is_target, at::Device device) {
  if (is_reference.dim() != 2 || is_reference.sizes() != is_target.sizes()) {
    fail("view masks: is_reference and is_target must be [B,V] alike");
  }
  const at::Tensor references = is_reference.to(at::kCPU, at::kBool).contiguous();
  const at::Tensor targets = is_target.to(at::kCPU, at::kBool).contiguous();
  ViewLayout layout;
  layout.samples = references.size(0);
  layout.views = references.size(1);
  const bool* reference = references.const_data_ptr<bool>();
  const bool* target = targets.const_data_ptr<bool>();

  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::int64_t>> samples_of;  // (R,T) → batch indices
  for (std::int64_t b = 0; b < layout.samples; ++b) {
    std::int64_t r = 0, t = 0;
    for (std::int64_t v = 0; v < layout.views; ++v) {
      const std::int64_t row = b * layout.views + v;
      if (reference[row] && target[row]) fail("sample {} of the batch: view {} is both reference and target", b, v);
      r += reference[row];
      t += target[row];
    }
    samples_of[{r, t}].push_back(b);
  }

  std::vector<std::int64_t> reference_rows, target_rows, reference_samples, target_samples;
  std::vector<float> counts;
  for (const auto& [count, samples] : samples_of) {
    layout.groups.push_back(
        {static_cast<std::int64_t>(samples.size()), count.first, count.second, layout.references, layout.targets});
    for (std::int64_t b : samples) {
      layout.order.push_back(b);
      for (std::int64_t v = 0; v < layout.views; ++v) {
        const std::int64_t row = b * layout.views + v;
        if (reference[row]) {
          reference_rows.push_back(row);
          reference_samples.push_back(b);
        }
        if (target[row]) {
          target_rows.push_back(row);
          target_samples.push_back(b);
          counts.push_back(static_cast<float>(count.second));
        }
      }
    }
    layout.references += count.first * static_cast<std::int64_t>(samples.size());
    layout.targets += count.second * static_cast<std::int64_t>(samples.size());
  }
  layout.reference_rows = index_tensor(reference_rows, device);
  layout.target_rows = index_tensor(target_rows, device);
  layout.reference_samples = index_tensor(reference_samples, device);
  layout.target_samples = index_tensor(target_samples, device);
  layout.targets_per_sample = sent(at::tensor(counts, at::kFloat), device);
  return layout;
}

at::Tensor ViewLayout::repeat_draws(const at::Tensor& rows, std::int64_t draws) const {
  if (draws == 1 || !rows.defined()) return rows;
  std::vector<at::Tensor> parts;
  for (const ViewGroup& group : groups) {
    if (group.targets == 0) continue;
    std::vector<std::int64_t> shape = {group.samples, 1, group.targets};
    shape.insert(shape.end(), rows.sizes().begin() + 1, rows.sizes().end());
    std::vector<std::int64_t> repeated = shape, flat = rows.sizes().vec();
    repeated[1] = draws;
    flat[0] = group.samples * draws * group.targets;
    parts.push_back(rows.narrow(0, group.first_target, group.samples * group.targets)
                        .reshape(shape)
                        .expand(repeated)
                        .reshape(flat));
  }
  return parts.empty() ? rows : at::cat(parts, 0);
}

std::int64_t ViewLayout::draws_of(const at::Tensor& rows) const {
  const std::int64_t count = rows.size(0);
  if (targets == 0 || count == 0 || count % targets != 0) {
    fail("{} rows of noisy latents for {} target views: the rows must be a multiple of the targets", count, targets);
  }
  return count / targets;
}

ViewLayout ViewLayout::with_targets(const at::Tensor& which) const {
  if (samples != 1) fail("targets can be chosen of one sample at a time; here are {}", samples);
  ViewLayout out = *this;
  out.targets = out.groups.front().targets = which.size(0);
  out.target_rows = target_rows.index_select(0, which);
  out.target_samples = target_samples.index_select(0, which);
  out.targets_per_sample = at::full_like(out.target_samples, out.targets, targets_per_sample.options());
  return out;
}

at::Tensor take_views(const at::Tensor& maps, const at::Tensor& rows) {
  return maps.flatten(0, 1).index_select(0, rows);
}

}  // namespace spinfill
