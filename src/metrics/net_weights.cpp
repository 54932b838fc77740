// SPDX-License-Identifier: Apache-2.0
#include "metrics/net_weights.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include <algorithm>

#include "core/error.h"

namespace spinfill {

std::string first_keys(const std::vector<std::string>& keys) {
  const std::size_t shown = std::min<std::size_t>(keys.size(), 3);
  std::string text = fmt::format("{}", fmt::join(keys.begin(), keys.begin() + shown, ", "));
  if (keys.size() > shown) text += fmt::format(" and {} more", keys.size() - shown);
  return text;
}

TensorMap checked_weights(const TensorMap& tensors, const NetShapes& shapes, const std::string& where,
                          const std::string& name) {
  TensorMap weights;
  std::vector<std::string> missing;
  for (const auto& [key, shape] : shapes) {
    const auto found = tensors.find(key);
    if (found == tensors.end()) {
      missing.push_back(key);
      continue;
    }
    const at::Tensor& tensor = found->second;
    if (tensor.sizes() != at::IntArrayRef(shape)) {
      fail("{}: {} has the shape [{}], {} needs [{}]", where, key, fmt::join(tensor.sizes(), ","), name,
           fmt::join(shape, ","));
    }
    if (!tensor.is_floating_point()) fail("{}: {} is not of a floating-point type", where, key);
    const at::Tensor values = tensor.to(at::kFloat).contiguous();
    if (!at::isfinite(values).all().item<bool>()) fail("{}: {} holds values that are not finite", where, key);
    weights[key] = values;
  }
  if (!missing.empty()) fail("{}: {} lacks {}", where, name, first_keys(missing));
  return weights;
}

FullPrecision::FullPrecision(bool cuda)
    : change_tf32_(cuda && at::globalContext().allowTF32CuDNN()), guard_(c10::autocast_dispatch_keyset) {
  if (change_tf32_) at::globalContext().setAllowTF32CuDNN(false);
}
FullPrecision::~FullPrecision() {
  if (change_tf32_) at::globalContext().setAllowTF32CuDNN(true);
}

}  // namespace spinfill
