// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "data/sets/set_pictures.h"

namespace spinfill {

// The box of the references' visual hull in each view of a set, given or missing, px of the set's pictures; empty where
// a view sees nothing of it, and in slots that are in neither list. Every frame needs a camera; `pictures` holds the
// given ones. To about a hundredth of the picture's width.
using SlotBoxes = std::array<cv::Rect2d, kSlots>;
SlotBoxes hull_boxes(const ViewSet& set, const SlotPictures& pictures);

}  // namespace spinfill
