// SPDX-License-Identifier: Apache-2.0
#include "data/sets/identity.h"

#include <ATen/ATen.h>

#include <cstdint>

#include "core/error.h"
#include "core/files/files.h"
#include "core/tensors/safetensors.h"
#include "data/sets/set_pictures.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMaxIdentityBytes = 1 << 20;

}  // namespace

at::Tensor read_identity(const ViewSet& set) {
  if (set.identity_file_path.empty()) return {};
  const fs::path path = set.folder / set.identity_file_path;
  const Safetensors file =
      parse_safetensors(read_set_file(set, set.identity_file_path, kMaxIdentityBytes), path.string());
  const auto found = file.tensors.find("identity");
  if (found == file.tensors.end() || found->second.dim() != 1 || found->second.numel() < 1 ||
      found->second.numel() > 65536 || found->second.scalar_type() != at::kFloat) {
    fail("{}: needs one float32 tensor 'identity' of one dimension (at most 65536 numbers)", path.string());
  }
  if (!at::isfinite(found->second).all().item<bool>())
    fail("{}: 'identity' holds numbers that are not finite", path.string());
  return found->second.clone();
}

}  // namespace spinfill
