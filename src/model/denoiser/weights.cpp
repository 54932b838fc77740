// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/weights.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

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

void load_state(Denoiser& denoiser, const TensorMap& given, const std::string& where) {
  const TensorMap parameters = denoiser.state();
  const bool adapted = std::ranges::any_of(parameters, [](const auto& p) { return p.first.ends_with(".lora_A"); });
  const TensorMap state = adapted ? given : merged_adapters(given, where);
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
  if (!problems.empty()) {
    fail("{}: the weights do not fit this model: {}; give weights of this version and configuration", where, problems);
  }

  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters) at::Tensor(parameter).copy_(state.at(name));
}

void load_weights(const std::filesystem::path& path, Denoiser& denoiser) {
  load_state(denoiser, read_safetensors(path).tensors, path.string());
}

at::ScalarType parse_dtype(const std::string& name) {
  if (name == "fp32") return at::kFloat;
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp16") return at::kHalf;
  fail_usage("no dtype '{}'; there are: fp32, bf16, fp16", name);
}

TensorMap cast_state(const TensorMap& state, at::ScalarType dtype) {
  TensorMap cast;
  for (const auto& [name, tensor] : state) {
    cast[name] = at::isFloatingType(tensor.scalar_type()) ? tensor.detach().to(dtype) : tensor.detach();
    if (at::isfinite(tensor).all().item<bool>() && !at::isfinite(cast[name]).all().item<bool>()) {
      fail("{} has values beyond the range of {}: export it as bf16 or fp32", name, at::toString(dtype));
    }
  }
  return cast;
}

}  // namespace spinfill
