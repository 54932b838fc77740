// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "synth/import/import.h"

namespace spinfill::synth {

// A PNG that shows a model by each of several readings of its axes, one row each under the options that choose it:
// from azimuth 0 (its front, if the reading is right), 45 and 90 (its left side). Returns the picture's path,
// folder/ID.png.
std::filesystem::path write_axes_sheet(const MeshFile& file, const std::filesystem::path& meshes,
                                       const std::vector<Axes>& readings, const std::filesystem::path& folder);

}  // namespace spinfill::synth
