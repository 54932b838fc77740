// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "data/scenes/scene.h"

namespace spinfill {

// The scene that a path names: a folder with transforms.json (nerfstudio, instant-ngp) or a COLMAP model, or such a
// file or model folder itself. transforms.json goes before a COLMAP model beside it. Nothing where there is no such
// description: a folder of photographs alone. Pictures that lie beside those with cameras are in left_out. Exit 2: no
// such path, or a view set already; exit 3: a description that is damaged or cannot be read.
std::optional<Scene> read_scene(const std::filesystem::path& source, Links links);

}  // namespace spinfill
