// SPDX-License-Identifier: Apache-2.0
#include "data/sets/splits.h"

#include <utility>

#include "core/error.h"
#include "core/files/links.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMaxSplitsBytes = 64 << 20;

}  // namespace

std::optional<Splits> read_splits(const fs::path& folder, const ReportProblem& report) {
  const fs::path path = folder / "splits.json";
  if (!fs::exists(path) && !has_stand_in(path)) return std::nullopt;
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

}  // namespace spinfill
