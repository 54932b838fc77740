// SPDX-License-Identifier: Apache-2.0
#include "data/check/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "data/sets/set_folders.h"
#include "data/sets/splits.h"
#include "data/sets/view_set_reader.h"
#include "data/shards/shards.h"

namespace spinfill {
namespace {

constexpr std::size_t kShownProblems = 20, kKept = 24;

// Reads the sets of a folder or of shards one after the other.
class Sets {
 public:
  Sets(const fs::path& folder, Links links) : links_(links) {
    if (holds_shards(folder)) {
      shards_ = open_all_shards(folder);
    } else {
      folders_ = set_folder_or_folders(folder);
    }
  }
  std::int64_t size() const { return shards_ ? shards_->size() : static_cast<std::int64_t>(folders_.size()); }
  std::int64_t shards() const { return shards_ ? static_cast<std::int64_t>(shards_->shards().size()) : 0; }
  ViewSet read(std::int64_t i) const {
    return shards_ ? *shards_->read(i) : read_view_set(folders_[static_cast<std::size_t>(i)], links_);
  }

 private:
  std::shared_ptr<const ShardSets> shards_;
  std::vector<fs::path> folders_;
  Links links_;
};

// Shards are of one split each, by their names, unless there is a splits.json.
void count_shards(DataSummary& data) {
  if (data.shards == 0 || fs::exists(data.folder / "splits.json")) return;
  const ShardSplits splits = shards_by_split(data.folder);
  if (!splits.named) return;
  for (const auto& [split, shards] : splits.shards) data.by_split[split] = ShardSets(shards).size();
}

// `all_read`: else an id that is not among them may be that of a set which could not be read.
void count_splits(DataSummary& data, const std::set<std::string>& ids, bool all_read) {
  const auto splits = read_splits(data.folder, [&](const auto& where, const auto& what, const auto& advice) {
    data.problems.push_back(fmt::format("{} {}; {}", where, what, advice));
  });
  if (!splits) return;
  std::set<std::string> listed;
  for (const auto& [name, list] : *splits) {
    for (const std::string& id : list) {
      if (all_read && !ids.contains(id))
        data.problems.push_back(fmt::format("splits.json: {}: there is no set {}", name, id));
      listed.insert(id);
      ++data.by_split[name];
    }
  }
  for (const std::string& id : ids) {
    if (!listed.contains(id)) ++data.by_split["(none)"];
  }
}

std::string counts(const std::map<std::string, std::int64_t>& numbers) {
  std::string text;
  for (const auto& [name, count] : numbers)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", escaped(name), count);
  return text.empty() ? "–" : text;
}

}  // namespace

bool is_data(const fs::path& folder) {
  return fs::is_directory(folder) &&
         (fs::exists(folder / "splits.json") || holds_shards(folder) || !set_folder_or_folders(folder).empty());
}

DataSummary read_data_summary(const fs::path& folder, Links links) {
  DataSummary data;
  data.folder = folder;
  std::set<std::string> ids;
  bool all_read = true;
  const Sets sets(folder, links);
  data.shards = sets.shards();
  for (std::int64_t i = 0; i < sets.size(); ++i) {
    try {
      const ViewSet set = sets.read(i);
      if (!ids.insert(set.id).second)
        data.problems.push_back(fmt::format("{}: the id {} is taken", set.folder.string(), set.id));
      std::int64_t missing = 0, cameras = 0;
      for (int slot = 0; slot < kSlots; ++slot) missing += set.frame_at(slot) == nullptr;
      for (const Frame& frame : set.frames) cameras += frame.camera.has_value();
      ++data.sets;
      data.frames += static_cast<std::int64_t>(set.frames.size());
      data.with_cameras += cameras == static_cast<std::int64_t>(set.frames.size());
      ++data.by_category[set.category.empty() ? "unknown" : set.category];
      ++data.by_size[fmt::format("{}×{}", set.width, set.height)];
      ++data.by_missing[std::to_string(missing)];
      if (data.first.size() < kKept) data.first.push_back(set);
    } catch (const Error& error) {
      data.problems.emplace_back(error.what());
      all_read = false;
    }
  }
  count_splits(data, ids, all_read);
  count_shards(data);
  return data;
}

std::string data_text(const DataSummary& data) {
  std::string text = fmt::format("data set {}\n{} sets, {} pictures, {} sets with cameras\n",
                                 escaped(data.folder.string()), data.sets, data.frames, data.with_cameras);
  if (data.shards > 0) text += fmt::format("shards:        {}\n", data.shards);
  text += fmt::format("split:         {}\n", data.by_split.empty() ? "no splits.json" : counts(data.by_split));
  text += fmt::format("category:      {}\n", counts(data.by_category));
  text += fmt::format("size:          {}\n", counts(data.by_size));
  text += fmt::format("missing views: {}\n", counts(data.by_missing));
  for (std::size_t i = 0; i < std::min(data.problems.size(), kShownProblems); ++i) {
    text += fmt::format("problem: {}\n", data.problems[i]);
  }
  if (data.problems.size() > kShownProblems) {
    text += fmt::format("and {} problems more; spinfill data check lists all\n", data.problems.size() - kShownProblems);
  }
  return text;
}

Json data_to_json(const DataSummary& data) {
  Json value;
  value["kind"] = "data";
  value["sets"] = data.sets;
  value["shards"] = data.shards;
  value["pictures"] = data.frames;
  value["with_cameras"] = data.with_cameras;
  value["by_split"] = data.by_split;
  value["by_category"] = data.by_category;
  value["by_size"] = data.by_size;
  value["by_missing"] = data.by_missing;
  value["problems"] = data.problems;
  return value;
}

}  // namespace spinfill
