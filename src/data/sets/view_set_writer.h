// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/sets/view_set.h"

namespace spinfill {

Json transforms_to_json(const ViewSet& set);
void write_transforms(const ViewSet& set);  // folder/transforms.json, atomic

// The parts of transforms.json, for code that writes more into it than a ViewSet holds. A key that is there already
// keeps its place.

// fl_x, fl_y, cx, cy: of a frame, or of the whole set where all frames have the same.
void put_intrinsics(Json& frame_or_set, const Camera& camera);
// Takes out what other tools' fields say of a camera, before it is replaced.
void forget_foreign_camera(Json& frame_or_set);
// transform_matrix, and the intrinsics where they are the frame's own.
void put_camera(Json& frame, const Camera& camera, bool own_intrinsics = true);

Json frame_to_json(const Frame& frame, bool own_intrinsics);

}  // namespace spinfill
