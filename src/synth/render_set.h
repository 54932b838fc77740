// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "synth/options.h"
#include "synth/render/environment.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {

// What depth maps hold: 16-bit value / kDepthScale = distance along the ray in vehicle lengths, 0 = no vehicle.
inline constexpr double kDepthScale = 8192;

// What a set says of itself.
struct SetLabel {
  std::string id, source, licence;
};

// Renders one set into folder/…, with its transforms.json. Without environments the light is a studio's.
void render_set(const Model& model, const SetLabel& label, std::uint64_t index, const SynthOptions& options,
                const std::vector<NamedEnvironment>& environments, const std::filesystem::path& folder);

}  // namespace spinfill::synth
