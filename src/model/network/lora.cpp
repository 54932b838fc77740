// SPDX-License-Identifier: Apache-2.0
#include "model/network/lora.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace spinfill {

void LoraConfig::bind(Fields& f) {
  f.number("rank", rank, "Rank of the adapters, 0: none", 0, 4096);
  f.number("alpha", alpha, "The adapters' product is multiplied by alpha / rank", 1e-6, 1e6);
  f.list("targets", targets, {}, "Linear layers that get adapters: parts of the network, * any characters");
  f.list("full", full, {}, "Parameters trained themselves besides: parts of the network, * any characters");
  f.require_at("targets", rank == 0 || !targets.empty(), "is empty: name the layers that get adapters");
}

TensorMap merged_adapters(const TensorMap& state, const std::string& where) {
  constexpr std::string_view kA = ".lora_A";
  TensorMap merged = state;
  for (const auto& [name, a] : state) {
    if (!name.ends_with(kA)) continue;
    const std::string layer = name.substr(0, name.size() - kA.size());
    const auto part = [&](const char* suffix) {
      const auto found = merged.find(layer + suffix);
      if (found == merged.end()) fail("{}: adapter '{}' lacks {}{}; the file is not whole", where, name, layer, suffix);
      return found->second;
    };
    const at::Tensor b = part(".lora_B"), scale = part(".lora_scale"), weight = part(".weight");
    if (a.dim() != 2 || b.dim() != 2 || weight.dim() != 2 || a.size(0) != b.size(1) || a.size(1) != weight.size(1) ||
        b.size(0) != weight.size(0) || scale.numel() != 1) {
      fail("{}: adapter '{}' does not fit the weight of its layer; take weights of one training", where, name);
    }
    const at::Tensor change = scale.to(at::kDouble) * at::mm(b.to(at::kDouble), a.to(at::kDouble));
    merged[layer + ".weight"] = (weight.detach().to(at::kDouble) + change).to(weight.scalar_type());
    for (const char* suffix : {".lora_A", ".lora_B", ".lora_scale"}) merged.erase(layer + suffix);
  }
  return merged;
}

}  // namespace spinfill
