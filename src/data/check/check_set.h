// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "data/check/check.h"
#include "data/sets/view_set_reader.h"
#include "data/shards/shards.h"

namespace spinfill {

// A set to check: where it lies and how its description is read.
struct SetToCheck {
  fs::path folder;          // in a shard: SHARD.tar/ID
  std::string description;  // its name
  std::function<ViewSet(const ReportProblem&)> parse;
  bool pictures_alone = false;  // without a description
};
// Every set of a folder, or of shards where there are any, or the folder itself where it holds pictures alone; `shards`
// and `options` must outlive them. Exit 2: azimuths are given, but not for such a folder.
std::vector<SetToCheck> sets_to_check(const fs::path& folder, const ShardSets* shards,
                                      const PhotographOptions& options);

struct CheckedSet {
  ViewSet set;
  std::int64_t pictures = 0;
  std::int64_t identity_length = 0;           // 0: none
  std::map<std::string, std::string> hashes;  // sha256 of a picture's bytes → its path
  std::vector<DataProblem> problems;
};

CheckedSet check_set(const SetToCheck& set, const DataCheckOptions& options);  // throws nothing for what the set holds

std::string name_of(const fs::path& folder);
// An error's message without the file's path, which the problem's place already says.
std::string without_path(const std::string& message, const fs::path& path);

}  // namespace spinfill
