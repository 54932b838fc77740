// SPDX-License-Identifier: Apache-2.0
#include "data/check/check.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/text.h"
#include "data/check/check_set.h"
#include "data/sets/set_folders.h"
#include "data/sets/splits.h"
#include "data/shards/shard_scan.h"
#include "data/shards/shards.h"

namespace spinfill {
namespace {

// splits.json, or what the names of shards say.
std::optional<Splits> splits_of(const fs::path& folder, const ShardSets* shards, std::vector<DataProblem>& problems) {
  std::optional<Splits> splits;
  try {
    splits = read_splits(folder, [&](const auto& where, const auto& what, const auto& advice) {
      problems.push_back({"", where, what, advice});
    });
  } catch (const Error& error) {
    problems.push_back({"", "splits.json", without_path(error.what(), folder / "splits.json"), "correct the file"});
  }
  if (shards == nullptr || splits) return splits;
  const ShardSplits named = shards_by_split(folder);
  if (!named.named) return std::nullopt;
  splits.emplace();
  std::size_t shard = 0;  // in the order of open_all_shards()
  for (const auto& [split, paths] : named.shards) {
    for (std::size_t i = 0; i < paths.size(); ++i, ++shard) {
      const ShardIndex& index = shards->index(shard);
      for (std::int64_t set = 0; set < index.size(); ++set) (*splits)[split].emplace_back(index.id(set));
    }
  }
  return splits;
}

// Compares the shards' bytes with their indexes.
void check_shards(const ShardSets& shards, std::vector<DataProblem>& problems) {
  for (std::size_t i = 0; i < shards.shards().size(); ++i) {
    const fs::path& shard = shards.shards()[i];
    try {
      if (scan_shard(shard).shard_sha256 == shards.index(i).shard_sha256()) continue;
      problems.push_back({shard.filename().string(), "", "its content is not what its index was made of",
                          "copy the shard again, or run spinfill data index"});
    } catch (const Error& error) {
      problems.push_back({shard.filename().string(), "", without_path(error.what(), shard), "make the shard again"});
    }
  }
}

// Each set by itself, several at once.
std::vector<CheckedSet> check_sets(const std::vector<SetToCheck>& to_check, const DataCheckOptions& options) {
  std::vector<CheckedSet> sets(to_check.size());
  std::atomic<std::size_t> next{0};
  std::int64_t done = 0;
  std::mutex mutex;
  std::exception_ptr broken;
  const auto work = [&] {
    for (std::size_t i = next++; i < to_check.size(); i = next++) {
      try {
        sets[i] = check_set(to_check[i], options);
      } catch (...) {
        const std::lock_guard lock(mutex);
        broken = std::current_exception();
        next = to_check.size();
        return;
      }
      const std::lock_guard lock(mutex);
      ++done;
      if (options.progress) options.progress(done, static_cast<std::int64_t>(to_check.size()));
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 1; i < options.threads; ++i) threads.emplace_back(work);
    work();
  }
  if (broken) std::rethrow_exception(broken);
  return sets;
}

void check_together(const fs::path& folder, const ShardSets* shards, const std::vector<CheckedSet>& sets,
                    std::vector<DataProblem>& problems) {
  std::map<std::string, std::string> folder_of_id;
  const CheckedSet* first_identity = nullptr;
  for (const CheckedSet& checked : sets) {
    const std::string name = name_of(checked.set.folder);
    const auto [other, fresh] = folder_of_id.emplace(checked.set.id, name);
    if (!fresh) {
      problems.push_back(
          {name, "id", fmt::format("duplicate id '{}' (also {})", checked.set.id, other->second), "rename one"});
    }
    if (checked.identity_length == 0) continue;
    if (first_identity == nullptr) first_identity = &checked;
    if (checked.identity_length != first_identity->identity_length) {
      problems.push_back({name, checked.set.identity_file_path,
                          fmt::format("{} numbers, but {} has {}", checked.identity_length,
                                      name_of(first_identity->set.folder), first_identity->identity_length),
                          "make all identity vectors with one network"});
    }
  }
  const std::optional<Splits> splits = splits_of(folder, shards, problems);
  if (!splits) return;
  std::map<std::string, std::string> split_of;
  for (const auto& [split, ids] : *splits) {
    for (const std::string& id : ids) {
      split_of[id] = split;
      if (!folder_of_id.contains(id)) {
        problems.push_back(
            {"", "splits.json: " + split, fmt::format("unknown vehicle '{}'", id), "remove it or add its folder"});
      }
    }
  }
  // One vehicle under two ids is recognised by a picture that is equal to the byte.
  std::map<std::string, const CheckedSet*> owner;
  std::set<std::pair<std::string, std::string>> told;
  for (const CheckedSet& checked : sets) {
    for (const auto& [hash, file] : checked.hashes) {
      const auto [other, fresh] = owner.emplace(hash, &checked);
      const std::string &own_id = checked.set.id, &other_id = other->second->set.id;
      if (fresh || own_id == other_id || !split_of.contains(own_id) || !split_of.contains(other_id)) continue;
      if (split_of[own_id] == split_of[other_id] || !told.emplace(own_id, other_id).second) continue;
      problems.push_back({name_of(checked.set.folder), file,
                          fmt::format("split '{}' shares this very picture with '{}' in split '{}'", split_of[own_id],
                                      other_id, split_of[other_id]),
                          "leave each vehicle in one split"});
    }
  }
}

}  // namespace

std::string to_line(const DataProblem& problem) {
  std::string place = problem.set;
  if (!place.empty() && !problem.frame.empty()) place += "/";
  return escaped(fmt::format("{}{}: {}: {}", place, problem.frame, problem.problem, problem.advice));
}

Json to_json(const DataCheck& check) {
  Json problems = Json::array();
  for (const DataProblem& p : check.problems) {
    problems.push_back({{"set", p.set}, {"frame", p.frame}, {"problem", p.problem}, {"advice", p.advice}});
    if (!p.frames.empty()) problems.back()["frames"] = p.frames;
  }
  return {{"sets", check.sets}, {"pictures", check.pictures}, {"problems", problems}};
}

DataCheck check_data(const fs::path& folder, const DataCheckOptions& options) {
  if (!fs::is_directory(folder)) fail("{}: there is no such folder{}", folder.string(), why_absent(folder));
  const auto shards = holds_shards(folder) ? open_all_shards(folder) : nullptr;
  const std::vector<SetToCheck> to_check = sets_to_check(folder, shards.get(), options.photographs);
  if (to_check.empty()) {
    fail("{}: holds no view sets (folders with a transforms.json, or tar shards, see docs/data.md) and no pictures",
         folder.string());
  }
  const bool single = has_transforms(folder) || to_check.front().pictures_alone;
  const std::vector<CheckedSet> sets = check_sets(to_check, options);
  DataCheck check;
  check.sets = static_cast<std::int64_t>(sets.size());
  for (const CheckedSet& set : sets) {
    check.pictures += set.pictures;
    check.problems.insert(check.problems.end(), set.problems.begin(), set.problems.end());
  }
  if (!single) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (!shards && entry.is_directory() && !name.starts_with(".") && !has_transforms(entry.path())) {
        check.problems.push_back({name, "transforms.json", "there is no such file", "add it or remove the folder"});
      }
    }
    if (shards) check_shards(*shards, check.problems);
    check_together(folder, shards.get(), sets, check.problems);
  }
  std::ranges::stable_sort(check.problems, {}, &DataProblem::set);
  return check;
}

}  // namespace spinfill
