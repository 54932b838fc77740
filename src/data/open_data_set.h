// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/files/links.h"
#include "data/sets/data_set.h"

namespace spinfill {

// A folder of sets with splits.json {"train": [ids], "val": [...], "test": [...]}, or of tar shards
// (data/shards/shards.h). Where nothing says which split a vehicle belongs to, every set is in each split asked for
// ("test" included) and a line says so. Exit 3: no such folder or split, a wrong set, an id of two sets.
DataSet open_data_set(const fs::path& folder, const std::string& split, Links links = Links::stay_inside);

}  // namespace spinfill
