// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/files/files.h"
#include "data/sets/picture_folder.h"

namespace spinfill {

// The azimuths of files in the order of their names, as the user said them; exit 2 where the list has another length.
std::vector<double> azimuths_of(const fs::path& folder, const std::vector<std::string>& files,
                                const PictureAzimuths& how);

// Exit 3 for pictures that are numbered instead of named by azimuth: says what azimuths they would have and how to
// give them.
[[noreturn]] void refuse_frame_numbers(const fs::path& folder, const std::vector<std::string>& files);

}  // namespace spinfill
