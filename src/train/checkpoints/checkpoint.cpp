// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoints/checkpoint.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/log.h"

namespace spinfill {
namespace {

at::Tensor& values_of(at::Tensor& tensor) {
  return tensor;
}
at::Tensor& values_of(TensorPiece& piece) {
  return piece.values;
}
const at::Tensor& values_of(const at::Tensor& tensor) {
  return tensor;
}
const at::Tensor& values_of(const TensorPiece& piece) {
  return piece.values;
}

template <class Map>
std::uint64_t bytes_of(const Map& map) {
  constexpr std::uint64_t kHeader = 256;  // of each tensor, generously
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : map) bytes += values_of(tensor).nbytes() + kHeader;
  return bytes;
}

template <class Map>
void move_to_own_memory(Map& map) {
  for (auto& [name, tensor] : map) {
    at::Tensor& values = values_of(tensor);
    values = values.detach().to(at::kCPU, values.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  }
}

template <class Map>
void require_finite_values(const Map& map, const char* what) {
  for (const auto& [name, tensor] : map) {
    const at::Tensor& values = values_of(tensor);
    if (values.is_floating_point() && !at::isfinite(values).all().item<bool>())
      fail("{} '{}' is not finite; the checkpoint was not saved, an older one stands", what, name);
  }
}

}  // namespace

std::uint64_t CheckpointShare::bytes() const {
  const auto size = [](const auto& map) { return bytes_of(map); };
  return bytes_of(weights) + std::visit(size, ema) + std::visit(size, optimizer);
}

CheckpointShare CheckpointShare::copy() const {
  CheckpointShare own = *this;
  const auto move = [](auto& map) { move_to_own_memory(map); };
  move_to_own_memory(own.weights);
  std::visit(move, own.ema);
  std::visit(move, own.optimizer);
  return own;
}

void CheckpointShare::require_finite() const {
  require_finite_values(weights, "weight");
  std::visit([](const auto& map) { require_finite_values(map, "averaged weight"); }, ema);
}

Json write_checkpoint_share(const fs::path& folder, const CheckpointShare& share) {
  Json hashes = Json::object();
  const auto write = [&](const std::string& part, const auto& map) {
    if constexpr (std::is_same_v<std::decay_t<decltype(map)>, PieceMap>) {
      const std::string name = part_file(part, share.rank, share.world);
      hashes[name] = write_pieces(folder / name, map);
    } else {
      hashes[part_file(part)] = write_safetensors(folder / part_file(part), map, {{"format", "pt"}});
    }
  };
  if (share.rank == 0) write("weights", share.weights);
  if (share.rank == 0 || share.sharded()) {
    std::visit([&](const auto& map) { write("ema", map); }, share.ema);
    std::visit([&](const auto& map) { write("optimizer", map); }, share.optimizer);
  }
  return hashes;
}

Checkpoint read_checkpoint(const fs::path& folder) {
  const CheckpointState state = read_checkpoint_state(folder);
  return {state.step, state.progress, read_checkpoint_part(state, "weights"), read_checkpoint_part(state, "ema"),
          read_checkpoint_part(state, "optimizer")};
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
