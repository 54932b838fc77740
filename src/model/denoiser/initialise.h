// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/tensors/safetensors.h"
#include "model/denoiser/modules.h"

namespace spinfill {

// Convolutions and linear layers U(±1/√fan-in) as PyTorch's defaults, norms the identity, conv_out zero, embeddings
// N(0, 1), learned null vectors N(0, 0.02²). Every tensor is a function of (seed, its name, its shape).
void initialise_weights(DenoiserModules& modules, std::uint64_t seed);
// The same values, of the parameters that `wanted` names alone; of modules without memory (at::kMeta), too.
TensorMap initial_weights(const DenoiserModules& modules, std::uint64_t seed,
                          const std::function<bool(const std::string& name)>& wanted);
// The adapter's A as a linear layer's weight, B zero. `name` is the layer's.
void initialise_adapter(LinearImpl& layer, const std::string& name, std::uint64_t seed);

}  // namespace spinfill
