// SPDX-License-Identifier: Apache-2.0
#include "data/sets/content.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/files/sha256.h"
#include "core/side_by_side.h"
#include "data/pictures/picture.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_writer.h"

namespace spinfill {
namespace {

constexpr std::size_t kDigits = 16;  // of a set's SHA-256
constexpr std::size_t kReaders = 8;  // at once: mounted storage is slow to answer, not to send
constexpr std::uint64_t kMaxVectorBytes = 1 << 20;

// The description without the names of files and where they come from, which change no sample.
Json described(const ViewSet& set) {
  Json json = transforms_to_json(set);
  for (const char* key : {"source", "licence", "identity_file_path", "depth_scale"}) json.erase(key);
  for (const char* list : {"frames", "missing_frames"}) {
    if (!json.contains(list)) continue;
    for (Json& frame : json[list]) {
      for (const char* key : {"file_path", "mask_file_path", "depth_file_path", "normal_file_path"}) frame.erase(key);
    }
  }
  return json;
}

}  // namespace

std::string content_of_set(const ViewSet& set, const ContentRead& read) {
  const auto hash_of = [&](const std::string& file) {
    return file.empty() ? "" : sha256_hex(read_set_file(set, file, kMaxPictureFileBytes));
  };
  std::string parts = described(set).dump();
  for (int slot = 0; slot < kSlots; ++slot) {
    const Frame* frame = set.frame_at(slot);
    if (frame == nullptr) continue;
    const PictureFiles files = read_picture_files(set, *frame);
    parts += "\n" + sha256_hex(files.picture) + sha256_hex(files.mask);
    if (read.depth) parts += hash_of(frame->depth_file_path);
    if (read.normals) parts += hash_of(frame->normal_file_path);
  }
  if (read.depth) parts += fmt::format("\n{}", set.depth_scale);
  if (!set.identity_file_path.empty())
    parts += "\n" + sha256_hex(read_set_file(set, set.identity_file_path, kMaxVectorBytes));
  return sha256_hex(parts).substr(0, kDigits);
}

DataContent content_of(const DataSet& data, const ContentRead& read) {
  DataContent content;
  content.vehicles = data.size();
  Sha256 ids;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::string id = data.id(i) + "\n";
    ids.add(id.data(), id.size());
  }
  content.ids_sha256 = ids.hex();
  const std::int64_t compared = std::min(content.vehicles, DataContent::kCompared);
  const auto readers = std::min(kReaders, static_cast<std::size_t>(compared));
  const auto read_share = [&](std::size_t reader) {
    std::map<std::string, std::string> sets;
    for (auto i = static_cast<std::int64_t>(reader); i < compared; i += static_cast<std::int64_t>(readers)) {
      const auto set = data.view_set(i * content.vehicles / compared);
      sets[set->id] = content_of_set(*set, read);
    }
    return sets;
  };
  for (std::map<std::string, std::string>& sets : side_by_side(readers, read_share)) content.sets.merge(sets);
  return content;
}

Json to_json(const DataContent& content) {
  return {{"vehicles", content.vehicles}, {"ids_sha256", content.ids_sha256}, {"sets", content.sets}};
}

DataContent content_from_json(const Json& json) {
  return {json.at("vehicles").get<std::int64_t>(), json.at("ids_sha256").get<std::string>(),
          json.at("sets").get<std::map<std::string, std::string>>()};
}

std::string difference(const DataContent& before, const DataContent& now) {
  if (before.vehicles != now.vehicles) return fmt::format("{} vehicles instead of {}", now.vehicles, before.vehicles);
  for (const auto& [id, hash] : before.sets) {
    const auto found = now.sets.find(id);
    if (before.ids_sha256 != now.ids_sha256 && found == now.sets.end())
      return fmt::format("other vehicles (such as '{}')", id);
    if (found != now.sets.end() && found->second != hash)
      return fmt::format("other pictures or another description of vehicle '{}'", id);
  }
  return before.ids_sha256 == now.ids_sha256 ? "" : "vehicles of other ids";
}

}  // namespace spinfill
