// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/files.h"
#include "data/view_set.h"
#include "data/view_set_reader.h"

namespace spinfill {

// The folders of a data set that hold a transforms.json, sorted; hidden ones are left out.
std::vector<fs::path> set_folders(const fs::path& folder);

// splits.json: vehicles' ids by split. A vehicle may stand in one split only: each breach is reported, and when report
// returns, the first split keeps the vehicle. Empty when there is no such file.
using Splits = std::map<std::string, std::vector<std::string>>;
std::optional<Splits> read_splits(const fs::path& folder, const ReportProblem& report);

}  // namespace spinfill
