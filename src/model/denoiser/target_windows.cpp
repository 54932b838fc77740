// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/target_windows.h"

#include <ATen/ATen.h>

#include <vector>

namespace spinfill {
namespace {

// The part of one target's map […,h,w], a view.
at::Tensor part(const at::Tensor& map, const TargetWindows& windows, std::int64_t k, std::int64_t scale) {
  return map.narrow(-2, windows.rows[k].item<std::int64_t>() * scale, windows.height * scale)
      .narrow(-1, windows.columns[k].item<std::int64_t>() * scale, windows.width * scale);
}

}  // namespace

at::Tensor TargetWindows::of(const at::Tensor& maps) const {
  if (!maps.defined()) return {};
  const at::Tensor chosen = maps.index_select(0, which.to(maps.device()));
  if (maps.size(-2) == 1 && maps.size(-1) == 1) return chosen;
  std::vector<at::Tensor> parts;
  for (std::int64_t k = 0; k < count(); ++k) parts.push_back(part(chosen[k], *this, k, 1));
  return at::stack(parts);
}

at::Tensor TargetWindows::put(const at::Tensor& maps, const at::Tensor& windows, std::int64_t scale) const {
  at::Tensor out = maps.clone();
  for (std::int64_t k = 0; k < count(); ++k)
    part(out[which[k].item<std::int64_t>()], *this, k, scale).copy_(windows[k]);
  return out;
}

Conditioning condition_windows(const Conditioning& c, const TargetWindows& windows, std::int64_t factor) {
  const at::Tensor which = windows.which.to(c.target_input.device());
  const auto rows = [&](const at::Tensor& values) {
    return values.defined() ? values.index_select(0, which) : at::Tensor();
  };
  Conditioning out = c;
  out.layout = c.layout.with_targets(which);
  for (at::Tensor Conditioning::*map :
       {&Conditioning::target_input, &Conditioning::base, &Conditioning::blend, &Conditioning::gate})
    out.*map = windows.of(c.*map);
  for (at::Tensor Conditioning::*value :
       {&Conditioning::scale, &Conditioning::shown, &Conditioning::target_embedding, &Conditioning::target_tokens})
    out.*value = rows(c.*value);
  if (c.surface) {
    out.surface = std::make_shared<const SurfaceWarp>(c.surface->select(which).windows(
        windows.rows * factor, windows.columns * factor, windows.height * factor, windows.width * factor));
  }
  return out;
}

}  // namespace spinfill
