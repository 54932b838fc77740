// SPDX-License-Identifier: Apache-2.0
#include "train/autoencoder/result.h"

#include <ATen/ATen.h>

#include "core/files/atomic_folder.h"
#include "run/run_paths.h"

namespace spinfill {

void write_trained_autoencoder(const fs::path& run, AutoencoderFile file, const Json& training) {
  file.training = training.dump();
  for (auto& [name, tensor] : file.tensors) tensor = tensor.to(at::kFloat).contiguous();
  save_autoencoder(run_autoencoder_path(run), file);
  AtomicFolder folder(run / "diffusers", /*replace=*/true);
  save_as_diffusers(folder.path(), file);
  folder.commit();
}

fs::path run_architecture_path(const fs::path& run) {
  return run / "architecture.json";
}

}  // namespace spinfill
