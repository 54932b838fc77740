// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/weights.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/error.h"
#include "model/network/copy_state.h"

namespace spinfill {

void load_state(Denoiser& denoiser, const TensorMap& given, const std::string& where) {
  const TensorMap parameters = denoiser.state();
  const bool adapted = std::ranges::any_of(parameters, [](const auto& p) { return p.first.ends_with(".lora_A"); });
  copy_state(parameters, adapted ? given : merged_adapters(given, where), where, "this model",
             "give weights of this version and configuration");
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
