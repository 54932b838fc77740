// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "core/files/json.h"
#include "data/check/summary.h"

namespace spinfill {

// One row per set with its eight slots, at most `rows` sets; atomic PNG.
void write_data_sheet(const DataSummary& data, const std::filesystem::path& path, int rows = 24);

}  // namespace spinfill
