// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace spinfill {

// Where things lie in a run's folder.
inline std::filesystem::path run_config_path(const std::filesystem::path& run) {
  return run / "config.yaml";
}
inline std::filesystem::path run_metrics_path(const std::filesystem::path& run) {
  return run / "metrics.jsonl";
}
inline std::filesystem::path run_samples_path(const std::filesystem::path& run) {
  return run / "samples";
}
inline std::filesystem::path run_checkpoints_path(const std::filesystem::path& run) {
  return run / "checkpoints";
}
// The weights of a trained autoencoder, kept from the start (model/autoencoder/files.h).
inline std::filesystem::path run_autoencoder_path(const std::filesystem::path& run) {
  return run / "autoencoder.safetensors";
}
// The network that computes identity vectors (data.identity), kept from the start.
inline std::filesystem::path run_identity_path(const std::filesystem::path& run) {
  return run / "identity.onnx";
}
// The weights of the teacher that a student learns from, kept from the start.
inline std::filesystem::path run_teacher_path(const std::filesystem::path& run) {
  return run / "teacher.safetensors";
}
// What the names of a validation's pictures in samples/ begin with.
inline std::string sample_prefix(std::int64_t step) {
  return fmt::format("step-{:07}-", step);
}
inline bool is_run(const std::filesystem::path& folder) {
  return std::filesystem::exists(run_config_path(folder));
}

}  // namespace spinfill
