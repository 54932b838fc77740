// SPDX-License-Identifier: Apache-2.0
#include "model/network/copy_state.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/nn/module.h>

#include <vector>

#include "core/error.h"

namespace spinfill {

namespace {

// "3 missing (a, b, c)" with at most three names.
void describe(std::string& out, const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  out += fmt::format("{}{} {} (", out.empty() ? "" : "; ", names.size(), what);
  for (std::size_t i = 0; i < names.size() && i < 3; ++i) out += (i > 0 ? ", " : "") + names[i];
  out += names.size() > 3 ? ", ...)" : ")";
}

std::string shape_text(at::IntArrayRef shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ","));
}

}  // namespace

TensorMap parameters_by_name(const torch::nn::Module& network) {
  TensorMap out;
  for (const auto& item : network.named_parameters()) out[item.key()] = item.value();
  return out;
}

void copy_state(const TensorMap& parameters, const TensorMap& state, const std::string& where, const std::string& what,
                const std::string& advice) {
  std::vector<std::string> missing, unexpected, misshaped, broken;
  TensorMap left = state;
  for (const auto& [name, parameter] : parameters) {
    const auto found = left.find(name);
    if (found == left.end()) {
      missing.push_back(name);
      continue;
    }
    if (found->second.sizes() != parameter.sizes()) {
      misshaped.push_back(
          fmt::format("{} {} for {}", name, shape_text(found->second.sizes()), shape_text(parameter.sizes())));
    } else if (!at::isfinite(found->second).all().item<bool>()) {
      broken.push_back(name);
    }
    left.erase(found);
  }
  for (const auto& [name, tensor] : left) unexpected.push_back(name);
  std::string problems;
  describe(problems, "missing", missing);
  describe(problems, "unexpected", unexpected);
  describe(problems, "of another shape", misshaped);
  describe(problems, "not finite", broken);
  if (!problems.empty()) fail("{}: the weights do not fit {}: {}; {}", where, what, problems, advice);

  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters) at::Tensor(parameter).copy_(state.at(name));
}

}  // namespace spinfill
