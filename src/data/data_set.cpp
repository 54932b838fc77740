// SPDX-License-Identifier: Apache-2.0
#include "data/data_set.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/log.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMaxSplitsBytes = 64 << 20;

bool has_transforms(const fs::path& folder) {
  return fs::is_regular_file(folder / "transforms.json");
}

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

std::optional<Splits> read_splits(const fs::path& folder, const ReportProblem& report) {
  const fs::path path = folder / "splits.json";
  if (!fs::exists(path)) return std::nullopt;
  const Json root = read_json(path, kMaxSplitsBytes);
  if (!root.is_object()) {
    report("splits.json", "is not a JSON object", R"(write {"train": [ids], "val": [...], "test": [...]})");
    return std::nullopt;
  }
  Splits splits;
  std::map<std::string, std::string> split_of;  // by id
  for (const auto& [name, ids] : root.items()) {
    if (!is_valid_id(name)) {
      report("splits.json", "holds a split without a proper name", "use train, val and test");
      continue;
    }
    if (!ids.is_array()) {
      report("splits.json: " + name, "is not a list of ids", "list the vehicles' ids");
      continue;
    }
    auto& list = splits[name];
    for (const Json& id : ids) {
      if (!id.is_string() || !is_valid_id(id.get<std::string>())) {
        report("splits.json: " + name, "holds something that is no id", "list the vehicles' ids");
        continue;
      }
      const auto [other, fresh] = split_of.emplace(id.get<std::string>(), name);
      if (fresh) {
        list.push_back(id.get<std::string>());
      } else if (other->second == name) {
        report("splits.json: " + name, fmt::format("names vehicle '{}' twice", other->first), "name it once");
      } else {
        report("splits.json: " + name, fmt::format("shares vehicle '{}' with split '{}'", other->first, other->second),
               "leave each vehicle in one split");
      }
    }
  }
  return splits;
}

DataSet open_data_set(const fs::path& folder, const std::string& split) {
  if (!fs::is_directory(folder)) fail("{}: there is no such folder", folder.string());
  DataSet data;
  data.folder = folder;
  const auto splits = read_splits(folder, [&](const auto& where, const auto& what, const auto& advice) {
    fail("{}/{} {}: {}", folder.string(), where, what, advice);
  });
  if (splits) {
    const auto found = splits->find(split);
    if (found == splits->end()) {
      std::vector<std::string> names;
      for (const auto& [name, ids] : *splits) names.push_back(name);
      fail("{}: there is no split '{}', only {}", (folder / "splits.json").string(), split, fmt::join(names, ", "));
    }
    if (found->second.empty()) fail("{}: split '{}' is empty", (folder / "splits.json").string(), split);
    SetFinder finder(folder);
    for (const std::string& id : found->second) data.sets.push_back(finder.find(id, split));
  } else if (has_transforms(folder)) {
    data.sets.push_back(read_view_set(folder));
  } else {
    for (const fs::path& path : set_folders(folder)) data.sets.push_back(read_view_set(path));
    if (data.sets.empty()) {
      fail("{}: holds no view sets (folders with a transforms.json, see docs/data.md)", folder.string());
    }
    log_info("{}: has no splits.json, so all {} sets serve as split '{}'", folder.string(), data.sets.size(), split);
  }
  std::ranges::sort(data.sets, {}, &ViewSet::id);
  for (std::size_t i = 1; i < data.sets.size(); ++i) {
    if (data.sets[i].id == data.sets[i - 1].id) {
      fail("{}: id '{}' belongs to {} too: rename one", data.sets[i].folder.string(), data.sets[i].id,
           data.sets[i - 1].folder.string());
    }
  }
  return data;
}

}  // namespace spinfill
