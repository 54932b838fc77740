// SPDX-License-Identifier: Apache-2.0
#include "data/shards/shard_sets.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/side_by_side.h"
#include "data/shards/shard_scan.h"

namespace spinfill {
namespace {

constexpr std::size_t kOpenFiles = 64;
constexpr std::size_t kReaders = 8;  // of indexes at once: mounted storage is slow to answer, not to send

void refuse_changed(const fs::path& shard, std::uint64_t bytes, const ShardIndex& index) {
  if (bytes == index.shard_bytes()) return;
  fail("{}: has {} bytes, but its index says {}: it has changed since; if that is meant: spinfill data index {}",
       shard.string(), bytes, index.shard_bytes(), shard.parent_path().string());
}

// The index of each shard that has one, and fits the shard's size.
std::vector<std::optional<ShardIndex>> read_indexes(const std::vector<fs::path>& shards) {
  std::vector<std::optional<ShardIndex>> indexes(shards.size());
  const std::size_t readers = std::min(kReaders, shards.size());
  side_by_side(readers, [&](std::size_t reader) {
    for (std::size_t i = reader; i < shards.size(); i += readers) {
      const std::uint64_t bytes = bytes_of(shards[i]);
      const fs::path path = index_path(shards[i]);
      if (!fs::exists(path)) continue;
      indexes[i] = ShardIndex::read(path);
      refuse_changed(shards[i], bytes, *indexes[i]);
    }
    return reader;
  });
  return indexes;
}

}  // namespace

ShardSets::ShardSets(std::vector<fs::path> shards)
    : shards_(std::move(shards)), files_(std::make_shared<OpenFiles>(kOpenFiles)) {
  std::vector<std::optional<ShardIndex>> indexes = read_indexes(shards_);
  std::uint64_t to_scan = 0;
  std::int64_t without = 0;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (indexes[i]) continue;
    ++without;
    to_scan += bytes_of(shards_[i]);
  }
  std::optional<ScanBar> bar;
  if (without > 0) {
    log_info("{}: {} of {} shards have no index and are read through now; `spinfill data index` makes it once for all",
             shards_[0].parent_path().string(), without, shards_.size());
    bar.emplace(to_scan);
  }
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    indexes_.push_back(indexes[i] ? *std::move(indexes[i]) : ShardIndex::from(bar->scan(shards_[i]), shards_[i]));
    first_.push_back(first_.back() + indexes_.back().size());
  }
  if (size() > UINT32_MAX) fail("{}: more than {} sets", shards_[0].parent_path().string(), UINT32_MAX);
  sort();
}

// The shards of a packed data set follow each other by id already; for others an order is made.
void ShardSets::sort() {
  bool sorted = true;
  std::string_view before;
  for (const ShardIndex& index : indexes_) {
    for (std::int64_t i = 0; i < index.size() && sorted; ++i) {
      sorted = before < index.id(i);
      before = index.id(i);
    }
  }
  if (sorted) return;
  std::vector<std::pair<std::string_view, std::uint32_t>> by_id;
  by_id.reserve(static_cast<std::size_t>(size()));
  for (const ShardIndex& index : indexes_) {
    for (std::int64_t i = 0; i < index.size(); ++i) by_id.emplace_back(index.id(i), by_id.size());
  }
  std::ranges::sort(by_id);
  for (const auto& [id, set] : by_id) order_.push_back(set);
  for (std::int64_t i = 1; i < size(); ++i) {
    if (view_of_id(i) != view_of_id(i - 1)) continue;
    fail("{}: id '{}' belongs to a set of {} too: rename one", shards_[place(i).shard].string(), id(i),
         shards_[place(i - 1).shard].string());
  }
}

ShardSets::Place ShardSets::place(std::int64_t set) const {
  if (!order_.empty()) set = order_[static_cast<std::size_t>(set)];
  const auto after = std::ranges::upper_bound(first_, set);
  const auto shard = static_cast<std::size_t>(after - first_.begin()) - 1;
  return {shard, set - first_[shard]};
}

std::string_view ShardSets::view_of_id(std::int64_t set) const {
  const Place at = place(set);
  return indexes_[at.shard].id(at.set);
}

std::string ShardSets::id(std::int64_t set) const {
  return std::string(view_of_id(set));
}

Slots ShardSets::slots(std::int64_t set) const {
  const Place at = place(set);
  return indexes_[at.shard].slots(at.set);
}

bool ShardSets::has_identity(std::int64_t set) const {
  const Place at = place(set);
  return indexes_[at.shard].has_identity(at.set);
}

bool ShardSets::any_identity() const {
  return std::ranges::any_of(indexes_, &ShardIndex::any_identity);
}

std::int64_t ShardSets::find(const std::string& id) const {
  std::int64_t low = 0, high = size();
  while (low < high) {
    const std::int64_t middle = (low + high) / 2;
    if (view_of_id(middle) < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < size() && view_of_id(low) == id ? low : -1;
}

OpenShard ShardSets::open(std::size_t shard) const {
  return [files = files_, path = shards_[shard], bytes = indexes_[shard].shard_bytes()] {
    auto file = files->get(path);
    if (file->size() != bytes) {
      fail("{}: has {} bytes, but its index says {}: it has changed since", path.string(), file->size(), bytes);
    }
    return file;
  };
}

ShardSample ShardSets::sample(const Place& at) const {
  const IndexedSet set = indexes_[at.shard].set(at.set);
  const fs::path& shard = shards_[at.shard];
  const std::vector<std::uint32_t> checksums = indexes_[at.shard].checksums(set, *files_);
  ShardSample sample;
  bool fits = true;
  try {
    walk_tar(*open(at.shard)(), set.begin, set.begin + set.bytes, [&](const TarEntry& entry) {
      const auto name = sample_name(entry.name);
      if (!name) return;
      if (sample.files.empty()) sample.key = name->key;
      fits = fits && name->key == sample.key && sample.files.size() < checksums.size();
      if (fits) sample.files.push_back({name->field, entry.data, entry.size, checksums[sample.files.size()]});
    });
  } catch (const Error& error) {
    fail("{} (set '{}')", error.what(), set.id);
  }
  if (!fits || sample.files.size() != checksums.size()) {
    fail("{}: set '{}' is not where its index says: the shard has changed since it was indexed", shard.string(),
         set.id);
  }
  return sample;
}

ViewSet ShardSets::parse(std::int64_t set, const ReportProblem& report) const {
  const Place at = place(set);
  ViewSet out = parse_sample(sample(at), shards_[at.shard], open(at.shard), report);
  if (out.id != id(set) || out.slots() != slots(set)) {
    fail("{}: its index expects set '{}' here: the shard has changed since it was indexed", out.folder.string(),
         id(set));
  }
  return out;
}

std::shared_ptr<const ViewSet> ShardSets::read(std::int64_t set) const {
  const Place at = place(set);
  return std::make_shared<const ViewSet>(parse(set, [&](const auto& where, const auto& what, const auto& advice) {
    fail("{} (set '{}'): {} {}: {}", shards_[at.shard].string(), id(set), where, what, advice);
  }));
}

}  // namespace spinfill
