// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/tensors/safetensors.h"
#include "model/denoiser/denoiser.h"

namespace spinfill {

// Strict: copies `state` into the denoiser's parameters (any dtype and device, cast). Missing, unexpected and
// mis-shaped keys and non-finite values are one error (exit 3) that names `where`, the first few keys and their count;
// nothing is changed then. Adapters are merged into their layers (model/network/lora.h) where the denoiser has none.
void load_state(Denoiser& denoiser, const TensorMap& state, const std::string& where);

void load_weights(const std::filesystem::path& path, Denoiser& denoiser);

// "fp32", "bf16" or "fp16" (else a usage error). Floating tensors are cast; a value that overflows fp16 is an error.
at::ScalarType parse_dtype(const std::string& name);
TensorMap cast_state(const TensorMap& state, at::ScalarType dtype);

}  // namespace spinfill
