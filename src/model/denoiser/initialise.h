// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "model/denoiser/modules.h"

namespace spinfill {

// Convolutions and linear layers U(±1/√fan-in) as PyTorch's defaults, norms the identity, conv_out zero, embeddings
// N(0, 1), learned null vectors N(0, 0.02²). Every tensor is a function of (seed, its name, its shape).
void initialise_weights(DenoiserModules& modules, std::uint64_t seed);
// The adapter's A as a linear layer's weight, B zero. `name` is the layer's.
void initialise_adapter(LinearImpl& layer, const std::string& name, std::uint64_t seed);

}  // namespace spinfill
