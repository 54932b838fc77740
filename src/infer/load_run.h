// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/config/named.h"
#include "infer/loaded_model.h"

namespace spinfill {

enum class RunWeights { ema, raw };  // averaged, or as the optimiser left them
template <>
inline constexpr Named<RunWeights> kNamesOf<RunWeights>[] = {{RunWeights::ema, "ema"}, {RunWeights::raw, "raw"}};

// Which weights of a run.
struct RunChoice {
  std::string step =
      "best";  // by validation (never validated: the newest, and a line says so); or "latest" or a step's number
  RunWeights weights = RunWeights::ema;
};

// RUN/config.yaml and RUN/checkpoints/step-N/{state.json, ema.safetensors or weights.safetensors}. The file's hash is
// checked and its keys must be the model's. Errors: exit 2 for an unknown choice, exit 3 naming the file.
LoadedModel load_run(const std::filesystem::path& run, const RunChoice& choice = {}, at::Device device = at::kCPU);

}  // namespace spinfill
