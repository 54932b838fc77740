// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "core/files/links.h"
#include "data/sets/view_set.h"

namespace spinfill {

// What a data set's folder holds (one set's folder counts as a data set of one). Pictures are not decoded.
struct DataSummary {
  fs::path folder;
  std::int64_t sets = 0, frames = 0, with_cameras = 0;
  std::map<std::string, std::int64_t> by_category, by_split, by_size, by_missing;  // numbers of sets
  std::int64_t shards = 0;                                                         // 0: a folder of view sets
  std::vector<std::string> problems;  // unreadable sets, ids that splits.json names and the folder lacks
  std::vector<ViewSet> first;         // readable sets, as many as a sheet has rows
};

bool is_data(const fs::path& folder);
DataSummary read_data_summary(const fs::path& folder, Links links = Links::stay_inside);
std::string data_text(const DataSummary& data);
Json data_to_json(const DataSummary& data);

}  // namespace spinfill
