// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "data/sets/view_set.h"

namespace spinfill {

// A folder of pictures alone, named by azimuth: 000.png, 045.jpg, … (PNG, JPEG or WebP, all of one size); no cameras,
// category unknown. Exit 3 names the picture that does not belong.
ViewSet view_set_from_pictures(const std::filesystem::path& folder);

}  // namespace spinfill
