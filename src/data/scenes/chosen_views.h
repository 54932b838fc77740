// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "data/sets/slots.h"
#include "geometry/camera.h"

namespace spinfill {

// A view among many: from where it shows the vehicle, and how much less it is wanted than one that stands where it
// should (degrees; infinite: not at all).
struct ViewCandidate {
  Direction direction;
  double penalty_deg = 0;
};

// For each primary view the place of the candidate that stands for it: of those whose azimuth is nearest to that slot
// the one that, with its penalty, is least far from the primary azimuth at the elevation that suits all slots best;
// one near a turntable's where several do. Nothing where no candidate is nearest to a slot.
std::array<std::optional<std::size_t>, kSlots> choose_slots(const std::vector<ViewCandidate>& candidates);

// At most `most` places, spread over the azimuths as evenly as there are views, each near the median elevation of all.
std::vector<std::size_t> spread_views(const std::vector<Direction>& directions, std::size_t most);

}  // namespace spinfill
