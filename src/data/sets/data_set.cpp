// SPDX-License-Identifier: Apache-2.0
#include "data/sets/data_set.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"
#include "data/shards/shards.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMaxSplitsBytes = 64 << 20;

bool has_transforms(const fs::path& folder) {
  return fs::is_regular_file(folder / "transforms.json");
}

class SetsInMemory : public SetSource {
 public:
  explicit SetsInMemory(std::vector<ViewSet> sets) {
    for (ViewSet& set : sets) sets_.push_back(std::make_shared<const ViewSet>(std::move(set)));
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(sets_.size()); }
  std::string id(std::int64_t set) const override { return at(set)->id; }
  Slots slots(std::int64_t set) const override { return at(set)->slots(); }
  bool has_identity(std::int64_t set) const override { return !at(set)->identity_file_path.empty(); }
  bool any_identity() const override {
    return std::ranges::any_of(sets_, [](const auto& set) { return !set->identity_file_path.empty(); });
  }
  std::shared_ptr<const ViewSet> read(std::int64_t set) const override { return at(set); }

 private:
  const std::shared_ptr<const ViewSet>& at(std::int64_t set) const { return sets_[static_cast<std::size_t>(set)]; }
  std::vector<std::shared_ptr<const ViewSet>> sets_;
};

class JoinedSets : public SetSource {
 public:
  JoinedSets(DataSet first, DataSet second) : parts_{std::move(first), std::move(second)} {}
  std::int64_t size() const override { return parts_[0].size() + parts_[1].size(); }
  std::string id(std::int64_t set) const override { return part(set).id(place(set)); }
  Slots slots(std::int64_t set) const override { return part(set).slots(place(set)); }
  bool has_identity(std::int64_t set) const override { return part(set).has_identity(place(set)); }
  bool any_identity() const override {
    return std::ranges::any_of(parts_, [](const DataSet& part) { return part.first_with_identity() >= 0; });
  }
  std::shared_ptr<const ViewSet> read(std::int64_t set) const override { return part(set).view_set(place(set)); }

 private:
  const DataSet& part(std::int64_t set) const { return parts_[set < parts_[0].size() ? 0 : 1]; }
  std::int64_t place(std::int64_t set) const { return set < parts_[0].size() ? set : set - parts_[0].size(); }
  std::array<DataSet, 2> parts_;
};

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

DataSet::DataSet(fs::path folder, std::vector<ViewSet> sets)
    : DataSet(std::move(folder), std::make_shared<SetsInMemory>(std::move(sets))) {}

DataSet::DataSet(fs::path folder, std::shared_ptr<const SetSource> source)
    : folder_(std::move(folder)), source_(std::move(source)) {
  find_identity();
}

void DataSet::find_identity() {
  first_with_identity_ = -1;
  if (!source_->any_identity()) return;
  for (std::int64_t i = 0; i < size() && first_with_identity_ < 0; ++i) {
    if (has_identity(i)) first_with_identity_ = i;
  }
}

std::int64_t DataSet::size() const {
  if (!all_) return static_cast<std::int64_t>(order_.size());
  return source_ ? source_->size() : 0;
}

std::int64_t DataSet::place(std::int64_t set) const {
  if (set < 0 || set >= size()) fail("{}: there is no set {} among {}", folder_.string(), set, size());
  return all_ ? set : order_[static_cast<std::size_t>(set)];
}

DataSet DataSet::chosen(const std::vector<std::int64_t>& sets) const {
  DataSet out;
  out.folder_ = folder_;
  out.source_ = source_;
  out.all_ = false;
  for (const std::int64_t set : sets) out.order_.push_back(static_cast<std::uint32_t>(place(set)));
  out.find_identity();
  return out;
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

std::optional<std::vector<std::string>> read_split(const fs::path& folder, const std::string& split) {
  auto splits = read_splits(folder, [&](const auto& where, const auto& what, const auto& advice) {
    fail("{}/{} {}: {}", folder.string(), where, what, advice);
  });
  if (!splits) return std::nullopt;
  const auto found = splits->find(split);
  if (found == splits->end()) {
    std::vector<std::string> names;
    for (const auto& [name, ids] : *splits) names.push_back(name);
    fail("{}: there is no split '{}', only {}", (folder / "splits.json").string(), split, fmt::join(names, ", "));
  }
  if (found->second.empty()) fail("{}: split '{}' is empty", (folder / "splits.json").string(), split);
  return std::move(found->second);
}

DataSet open_data_set(const fs::path& folder, const std::string& split) {
  if (!fs::is_directory(folder)) fail("{}: there is no such folder", folder.string());
  if (holds_shards(folder)) return open_shards(folder, split);
  std::vector<ViewSet> sets;
  if (const auto ids = read_split(folder, split)) {
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
  return {folder, std::move(sets)};
}

DataSet joined(const DataSet& first, const DataSet& second) {
  return {first.folder(), std::make_shared<JoinedSets>(first, second)};
}

}  // namespace spinfill
