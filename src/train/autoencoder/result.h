// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "core/files/json.h"
#include "model/autoencoder/files.h"

namespace spinfill {

// What an autoencoder's training leaves for others: RUN/autoencoder.safetensors, and the same weights as diffusers
// reads them, RUN/diffusers/config.json with diffusion_pytorch_model.safetensors. Both in float32, with `training`,
// where they come from, in their metadata; each appears whole or stays as it was.
void write_trained_autoencoder(const std::filesystem::path& run, AutoencoderFile file, const Json& training);

// The sizes that a run began with, RUN/architecture.json, as diffusers' config.json states them, with kLatentsOf.
std::filesystem::path run_architecture_path(const std::filesystem::path& run);

}  // namespace spinfill
