// SPDX-License-Identifier: Apache-2.0
#include "data/shards/shard_index.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "core/error.h"
#include "data/sets/view_set.h"
#include "data/shards/shard_sample.h"
#include "data/shards/tar.h"

namespace spinfill {
namespace {

static_assert(std::endian::native == std::endian::little, "an index is little-endian");

constexpr std::string_view kMagic = "SPINFIDX";
constexpr std::uint32_t kVersion = 1;
// Header: magic 8, version 4, sets 4, shard's bytes 8, its SHA-256 32, bytes of ids 8, files 8, CRC-32 4, zero 4.
constexpr std::size_t kHeader = 80, kChecksumAt = 72;
// A set: first block, blocks, end of its id, first file (each 4 bytes); slots 1, flags 1, zero 2.
constexpr std::size_t kSet = 20;
constexpr std::uint64_t kMaxTable = std::uint64_t{4} << 30;
constexpr unsigned char kHasIdentity = 1;
constexpr std::uint64_t kFirstRead = 16 << 10;

template <class T>
T number_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// The checksum of header (without itself), sets and ids.
std::uint32_t table_checksum(std::string_view table) {
  return checksum_of(table.substr(kHeader), checksum_of(table.substr(0, kChecksumAt)));
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string bytes_of_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned char value = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

}  // namespace

fs::path index_path(const fs::path& shard) {
  fs::path path = shard;
  return path.replace_extension(".index");
}

std::string ShardIndex::serialised(const IndexContent& content) {
  std::string sets, ids;
  for (const IndexedSet& set : content.sets) {
    ids += set.id;
    put(sets, static_cast<std::uint32_t>(set.begin / kTarBlock));
    put(sets, static_cast<std::uint32_t>(set.bytes / kTarBlock));
    put(sets, static_cast<std::uint32_t>(ids.size()));
    put(sets, static_cast<std::uint32_t>(set.first_file));
    put(sets, static_cast<std::uint8_t>(set.slots.to_ulong()));
    put(sets, static_cast<std::uint8_t>(set.identity ? kHasIdentity : 0));
    put(sets, std::uint16_t{0});
  }
  std::string bytes(kMagic);
  put(bytes, kVersion);
  put(bytes, static_cast<std::uint32_t>(content.sets.size()));
  put(bytes, content.shard_bytes);
  bytes += bytes_of_hex(content.shard_sha256);
  put(bytes, static_cast<std::uint64_t>(ids.size()));
  put(bytes, static_cast<std::uint64_t>(content.checksums.size()));
  put(bytes, std::uint64_t{0});
  bytes += sets + ids;
  const std::uint32_t checksum = table_checksum(bytes);
  std::memcpy(bytes.data() + kChecksumAt, &checksum, sizeof checksum);
  for (const std::uint32_t value : content.checksums) put(bytes, value);
  return bytes;
}

ShardIndex ShardIndex::from(const IndexContent& content, const fs::path& shard) {
  std::string bytes = serialised(content);
  const std::size_t table = bytes.size() - 4 * content.checksums.size();
  std::string checksums = bytes.substr(table);
  bytes.resize(table);
  ShardIndex index(shard, std::move(bytes));
  index.in_memory_ = std::move(checksums);
  index.on_disk_ = false;
  return index;
}

ShardIndex ShardIndex::read(const fs::path& path) {
  const PositionalFile file(path);
  const auto refuse = [&](const std::string& what) {
    fail("{}: {}; make it anew: spinfill data index", path.string(), what);
  };
  if (file.size() < kHeader) refuse("is no index of a shard");
  // Usually the tables too: on mounted storage the number of reads is what counts.
  std::string begin = file.read(0, static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), kFirstRead)));
  const std::string_view header = begin;
  if (!header.starts_with(kMagic)) refuse("is no index of a shard");
  if (number_at<std::uint32_t>(header, 8) != kVersion) {
    refuse(fmt::format("is of version {}, not {}", number_at<std::uint32_t>(header, 8), kVersion));
  }
  const std::uint64_t sets = number_at<std::uint32_t>(header, 12), ids = number_at<std::uint64_t>(header, 56),
                      files = number_at<std::uint64_t>(header, 64);
  const std::uint64_t room = file.size() - kHeader;
  if (kSet * sets > room || ids > room - kSet * sets || files > room / 4 || kHeader + kSet * sets + ids > kMaxTable ||
      kSet * sets + ids + 4 * files != room) {
    refuse("does not have the size that it states");
  }
  const std::size_t table = kHeader + kSet * sets + ids, had = std::min(begin.size(), table);
  begin.resize(table);
  file.read(had, begin.data() + had, table - had);
  begin.shrink_to_fit();
  return {path, std::move(begin)};
}

