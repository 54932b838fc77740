// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "data/sets/view_set.h"

namespace spinfill {

// What the PNG says of itself (core/files/output_file.h).
inline constexpr const char* kDataSheetMaker = "spinfill inspect --contact-sheet";

// One row per set (at least one) with its id, category and eight slots; atomic PNG. Errors (exit 3) name a picture that
// cannot be read.
void write_data_sheet(const std::vector<ViewSet>& sets, const std::filesystem::path& path);

}  // namespace spinfill
