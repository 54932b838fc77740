// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/scenes/scene.h"

namespace spinfill {

// The transforms.json (of this or another name) of nerfstudio and instant-ngp. Fields and their ranges are those of
// docs/data.md; distortion is read, and the world may be any: applied_transform, applied_scale, scale, offset and
// aabb_scale say how it was made from yet another one, which changes nothing. Exit 3 names file and field.
Scene read_transforms_scene(const std::filesystem::path& file, Links links);

}  // namespace spinfill
