// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "data/scenes/scene.h"

namespace spinfill {

// The folder of a COLMAP model that belongs to `folder`: itself, sparse/0, sparse or colmap/sparse/0 in it. Nothing
// where there is none.
std::optional<std::filesystem::path> colmap_model_folder(const std::filesystem::path& folder);

// The model (cameras and images, binary where both are there) and its pictures: in images/ of the nearest folder above
// the model that has one. Masks as COLMAP names them: masks/NAME.png beside images/. Exit 3.
Scene read_colmap_scene(const std::filesystem::path& model, Links links);

}  // namespace spinfill
