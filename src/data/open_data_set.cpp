// SPDX-License-Identifier: Apache-2.0
#include "data/open_data_set.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/error.h"
#include "core/files/links.h"
#include "core/files/place_note.h"
#include "core/text.h"
#include "data/sets/set_folders.h"
#include "data/sets/splits.h"
#include "data/shards/shards.h"

namespace spinfill {
namespace {

// The one among the names that other people's data sets use for this split.
std::optional<std::string> split_meant(const std::string& split, const std::vector<std::string>& names) {
  constexpr std::array kForVal = {"valid", "validation", "dev", "eval"};
  const auto means = [&](const std::string& name) {
    const std::string plain = lower_case(name);
    return plain == split || (split == "val" && std::ranges::find(kForVal, plain) != kForVal.end());
  };
  const auto found = std::ranges::find_if(names, means);
  if (found == names.end()) return std::nullopt;
  return *found;
}

std::string lacking(const std::string& what, const std::string& split, const std::vector<std::string>& names,
                    const char* how_to_rename) {
  const auto meant = split_meant(split, names);
  const std::string advice =
      meant ? fmt::format("rename '{}' to '{}'{}", *meant, split, how_to_rename) : "add vehicles of that split";
  return fmt::format("{} '{}', only {}: {}", what, split,
                     names.empty() ? "none at all" : fmt::format("{}", fmt::join(names, ", ")), advice);
}

template <class Map>
std::vector<std::string> names_in(const Map& splits) {
  std::vector<std::string> names;
  for (const auto& [name, content] : splits) names.push_back(name);
  return names;
}

void require_data_set(const fs::path& folder) {
  if (!fs::is_directory(folder))
    fail("{}: there is no such folder{}{}", folder.string(), place_note(folder), why_absent(folder));
}

}  // namespace

DataSet open_data_set(const fs::path& folder, const std::string& split, Links links) {
  require_data_set(folder);
  return holds_shards(folder) ? open_shards(folder, split) : open_set_folders(folder, split, links);
}

DataSet open_data_sets(const std::vector<std::string>& folders, const std::string& split) {
  DataSet all;
  for (const std::string& folder : folders) {
    const DataSet one = open_data_set(folder, split);
    all = all.size() == 0 ? one : joined(all, one);
  }
  return all;
}

DataSet open_named_data_set(const std::string& key, const std::string& path, const std::string& split, Links links) {
  if (path.empty()) fail_usage("{} is empty: name the data set's folder, as by --set {}=FOLDER", key, key);
  if (!fs::is_directory(path)) {
    fail("{}: {}: there is no such folder{}{}: name it, as by --set {}=FOLDER", key, path, place_note(path),
         why_absent(path), key);
  }
  return open_data_set(path, split, links);
}

std::string why_no_split(const fs::path& folder, const std::string& split) {
  require_data_set(folder);
  const std::string list = (folder / "splits.json").string();
  const auto fail_at = [&](const auto& where, const auto& what, const auto& advice) {
    fail("{}/{} {}: {}", folder.string(), where, what, advice);
  };
  if (const auto splits = read_splits(folder, fail_at)) {
    const auto found = splits->find(split);
    if (found == splits->end()) return lacking(list + ": there is no split", split, names_in(*splits), " there");
    return found->second.empty() ? fmt::format("{}: split '{}' is empty: name vehicles there", list, split) : "";
  }
  if (!holds_shards(folder)) {
    return fmt::format(
        R"({}: has no splits.json, so no vehicle is of split '{}': write {{"train": [ids], "{}": [ids]}})",
        folder.string(), split, split);
  }
  const ShardSplits shards = shards_by_split(folder);
  if (!shards.named) {
    return fmt::format(
        "{}: its shards are of no split, so no vehicle is of split '{}': pack a data set with splits.json",
        folder.string(), split);
  }
  if (shards.shards.contains(split)) return {};
  return lacking(folder.string() + ": there are no shards of split", split, names_in(shards.shards),
                 " in their names, or list the ids in a splits.json beside them");
}

}  // namespace spinfill
