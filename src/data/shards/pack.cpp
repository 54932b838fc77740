// SPDX-License-Identifier: Apache-2.0
#include "data/shards/pack.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/json.h"
#include "data/sets/set_folders.h"
#include "data/sets/set_paths.h"
#include "data/sets/splits.h"
#include "data/sets/view_set_reader.h"
#include "data/shards/shard_sample.h"
#include "data/shards/shard_scan.h"
#include "data/shards/shards.h"
#include "data/shards/tar.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{4} << 30;

// A file of a set and the field that it becomes.
struct Member {
  fs::path file;
  std::string field;
};

// ".PNG" → "png"; what no reader would take for an ending becomes "bin".
std::string ending_of(const std::string& file) {
  std::string ending = fs::path(file).extension().string();
  std::ranges::transform(ending, ending.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool plain =
      ending.size() > 1 && ending.size() <= 12 && std::all_of(ending.begin() + 1, ending.end(), is_plain);
  return plain ? ending.substr(1) : "bin";
}

// Frames are called by their azimuth in whole degrees, or by their number where that would not tell them apart.
std::vector<std::string> frame_names(const ViewSet& set) {
  std::vector<std::string> names;
  for (const Frame& frame : set.frames) names.push_back(fmt::format("{:03}", std::lround(frame.azimuth_deg) % 360));
  if (std::set<std::string>(names.begin(), names.end()).size() == names.size()) return names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = fmt::format("frame{:02}", i);
  return names;
}

// The set's files, and its description with their new names.
struct PackedSet {
  std::string id;
  std::vector<Member> members;
  std::string description;
};

PackedSet packed_set(const fs::path& folder, Links links) {
  const ViewSet set = read_view_set(folder, links);
  Json root = read_json(folder / "transforms.json", kMaxTransformsBytes);
  PackedSet out;
  out.id = set.id;
  const auto take = [&](Json& owner, const char* name, const std::string& file, const std::string& stem) {
    if (file.empty()) return;
    out.members.push_back({set_path(set, file), stem + "." + ending_of(file)});
    owner[name] = out.members.back().field;
  };
  const std::vector<std::string> names = frame_names(set);
  for (std::size_t i = 0; i < set.frames.size(); ++i) {
    const Frame& frame = set.frames[i];
    Json& value = root["frames"][i];
    take(value, "file_path", frame.file_path, names[i]);
    value.erase("mask_path");  // other tools' name for the same
    take(value, "mask_file_path", frame.mask_file_path, names[i] + ".mask");
    take(value, "depth_file_path", frame.depth_file_path, names[i] + ".depth");
    take(value, "normal_file_path", frame.normal_file_path, names[i] + ".normal");
  }
  take(root, "identity_file_path", set.identity_file_path, "identity");
  root["id"] = set.id;
  if (!root.contains("w") && !root.contains("h")) {  // else the size would be looked up in a picture each time
    root["w"] = set.width;
    root["h"] = set.height;
  }
  out.description = root.dump();
  return out;
}

std::uint64_t in_tar(std::uint64_t bytes) {
  return kTarBlock + (bytes + kTarBlock - 1) / kTarBlock * kTarBlock;
}

// A set to be packed.
struct Item {
  std::string id;
  fs::path folder;
  std::uint64_t bytes = 0;  // in a shard
};

Item measured(const fs::path& folder, Links links) {
  const PackedSet packed = packed_set(folder, links);
  Item item{packed.id, folder, in_tar(packed.description.size())};
  for (const Member& member : packed.members) {
    require_content(member.file);
    const std::uint64_t bytes = fs::file_size(member.file);
    if (bytes > kMaxFileBytes) fail("{}: {} bytes are too many for a shard", member.file.string(), bytes);
    item.bytes += in_tar(bytes);
  }
  return item;
}

struct Plan {
  bool named = true;                                // there is a splits.json
  std::map<std::string, std::vector<Item>> splits;  // sorted by id
};

// Every set of the data set, by id.
std::map<std::string, Item> measured_sets(const PackOptions& options) {
  const std::vector<fs::path> folders = set_folder_or_folders(options.folder);
  if (folders.empty()) {
    fail("{}: holds no view sets (folders with a transforms.json, see docs/data.md)", options.folder.string());
  }
  if (!has_transforms(options.folder)) tell_other_folders(options.folder);
  std::map<std::string, Item> items;
  for (const fs::path& folder : folders) {
    Item item = measured(folder, options.links);
    const auto [other, fresh] = items.emplace(item.id, item);
    if (!fresh) {
      fail("{}: id '{}' belongs to {} too: rename one", folder.string(), item.id, other->second.folder.string());
    }
    if (options.progress) {
      options.progress("measuring", static_cast<std::int64_t>(items.size()), static_cast<std::int64_t>(folders.size()));
    }
  }
  return items;
}

Plan make_plan(const PackOptions& options, PackResult& result) {
  std::map<std::string, Item> items = measured_sets(options);
  const auto splits = read_splits(options.folder, [&](const auto& where, const auto& what, const auto& advice) {
    fail("{}/{} {}: {}", options.folder.string(), where, what, advice);
  });
  Plan plan;
  if (!splits) {
    if (!options.splits.empty()) fail_usage("--split: {} has no splits.json", options.folder.string());
    plan.named = false;
    for (auto& [id, item] : items) plan.splits[kAllSets].push_back(std::move(item));
    return plan;
  }
  for (const std::string& wanted : options.splits) {
    if (!splits->contains(wanted)) fail_usage("--split {}: there is no such split in splits.json", wanted);
  }
  result.left_out = static_cast<std::int64_t>(items.size());
  for (const auto& [split, ids] : *splits) {
    const bool wanted = options.splits.empty() || std::ranges::count(options.splits, split) > 0;
    if (!wanted || ids.empty()) continue;
    for (const std::string& id : ids) {
      const auto found = items.find(id);
      if (found == items.end()) {
        fail("{}: '{}' in split '{}' is no vehicle of this data set", (options.folder / "splits.json").string(), id,
             split);
      }
      plan.splits[split].push_back(found->second);
    }
    std::ranges::sort(plan.splits[split], {}, &Item::id);
    result.left_out -= static_cast<std::int64_t>(ids.size());
  }
  if (plan.splits.empty()) fail("{}: no split names a vehicle", (options.folder / "splits.json").string());
  return plan;
}

// Writes the shards of all splits one after the other.
class Packer {
 public:
  Packer(const PackOptions& options, fs::path out, std::int64_t total)
      : options_(options), out_(std::move(out)), total_(total) {}

  PackedSplit write(const std::string& split, const std::vector<Item>& items) {
    PackedSplit done;
    std::uint64_t filled = 0;
    for (const Item& item : items) {
      if (tar_ && filled + item.bytes > options_.shard_bytes) finish_shard();
      if (!tar_) {
        shard_ = out_ / shard_name(split, done.shards++);
        tar_.emplace(shard_);
        filled = 0;
      }
      filled += item.bytes;
      add(item);
      ++done.sets;
      if (options_.progress) options_.progress("packing", ++done_, total_);
    }
    finish_shard();
    return done;
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void add(const Item& item) {
    const PackedSet packed = packed_set(item.folder, options_.links);
    const std::string key = sample_key(item.id) + ".";
    tar_->add(key + kDescriptionField, packed.description);
    for (const Member& member : packed.members) {
      tar_->add(key + member.field, read_file(member.file, kMaxFileBytes));
    }
  }

  // What was written is read back: the index comes from the shard, not from what should be in it.
  void finish_shard() {
    tar_->finish();
    tar_.reset();
    const IndexContent content = scan_shard(shard_);
    write_file_atomic(index_path(shard_), ShardIndex::serialised(content));
    bytes_ += content.shard_bytes;
  }

  const PackOptions& options_;
  const fs::path out_;
  std::optional<TarWriter> tar_;
  fs::path shard_;
  std::int64_t done_ = 0, total_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

PackResult pack(const PackOptions& options) {
  if (!fs::is_directory(options.folder)) fail("{}: there is no such folder", options.folder.string());
  const OutputFolder out{options.out, "data pack", options.replace, {options.folder}};
  check_output_folder(out);
  if (holds_shards(options.folder)) fail("{}: holds shards already", options.folder.string());
  PackResult result;
  const Plan plan = make_plan(options, result);
  std::uint64_t bytes = 0;
  std::int64_t sets = 0;
  for (const auto& [split, items] : plan.splits) {
    sets += static_cast<std::int64_t>(items.size());
    for (const Item& item : items) bytes += item.bytes;
  }
  AtomicFolder target(out);
  require_free_space(target.path(), bytes + bytes / 100, "packing");
  Packer packer(options, target.path(), sets);
  Json list = {{"format", "spinfill shards"}, {"version", 1}, {"named", plan.named}};
  for (const auto& [split, items] : plan.splits) {
    const PackedSplit done = packer.write(split, items);
    result.splits[split] = done;
    list["splits"][split] = {{"sets", done.sets}, {"shards", done.shards}};
  }
  result.bytes = packer.bytes();
  write_json_atomic(target.path() / kShardList, list);
  target.commit();
  return result;
}

}  // namespace spinfill
