// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/log.h"

namespace spinfill {
namespace {

constexpr const char* kFiles[] = {"weights.safetensors", "ema.safetensors", "optimizer.safetensors"};

void require_finite(const TensorMap& tensors, const char* what) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.is_floating_point() && !at::isfinite(tensor).all().item<bool>()) {
      fail("{} '{}' is not finite; the checkpoint was not saved, an older one stands", what, name);
    }
  }
}

std::uint64_t bytes_of(const TensorMap& tensors) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += tensor.nbytes() + 256;
  return bytes;
}

}  // namespace

fs::path save_checkpoint(const fs::path& run, const Checkpoint& checkpoint) {
  require_finite(checkpoint.weights, "weight");
  require_finite(checkpoint.ema, "averaged weight");
  const fs::path parent = run / "checkpoints";
  make_folder(parent);
  const fs::path target = parent / fmt::format("step-{}", checkpoint.step);
  AtomicFolder folder(target, /*replace=*/true);
  require_free_space(parent, bytes_of(checkpoint.weights) + bytes_of(checkpoint.ema) + bytes_of(checkpoint.optimizer),
                     fmt::format("checkpoint of step {}", checkpoint.step));
  const TensorMap* parts[] = {&checkpoint.weights, &checkpoint.ema, &checkpoint.optimizer};
  Json hashes = Json::object();
  for (int i = 0; i < 3; ++i) {
    write_safetensors(folder.path() / kFiles[i], *parts[i], {{"format", "pt"}});
    hashes[kFiles[i]] = sha256_file(folder.path() / kFiles[i]);
  }
  write_json_atomic(folder.path() / "state.json",
                    {{"format", 1}, {"step", checkpoint.step}, {"progress", checkpoint.progress}, {"hashes", hashes}});
  folder.commit();
  return target;
}

std::vector<CheckpointEntry> list_checkpoints(const fs::path& run) {
  std::vector<CheckpointEntry> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("step-", 0) != 0 || !fs::exists(entry.path() / "state.json")) continue;
    std::int64_t step = 0;
    const auto [end, parsed] = std::from_chars(name.data() + 5, name.data() + name.size(), step);
    if (parsed == std::errc() && end == name.data() + name.size()) found.push_back({step, entry.path()});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
  return found;
}

Checkpoint read_checkpoint(const fs::path& folder) {
  const fs::path state_path = folder / "state.json";
  const Json state = read_json(state_path);
  Checkpoint checkpoint;
  try {
    if (state.at("format").get<int>() != 1)
      fail("{}: format {} is not known here", state_path.string(), state["format"].dump());
    checkpoint.step = state.at("step").get<std::int64_t>();
    checkpoint.progress = state.at("progress");
    TensorMap* parts[] = {&checkpoint.weights, &checkpoint.ema, &checkpoint.optimizer};
    for (int i = 0; i < 3; ++i) {
      const fs::path path = folder / kFiles[i];
      if (sha256_file(path) != state.at("hashes").at(kFiles[i]).get<std::string>()) {
        fail("{}: does not match its hash in state.json; the file was changed or damaged", path.string());
      }
      *parts[i] = read_safetensors(path).tensors;
    }
  } catch (const nlohmann::json::exception& error) {
    fail("{}: a field is missing or of the wrong type ({})", state_path.string(), error.what());
  }
  return checkpoint;
}

std::optional<Checkpoint> newest_valid_checkpoint(const fs::path& run) {
  auto entries = list_checkpoints(run);
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    try {
      return read_checkpoint(entry->folder);
    } catch (const Error& error) {
      log_warning("passed over {}: {}", entry->folder.string(), error.what());
    }
  }
  return std::nullopt;
}

void prune_checkpoints(const fs::path& run, std::int64_t keep_last, std::int64_t best_step, std::int64_t keep_every) {
  auto entries = list_checkpoints(run);
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep_last) < entries.size(); ++i) {
    const std::int64_t step = entries[i].step;
    if (step == best_step || (keep_every > 0 && step % keep_every == 0)) continue;
    remove_folder_atomic(entries[i].folder);
  }
}

}  // namespace spinfill
