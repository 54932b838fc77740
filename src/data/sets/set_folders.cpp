// SPDX-License-Identifier: Apache-2.0
#include "data/sets/set_folders.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/log.h"
#include "data/sets/splits.h"
#include "data/sets/view_set_reader.h"

namespace spinfill {
namespace {

// The set with this id, usually in the folder of that name; otherwise all sets are searched once.
class SetFinder {
 public:
  explicit SetFinder(const fs::path& folder) : folder_(folder) {}

  ViewSet find(const std::string& id, const std::string& split) {
    if (has_transforms(folder_ / id)) {
      ViewSet set = read_view_set(folder_ / id);
      if (set.id == id) return set;
    }
    if (!scanned_) {
      scanned_ = true;
      for (const fs::path& path : set_folders(folder_)) {
        ViewSet set = read_view_set(path);
        const std::string name = set.id;
        if (!all_.emplace(name, std::move(set)).second) {
          fail("{}: id '{}' belongs to two sets: rename one", path.string(), name);
        }
      }
    }
    const auto found = all_.find(id);
    if (found == all_.end()) {
      fail("{}: '{}' in split '{}' is no vehicle of this data set", (folder_ / "splits.json").string(), id, split);
    }
    return found->second;
  }

 private:
  const fs::path& folder_;
  bool scanned_ = false;
  std::map<std::string, ViewSet> all_;
};

}  // namespace

bool has_transforms(const fs::path& folder) {
  return fs::is_regular_file(folder / "transforms.json");
}

std::vector<fs::path> set_folders(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with(".")) continue;
    if (entry.is_directory() && has_transforms(entry.path())) folders.push_back(entry.path());
  }
  if (error) fail("{}: cannot be listed: {}", folder.string(), error.message());
  std::ranges::sort(folders);
  return folders;
}

std::vector<fs::path> set_folder_or_folders(const fs::path& folder) {
  if (fs::exists(folder / "transforms.json")) return {folder};
  return set_folders(folder);
}

DataSet open_set_folders(const fs::path& folder, const std::string& split) {
  std::vector<ViewSet> sets;
  std::string of_split;
  if (const auto ids = read_split(folder, split)) {
    of_split = split;
    SetFinder finder(folder);
    for (const std::string& id : *ids) sets.push_back(finder.find(id, split));
  } else if (has_transforms(folder)) {
    sets.push_back(read_view_set(folder));
  } else {
    for (const fs::path& path : set_folders(folder)) sets.push_back(read_view_set(path));
    if (sets.empty()) {
      fail("{}: holds no view sets (folders with a transforms.json, or tar shards, see docs/data.md)", folder.string());
    }
    log_info("{}: has no splits.json, so all {} sets serve as split '{}'", folder.string(), sets.size(), split);
  }
  std::ranges::sort(sets, {}, &ViewSet::id);
  for (std::size_t i = 1; i < sets.size(); ++i) {
    if (sets[i].id == sets[i - 1].id) {
      fail("{}: id '{}' belongs to {} too: rename one", sets[i].folder.string(), sets[i].id,
           sets[i - 1].folder.string());
    }
  }
  return {folder, std::move(sets), of_split};
}

}  // namespace spinfill