bool ShardIndex::is_strange(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return false;
  const PositionalFile file(path);
  const std::string begin = file.read(0, static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), kMagic.size())));
  return !kMagic.starts_with(begin);
}

ShardIndex::ShardIndex(fs::path path, std::string bytes)
    : path_(std::move(path)),
      table_(std::move(bytes)),
      sets_(number_at<std::uint32_t>(table_, 12)),
      shard_bytes_(number_at<std::uint64_t>(table_, 16)),
      ids_bytes_(number_at<std::uint64_t>(table_, 56)),
      files_(number_at<std::uint64_t>(table_, 64)),
      shard_sha256_(hex(std::string_view(table_).substr(24, 32))) {
  check();
}

void ShardIndex::check() {
  const auto refuse = [&](const std::string& what) {
    fail("{}: {}; make it anew: spinfill data index", path_.string(), what);
  };
  if (number_at<std::uint32_t>(table_, kChecksumAt) != table_checksum(table_)) refuse("is damaged (its checksum)");
  std::uint64_t id_begin = 0, file_begin = 0, free = 0;
  for (std::int64_t i = 0; i < sets_; ++i) {
    const std::uint64_t id_end = field(i, 2), files = field(i, 3), begin = kTarBlock * field(i, 0),
                        bytes = kTarBlock * field(i, 1);
    if (id_end <= id_begin || id_end > ids_bytes_ || !is_valid_id(id(i))) {
      refuse(fmt::format("its set {} has no valid id", i));
    }
    if ((i == 0 && files != 0) || files < file_begin || files >= files_) {
      refuse(fmt::format("set '{}' has no files", id(i)));
    }
    if (begin + bytes > shard_bytes_) refuse(fmt::format("set '{}' reaches beyond the shard's end", id(i)));
    if (begin < free || bytes == 0) refuse(fmt::format("set '{}' overlaps another one", id(i)));
    any_identity_ = any_identity_ || has_identity(i);
    id_begin = id_end;
    file_begin = files + 1;
    free = begin + bytes;
  }
  if (id_begin != ids_bytes_) refuse("holds bytes that belong to no set");
}

std::uint32_t ShardIndex::field(std::int64_t set, int number) const {
  return number_at<std::uint32_t>(
      table_, kHeader + kSet * static_cast<std::size_t>(set) + 4 * static_cast<std::size_t>(number));
}

std::string_view ShardIndex::id(std::int64_t set) const {
  const std::uint32_t begin = set > 0 ? field(set - 1, 2) : 0;
  return std::string_view(table_).substr(kHeader + kSet * static_cast<std::size_t>(sets_) + begin,
                                         field(set, 2) - begin);
}

Slots ShardIndex::slots(std::int64_t set) const {
  return field(set, 4) & 0xFFU;
}

bool ShardIndex::has_identity(std::int64_t set) const {
  return ((field(set, 4) >> 8) & kHasIdentity) != 0;
}

IndexedSet ShardIndex::set(std::int64_t set) const {
  IndexedSet out;
  out.id = id(set);
  out.slots = slots(set);
  out.identity = has_identity(set);
  out.begin = kTarBlock * field(set, 0);
  out.bytes = kTarBlock * field(set, 1);
  out.first_file = field(set, 3);
  out.files = (set + 1 < sets_ ? field(set + 1, 3) : files_) - out.first_file;
  return out;
}

std::vector<std::uint32_t> ShardIndex::checksums(const IndexedSet& set, OpenFiles& files) const {
  std::vector<std::uint32_t> out(set.files);
  auto* to = reinterpret_cast<char*>(out.data());
  const std::size_t offset = 4 * set.first_file, length = 4 * set.files;
  if (on_disk_) {
    files.get(path_)->read(table_.size() + offset, to, length);
  } else {
    std::memcpy(to, in_memory_.data() + offset, length);
  }
  return out;
}

}  // namespace spinfill
