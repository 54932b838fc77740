// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "data/batches/samples.h"
#include "data/config.h"
#include "data/photo/photo_windows.h"

namespace spinfill {

// How a set's pictures are fitted into a model's.
struct SetFraming {
  SlotFits given;                  // by slot, of the set's frames
  std::vector<Letterbox> missing;  // of its missing frames, in their order
  double scale() const { return given.front().scale; }
};

// Whole.
SetFraming whole_framing(const ViewSet& set, const DataConfig& model);

// So that the vehicle fills them as the vehicles that models are trained on do, whatever room was left around it: one
// scale for all views, each centred on the hull's box, which comes from the references alone (photo_windows() of the
// set's photo_views_of()). None where some view sees nothing of the hull.
std::optional<SetFraming> framed_on_vehicle(const ViewSet& set, const PhotoWindows& windows, const DataConfig& model);

}  // namespace spinfill
