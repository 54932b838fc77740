// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "synth/options.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {

// What depth maps hold: 16-bit value / kDepthScale = distance along the ray in vehicle lengths, 0 = no vehicle.
inline constexpr double kDepthScale = 8192;

// Renders one set into folder/…, with its transforms.json.
void render_set(const Model& model, const std::string& id, const std::string& source, const std::string& licence,
                std::uint64_t index, const SynthOptions& options, const std::filesystem::path& folder);

}  // namespace spinfill::synth
