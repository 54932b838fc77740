// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/files/links.h"
#include "data/sets/data_set.h"

namespace spinfill {

// A folder of sets with splits.json {"train": [ids], "val": [...], "test": [...]}, or of tar shards
// (data/shards/shards.h). Where nothing says which split a vehicle belongs to, every set is in each split asked for
// ("test" included) and a line says so. Exit 3: no such folder or split, a wrong set, an id of two sets.
DataSet open_data_set(const fs::path& folder, const std::string& split, Links links = Links::stay_inside);

// Of several, as one.
DataSet open_data_sets(const std::vector<std::string>& folders, const std::string& split);

// The same of the folder that a configuration's key names: exit 2 where that is empty, exit 3 names the key.
DataSet open_named_data_set(const std::string& key, const std::string& path, const std::string& split, Links links);

// Why no vehicle is set apart for a split, and what to do about it; empty where some are. A split that another name
// seems to mean ("validation" for "val") is not taken for it, but named. Exit 3 as above.
std::string why_no_split(const fs::path& folder, const std::string& split);

}  // namespace spinfill
