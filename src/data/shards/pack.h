// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/files/links.h"

namespace spinfill {

struct PackOptions {
  fs::path folder;                                       // a data set: folders of view sets
  fs::path out;                                          // appears whole or not at all
  std::uint64_t shard_bytes = std::uint64_t{256} << 20;  // a set that is larger has a shard of its own
  std::vector<std::string> splits = {};                  // empty: every one of splits.json
  Links links = Links::stay_inside;                      // of the sets
  bool replace = false;                                  // an earlier pack at `out`
  // Counts sets: first "measuring" all of them, then "packing".
  std::function<void(const std::string& what, std::int64_t done, std::int64_t total)> progress = {};
};

struct PackedSplit {
  std::int64_t sets = 0, shards = 0;
};
struct PackResult {
  std::map<std::string, PackedSplit> splits;
  std::int64_t left_out = 0;  // sets that no packed split names
  std::uint64_t bytes = 0;    // of all shards
};

// Writes OUT/SPLIT-000000.tar …, an index for each (data/shards/shard_index.h) and shards.json. Sets are sorted by id;
// of a set first its json, then for each frame picture, mask, depth and normals, then the identity vector, bytes
// unchanged. Equal input gives equal bytes. Exit 2: OUT exists and is no earlier pack to be replaced, lies inside the
// data set, an unknown split. Exit 3 names what cannot be read or written. Exit 75 at a signal: nothing is left behind.
PackResult pack(const PackOptions& options);

}  // namespace spinfill
