// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "core/files/files.h"
#include "core/progress.h"
#include "data/shards/shard_index.h"

namespace spinfill {

// Called with the bytes read since the last call; may throw to stop.
using ScanProgress = std::function<void(std::uint64_t bytes)>;

// Reads a shard through once and says what its index must hold. Every set's description is checked. Exit 3 names shard,
// set and field: not a tar, cut, damaged, a link, a key or field that comes twice or not consecutively, no json, a
// wrong field of it, a file that it names and the sample lacks.
IndexContent scan_shard(const fs::path& shard, const ScanProgress& progress = {});

// Scans shards one after another with a progress bar; training that is asked to stop leaves by Stopped.
class ScanBar {
 public:
  explicit ScanBar(std::uint64_t total);  // bytes of all of them
  IndexContent scan(const fs::path& shard);

 private:
  Progress progress_;
  std::uint64_t done_ = 0;
};

std::uint64_t bytes_of(const fs::path& shard);  // exit 3 where it cannot be opened

}  // namespace spinfill
