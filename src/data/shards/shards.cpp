// SPDX-License-Identifier: Apache-2.0
#include "data/shards/shards.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/text.h"
#include "data/sets/set_folders.h"
#include "data/sets/splits.h"
#include "data/shards/shard_scan.h"
#include "data/shards/tar.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMaxListBytes = 64 << 20;
constexpr std::array<std::pair<std::string_view, const char*>, 10> kCompressed = {{{".tar.gz", "gunzip"},
                                                                                   {".tgz", "gunzip"},
                                                                                   {".tar.zst", "unzstd --rm"},
                                                                                   {".tzst", "unzstd --rm"},
                                                                                   {".tar.xz", "unxz"},
                                                                                   {".txz", "unxz"},
                                                                                   {".tar.bz2", "bunzip2"},
                                                                                   {".tbz2", "bunzip2"},
                                                                                   {".tbz", "bunzip2"},
                                                                                   {".tar.lz4", "unlz4 --rm"}}};
constexpr std::array kKnownSplits = {"train", "val", "valid", "validation", "test"};

// A tar that is compressed and does not lie there unpacked, too.
std::optional<fs::path> compressed_tar(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = lower_case(entry.path().filename().string());
    if (name.starts_with(".")) continue;
    for (const auto& [ending, command] : kCompressed) {
      const std::string path = entry.path().string();
      if (name.ends_with(ending) && !fs::exists(path.substr(0, path.size() - ending.size()) + ".tar"))
        return entry.path();
    }
  }
  return std::nullopt;
}

// Its sets would be missing without a word.
void refuse_compressed(const fs::path& folder) {
  const auto tar = compressed_tar(folder);
  if (!tar) return;
  const std::string name = lower_case(tar->string());
  const auto found = std::ranges::find_if(kCompressed, [&](const auto& kind) { return name.ends_with(kind.first); });
  fail("{}: is compressed, which has no random access: unpack it and its like: {} {}", tar->string(), found->second,
       shell_word(tar->string()));
}

std::vector<fs::path> tars_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> tars;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    fs::path path = entry.path();
    if (path.extension() == ".dvc") path.replace_extension();
    if (path != entry.path() && fs::exists(path)) continue;  // listed by itself
    if (lower_case(path.extension().string()) == ".tar" && !name.starts_with(".") && !entry.is_directory())
      tars.push_back(path);
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

}  // namespace

bool holds_shards(const fs::path& folder) {
  if (fs::exists(folder / kShardList)) return true;
  return !has_transforms(folder) && (!tars_in(folder).empty() || compressed_tar(folder)) && set_folders(folder).empty();
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
    refuse_compressed(folder);
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
    return DataSet(folder, all, split).chosen(places);
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
  return {folder, std::move(sets), splits.named ? split : ""};
}

std::shared_ptr<const ShardSets> open_all_shards(const fs::path& folder) {
  std::vector<fs::path> all;
  for (const auto& [split, shards] : shards_by_split(folder).shards)
    all.insert(all.end(), shards.begin(), shards.end());
  return std::make_shared<ShardSets>(std::move(all));
}

std::int64_t write_indexes(const fs::path& folder, bool anew) {
  refuse_compressed(folder);
  const std::vector<fs::path> tars = tars_in(folder);
  if (tars.empty()) fail("{}: holds no tar shards", folder.string());
  std::vector<fs::path> todo;
  std::uint64_t bytes = 0;
  for (const fs::path& shard : tars) {
    if (ShardIndex::is_strange(index_path(shard)))
      fail_usage("{}: is in the way of an index and was not made by spinfill: move it away",
                 index_path(shard).string());
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
