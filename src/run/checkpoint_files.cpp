// SPDX-License-Identifier: Apache-2.0
#include "run/checkpoint_files.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/error.h"
#include "core/files/sha256.h"
#include "core/tensors/pieces.h"
#include "run/run_paths.h"

namespace spinfill {
namespace {

constexpr std::string_view kFolder = "step-", kEnding = ".safetensors";
constexpr int kFormat = 1;  // of state.json

std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kFolder)) return std::nullopt;
  std::int64_t step = 0;
  const char* last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data() + kFolder.size(), last, step);
  if (error != std::errc() || end != last || step < 0) return std::nullopt;
  return step;
}

// A part's files, as state.json lists them.
std::vector<std::string> files_of(const CheckpointState& state, const std::string& part) {
  std::vector<std::string> names;
  for (const auto& [name, hash] : state.hashes.items()) {
    if (name == part_file(part)) return {name};
    if (name.starts_with(part + "-") && name.ends_with(kEnding)) names.push_back(name);
  }
  std::ranges::sort(names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != part_file(part, static_cast<int>(i), static_cast<int>(names.size()))) {
      fail("{}: of '{}' it lists {} files, and not all of one set", (state.folder / kStateFile).string(), part,
           names.size());
    }
  }
  if (names.empty()) fail("{}: lists no file of '{}'", (state.folder / kStateFile).string(), part);
  return names;
}

}  // namespace

fs::path checkpoint_folder(const fs::path& run, std::int64_t step) {
  return run_checkpoints_path(run) / fmt::format("{}{}", kFolder, step);
}

std::vector<CheckpointEntry> list_checkpoint_folders(const fs::path& run) {
  std::vector<CheckpointEntry> found;
  std::error_code error;
  fs::directory_iterator it(run_checkpoints_path(run), error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    if (const auto step = step_of(it->path().filename().string())) found.push_back({*step, it->path()});
  }
  std::ranges::sort(found, {}, &CheckpointEntry::step);
  return found;
}

std::vector<CheckpointEntry> list_checkpoints(const fs::path& run) {
  std::vector<CheckpointEntry> found = list_checkpoint_folders(run);
  std::erase_if(found, [](const CheckpointEntry& entry) {
    std::error_code absent;
    return !fs::exists(entry.folder / kStateFile, absent);
  });
  return found;
}

CheckpointState read_checkpoint_state(const fs::path& folder) {
  const fs::path path = folder / kStateFile;
  const Json json = read_json(path);
  CheckpointState state{folder, 0, {}, {}};
  try {
    if (json.at("format") != kFormat)
      fail("{}: format {} is not known here; use the version that wrote it", path.string(), json["format"].dump());
    state.step = json.at("step").get<std::int64_t>();
    state.progress = progress_from_json(json.value("progress", Json::object()));
    state.hashes = json.at("hashes").get<std::map<std::string, std::string>>();
  } catch (const nlohmann::json::exception& error) {
    fail("{}: a field is missing or of the wrong type ({})", path.string(), error.what());
  }
  if (folder.filename() != fmt::format("{}{}", kFolder, state.step))
    fail("{}: says step {}; the folder was renamed", path.string(), state.step);
  return state;
}

void write_checkpoint_state(const CheckpointState& state) {
  write_json_atomic(
      state.folder / kStateFile,
      {{"format", kFormat}, {"step", state.step}, {"progress", to_json(state.progress)}, {"hashes", state.hashes}});
}

std::string part_file(const std::string& part) {
  return fmt::format("{}{}", part, kEnding);
}

std::string part_file(const std::string& part, int rank, int world) {
  return fmt::format("{}-{:05}-of-{:05}{}", part, rank + 1, world, kEnding);
}

TensorMap read_checkpoint_part(const CheckpointState& state, const std::string& part, std::string* hash) {
  std::vector<fs::path> paths;
  std::vector<std::string> hashes;
  for (const std::string& name : files_of(state, part)) {
    paths.push_back(path_inside(state.folder, name, (state.folder / kStateFile).string()));
    hashes.push_back(sha256_file(paths.back()));
    if (state.hashes.at(name) != Json(hashes.back())) {
      fail("{}: does not match its hash in state.json; the file was changed or damaged", paths.back().string());
    }
  }
  if (hash != nullptr)
    *hash = paths.size() == 1 ? hashes.front() : sha256_hex(fmt::format("{}", fmt::join(hashes, "")));
  if (paths.front().filename() == part_file(part)) return read_safetensors(paths.front()).tensors;
  return read_pieces(paths);
}

std::vector<std::string> check_hashes(const fs::path& folder, const Json& hashes) {
  if (!hashes.is_object() || hashes.empty()) return {"states no hashes of its files"};
  std::vector<std::string> problems;
  for (const auto& [name, hash] : hashes.items()) {
    try {
      const fs::path file = path_inside(folder, name, folder.string());
      if (!hash.is_string()) {
        problems.push_back(fmt::format("{}: its hash is not a text", name));
      } else if (!fs::is_regular_file(file)) {
        problems.push_back(fmt::format("{} is missing", name));
      } else if (sha256_file(file) != hash.get<std::string>()) {
        problems.push_back(fmt::format("{} does not match its hash", name));
      }
    } catch (const Error& error) {
      problems.push_back(error.what());
    }
  }
  return problems;
}

}  // namespace spinfill
