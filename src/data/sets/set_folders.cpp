// SPDX-License-Identifier: Apache-2.0
#include "data/sets/set_folders.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/log.h"
#include "data/sets/picture_names.h"
#include "data/sets/splits.h"
#include "data/sets/view_set_reader.h"

namespace spinfill {
namespace {

// The set with this id, usually in the folder of that name; otherwise all sets are searched once.
class SetFinder {
 public:
  SetFinder(const fs::path& folder, Links links) : folder_(folder), links_(links) {}

  ViewSet find(const std::string& id, const std::string& split) {
    if (has_transforms(folder_ / id)) {
      ViewSet set = read_view_set(folder_ / id, links_);
      if (set.id == id) return set;
    }
    if (!scanned_) {
      scanned_ = true;
      for (const fs::path& path : set_folders(folder_)) {
        ViewSet set = read_view_set(path, links_);
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
  const Links links_;
  bool scanned_ = false;
  std::map<std::string, ViewSet> all_;
};

}  // namespace

bool has_transforms(const fs::path& folder) {
  const fs::path path = folder / "transforms.json";
  return fs::is_regular_file(path) || has_stand_in(path);
}

std::vector<fs::path> set_folders(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    fs::path path = entry.path();
    if (path.filename().string().starts_with(".")) continue;
    std::error_code unreadable;
    if (path.extension() == ".dvc") path.replace_extension();
    const bool absent = !path.has_extension() && has_stand_in(path);
    if (absent || (entry.is_directory(unreadable) && has_transforms(path))) folders.push_back(path);
  }
  if (error) fail("{}: cannot be listed: {}", folder.string(), error.message());
  std::ranges::sort(folders);
  return folders;
}

void tell_other_folders(const fs::path& folder) {
  std::vector<std::string> others = list_pictures(folder).folders;
  std::erase_if(others, [&](const std::string& name) { return has_transforms(folder / name); });
  if (others.empty()) return;
  log_warning("{}: passed over for want of a transforms.json: {}", folder.string(), first_names(others));
}

std::vector<fs::path> set_folder_or_folders(const fs::path& folder) {
  if (has_transforms(folder)) return {folder};
  return set_folders(folder);
}

DataSet open_set_folders(const fs::path& folder, const std::string& split, Links links) {
  std::vector<ViewSet> sets;
  std::string of_split;
  if (const auto ids = read_split(folder, split)) {
    of_split = split;
    SetFinder finder(folder, links);
    for (const std::string& id : *ids) sets.push_back(finder.find(id, split));
  } else if (has_transforms(folder)) {
    sets.push_back(read_view_set(folder, links));
  } else {
    for (const fs::path& path : set_folders(folder)) sets.push_back(read_view_set(path, links));
    if (sets.empty()) {
      fail("{}: holds no view sets (folders with a transforms.json, or tar shards, see docs/data.md)", folder.string());
    }
    tell_other_folders(folder);
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
