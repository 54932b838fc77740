// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/files.h"
#include "core/files/positional_file.h"
#include "data/sets/slots.h"

namespace spinfill {

// What sampling needs to know about one set in a shard.
struct IndexedSet {
  std::string id;
  Slots slots;                              // views that have a picture
  bool identity = false;                    // it has an identity vector
  std::uint64_t begin = 0;                  // bytes from the shard's start: its first header
  std::uint64_t bytes = 0;                  // as far as the end of its last file's last block
  std::uint64_t first_file = 0, files = 0;  // its checksums
};

// What an index is made of: sets in the shard's order; CRC-32 of each file of each set, in the same order.
struct IndexContent {
  std::uint64_t shard_bytes = 0;
  std::string shard_sha256;  // 64 hexadecimal digits
  std::vector<IndexedSet> sets;
  std::vector<std::uint32_t> checksums;
};

// The index of a shard, SHARD.index beside SHARD.tar (docs/data.md has the format). Reading it keeps 20 bytes and the
// id of each set in memory; checksums stay in the file until they are asked for. Nothing is mapped: a file that is cut
// while in use must be an error, not a signal.
class ShardIndex {
 public:
  // Whether a file is there that begins as no index does: somebody else's, not to be written over.
  static bool is_strange(const fs::path& path);
  // Exit 3 names file and set: not an index, another version, damaged, ranges that overlap or leave the shard.
  static ShardIndex read(const fs::path& path);
  static ShardIndex from(const IndexContent& content, const fs::path& shard);  // in memory alone
  static std::string serialised(const IndexContent& content);

  std::int64_t size() const { return sets_; }
  std::string_view id(std::int64_t set) const;
  Slots slots(std::int64_t set) const;
  bool has_identity(std::int64_t set) const;
  bool any_identity() const { return any_identity_; }
  IndexedSet set(std::int64_t set) const;
  std::vector<std::uint32_t> checksums(const IndexedSet& set, OpenFiles& files) const;
  std::uint64_t shard_bytes() const { return shard_bytes_; }
  const std::string& shard_sha256() const { return shard_sha256_; }

 private:
  ShardIndex(fs::path path, std::string bytes);
  void check();
  std::uint32_t field(std::int64_t set, int number) const;
  fs::path path_;               // of the index, or of a shard that has none
  std::string table_;           // header, sets, ids
  std::string in_memory_ = {};  // checksums, where there is no file
  bool on_disk_ = true, any_identity_ = false;
  std::int64_t sets_ = 0;
  std::uint64_t shard_bytes_ = 0, ids_bytes_ = 0, files_ = 0;
  std::string shard_sha256_;
};

fs::path index_path(const fs::path& shard);  // train-000000.tar → train-000000.index

}  // namespace spinfill
