// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "infer/loaded_model.h"
#include "infer/parity.h"

namespace spinfill {

// An exported model's folder (docs/bundle.md): manifest.json, model.safetensors and
// parity/{inputs,outputs}.safetensors. Weights are stored as fp32, bf16 or fp16; they are computed with in fp32.

// Checks format version, the manifest's own hash, every file's size and hash, and that the weights are the model's.
// Each corruption is one error (exit 3) that names the file and what is wrong.
LoadedModel load_bundle(const std::filesystem::path& folder, at::Device device = at::kCPU);

// Two machines, or a CPU and a GPU, differ by rounding alone: rms 10⁻³ of the range of colours.
inline constexpr double kMachineToleranceDb = 60;

struct ParityReport {
  std::string name;
  Agreement agreement;  // with the stored outputs
  double tolerance_db = 0;
  Agreement delivered;  // of this machine's pictures with those delivered by default (parity.h: delivered_agreement)
};
// Samples the stored fixture on this machine, as it is scored and as it is delivered; beyond the tolerances it is an
// error (exit 1).
std::vector<ParityReport> verify_bundle(const std::filesystem::path& folder, at::Device device = at::kCPU);

}  // namespace spinfill
