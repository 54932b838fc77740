// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "data/batches/samples.h"
#include "data/config.h"
#include "data/photo/hull_boxes.h"

namespace spinfill {

// How a set's pictures are fitted into a model's so that the vehicle fills them as the vehicles that models are trained
// on do, whatever room was left around it: one scale for all views, each centred on the hull's box, which comes from
// the references alone. None where some view, given or missing, sees nothing of the hull.
std::optional<SlotFits> framed_on_vehicle(const ViewSet& set, const SlotBoxes& boxes, const DataConfig& model);

}  // namespace spinfill
