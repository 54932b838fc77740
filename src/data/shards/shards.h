// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "core/files/positional_file.h"
#include "data/sets/data_set.h"
#include "data/shards/shard_sets.h"

namespace spinfill {

// A folder of shards: one that `spinfill data pack` made (shards.json), or one of *.tar and no view sets.
bool holds_shards(const fs::path& folder);

// The shards of each split. shards.json says it, or else the names do: in cars-train-000012.tar the last word before
// the number. `named`: false where nothing says it; then all are under the one name "all".
struct ShardSplits {
  bool named = true;
  std::map<std::string, std::vector<fs::path>> shards;
};
ShardSplits shards_by_split(const fs::path& folder);
constexpr const char* kShardList = "shards.json";
// A vehicle's id as a WebDataset key: every byte but letters, digits, '-' and '_' as %XX, so that it holds no dot.
std::string sample_key(const std::string& id);
constexpr const char* kAllSets = "all";
fs::path shard_name(const std::string& split, std::int64_t number);  // train, 12 → train-000012.tar

// One split; splits.json in the folder, where there is one, takes precedence over the shards' names.
DataSet open_shards(const fs::path& folder, const std::string& split);
std::shared_ptr<const ShardSets> open_all_shards(const fs::path& folder);

// Makes the missing and stale indexes of a folder (all of them with `anew`); returns the number of shards indexed.
// Exit 2: a file that is no index has an index's name.
std::int64_t write_indexes(const fs::path& folder, bool anew);

}  // namespace spinfill
