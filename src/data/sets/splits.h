// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "data/sets/view_set_reader.h"

namespace spinfill {

// splits.json: vehicles' ids by split. A vehicle may stand in one split only: each breach is reported, and when report
// returns, the first split keeps the vehicle. Empty when there is no such file.
using Splits = std::map<std::string, std::vector<std::string>>;
std::optional<Splits> read_splits(const fs::path& folder, const ReportProblem& report);
// The ids of one split of splits.json; exit 3 for every breach, a split that is not there or is empty.
std::optional<std::vector<std::string>> read_split(const fs::path& folder, const std::string& split);

}  // namespace spinfill
