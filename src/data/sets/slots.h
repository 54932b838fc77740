// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <cmath>
#include <cstddef>

#include "geometry/angles.h"

namespace spinfill {

// The eight primary views. Slot i shows the vehicle from azimuth 45·i.
inline constexpr int kSlots = 8;
inline constexpr int kSlotStepDeg = 360 / kSlots;
using Slots = std::bitset<kSlots>;

template <class Integer>
constexpr Integer azimuth_of(Integer slot) {  // degrees
  return kSlotStepDeg * slot;
}

// The primary view nearest to an azimuth; halfway between two the one counter-clockwise.
inline int nearest_slot(double azimuth_deg) {
  return static_cast<int>(std::floor(wrapped_deg(azimuth_deg) / kSlotStepDeg + 0.5)) % kSlots;
}

// 0 → 0, 1 ↔ 7, 2 ↔ 6, 3 ↔ 5, 4 → 4: the slots' mirror images (θ → −θ).
template <class Integer>
constexpr Integer mirrored_slot(Integer slot) {
  return (kSlots - slot) % kSlots;
}

inline Slots mirrored_slots(Slots slots) {
  Slots out;
  for (std::size_t slot = 0; slot < kSlots; ++slot) out[mirrored_slot(slot)] = slots[slot];
  return out;
}

}  // namespace spinfill
