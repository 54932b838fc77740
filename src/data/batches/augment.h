// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "data/config.h"
#include "data/sets/slots.h"
#include "geometry/spin/cameras.h"

namespace spinfill {

// Affine map of straight sRGB colour, common to all views of a sample: c' = clamp(M·c + t, 0, 1), row by row [M | t].
using ColourMap = std::array<std::array<float, 4>, 3>;

// What is done to one sample. The default does nothing.
struct Augmentation {
  bool mirror = false;                             // the whole set: pictures flipped, θ → −θ, cameras mirrored
  std::optional<std::array<float, 3>> background;  // plain, sRGB; absent: the configured one
  std::optional<ColourMap> colour;                 // on the foreground, before compositing
  std::optional<std::array<ViewCorrection, kSlots>> camera_errors;  // by slot; of references alone
};

// A pure function of (seed, sample). Switching one augmentation off leaves the draws of the others as they were.
Augmentation draw_augmentation(const AugmentConfig& config, std::uint64_t seed, std::uint64_t sample);

// Brightness and contrast are factors (contrast around mid-grey), saturation a factor around luma (ITU-R BT.601),
// hue a rotation about the grey axis in turns; applied in this order.
ColourMap colour_map(double brightness, double contrast, double saturation, double hue_turns);

}  // namespace spinfill
