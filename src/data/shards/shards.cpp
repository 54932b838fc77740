// SPDX-License-Identifier: Apache-2.0
#include "data/shards/shards.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/side_by_side.h"
#include "core/signals.h"
#include "data/shards/shard_scan.h"

namespace spinfill {
namespace {

constexpr std::size_t kOpenFiles = 64;
constexpr std::size_t kReaders = 8;  // of indexes at once: mounted storage is slow to answer, not to send
constexpr std::uint64_t kMaxListBytes = 64 << 20;
constexpr std::array kKnownSplits = {"train", "val", "valid", "validation", "test"};

std::uint64_t bytes_of(const fs::path& shard) {
  std::error_code error;
  const std::uint64_t bytes = fs::file_size(shard, error);
  if (error) fail("{}: cannot be opened: {}", shard.string(), error.message());
  return bytes;
}

std::vector<fs::path> tars_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> tars;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".tar") && !name.starts_with(".") && !entry.is_directory()) tars.push_back(entry.path());
  }
  if (error) fail("{}: cannot be listed: {}", folder.string(), error.message());
  std::ranges::sort(tars);
  return tars;
}

// "cars-train-000012.tar" → "train"
std::string split_of_name(const fs::path& shard) {
  std::string name = shard.stem().string();
  const auto is_separator = [](char c) { return c == '-' || c == '_' || c == '.'; };
  while (!name.empty() && name.back() >= '0' && name.back() <= '9') name.pop_back();
  while (!name.empty() && is_separator(name.back())) name.pop_back();
  const auto word = std::find_if(name.rbegin(), name.rend(), is_separator).base();
  return {word, name.end()};
}

// Scans shards one after the other with a bar; stops at a signal.
class ScanBar {
 public:
  explicit ScanBar(std::uint64_t total) : progress_("indexing", static_cast<std::int64_t>((total >> 20) + 1), "MiB") {}
  IndexContent scan(const fs::path& shard) {
    return scan_shard(shard, [this](std::uint64_t bytes) {
      if (StopSignals::requested()) throw Error(ExitCode::resume, "stopped by a signal while indexing shards");
      done_ += bytes;
      progress_.update(static_cast<std::int64_t>((done_ >> 20) + 1));
    });
  }

 private:
  Progress progress_;
  std::uint64_t done_ = 0;
};

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

// The shards of a packed data set follow each other by id already; others get an order of their own.
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

bool holds_shards(const fs::path& folder) {
  if (fs::exists(folder / kShardList)) return true;
  return !fs::exists(folder / "transforms.json") && !tars_in(folder).empty() && set_folders(folder).empty();
}

std::string sample_key(const std::string& id) {
  std::string key;
  for (const char c : id) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    key += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return key;
}

fs::path shard_name(const std::string& split, std::int64_t number) {
  return fmt::format("{}-{:06}.tar", split, number);
}

ShardSplits shards_by_split(const fs::path& folder) {
  ShardSplits out;
  const fs::path list = folder / kShardList;
  if (!fs::exists(list)) {
    const std::vector<fs::path> tars = tars_in(folder);
    for (const fs::path& shard : tars) out.shards[split_of_name(shard)].push_back(shard);
    out.named = std::ranges::any_of(kKnownSplits, [&](const char* name) { return out.shards.contains(name); });
    if (!out.named) out.shards = {{kAllSets, tars}};
    return out;
  }
  const Json root = read_json(list, kMaxListBytes);
  const auto refuse = [&] { fail("{}: is not as spinfill data pack writes it: pack again", list.string()); };
  if (!root.is_object() || root.value("format", Json()) != "spinfill shards") refuse();
  if (root.value("version", Json()) != 1) fail("{}: is of another version than 1", list.string());
  if (!root.contains("splits") || !root["splits"].is_object() || !root.value("named", Json()).is_boolean()) refuse();
  out.named = root["named"].get<bool>();
  for (const auto& [split, value] : root["splits"].items()) {
    const Json count = value.is_object() ? value.value("shards", Json()) : Json();
    if (!is_valid_id(split) || !count.is_number_unsigned() || count < 1 || count > 10'000'000) refuse();
    for (std::int64_t i = 0; i < count.get<std::int64_t>(); ++i) {
      out.shards[split].push_back(folder / shard_name(split, i));
    }
  }
  if (out.shards.empty()) refuse();
  if (!out.named && (out.shards.size() != 1 || !out.shards.contains(kAllSets))) refuse();
  return out;
}

DataSet open_shards(const fs::path& folder, const std::string& split) {
  if (const auto ids = read_split(folder, split)) {
    const auto all = open_all_shards(folder);
    std::vector<std::int64_t> places;
    for (const std::string& id : *ids) {
      places.push_back(all->find(id));
      if (places.back() >= 0) continue;
      fail("{}: '{}' in split '{}' is no vehicle of this data set", (folder / "splits.json").string(), id, split);
    }
    std::ranges::sort(places);
    return DataSet(folder, all).chosen(places);
  }
  const ShardSplits splits = shards_by_split(folder);
  const auto found = splits.shards.find(splits.named ? split : kAllSets);
  if (found == splits.shards.end()) {
    std::vector<std::string> names;
    for (const auto& [name, shards] : splits.shards) names.push_back(name);
    fail("{}: there are no shards of split '{}', only of {}", folder.string(), split, fmt::join(names, ", "));
  }
  auto sets = std::make_shared<ShardSets>(found->second);
  if (!splits.named) {
    log_info("{}: its shards are of no split, so all {} sets serve as split '{}'", folder.string(), sets->size(),
             split);
  }
  return {folder, std::move(sets)};
}

std::shared_ptr<const ShardSets> open_all_shards(const fs::path& folder) {
  std::vector<fs::path> all;
  for (const auto& [split, shards] : shards_by_split(folder).shards)
    all.insert(all.end(), shards.begin(), shards.end());
  return std::make_shared<ShardSets>(std::move(all));
}

std::int64_t write_indexes(const fs::path& folder, bool anew) {
  const StopSignals signals;
  const std::vector<fs::path> tars = tars_in(folder);
  if (tars.empty()) fail("{}: holds no tar shards", folder.string());
  std::vector<fs::path> todo;
  std::uint64_t bytes = 0;
  for (const fs::path& shard : tars) {
    bool valid = !anew && fs::exists(index_path(shard));
    try {
      if (valid) valid = ShardIndex::read(index_path(shard)).shard_bytes() == bytes_of(shard);
    } catch (const Error&) {
      valid = false;
    }
    if (valid) continue;
    todo.push_back(shard);
    bytes += bytes_of(shard);
  }
  if (todo.empty()) return 0;
  ScanBar bar(bytes);
  for (const fs::path& shard : todo) {
    write_file_atomic(index_path(shard), ShardIndex::serialised(bar.scan(shard)));
  }
  return static_cast<std::int64_t>(todo.size());
}

}  // namespace spinfill
