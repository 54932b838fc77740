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
constexpr int kBundleVersion = 1;

struct ExportOptions {
  std::string dtype = "fp32";     // "fp32", "bf16" or "fp16"
  std::filesystem::path metrics;  // metrics.json of these very weights, for the manifest; empty: none
  std::string version;            // of the program, for the manifest
  bool replace = false;           // an existing bundle may be replaced
};

struct ExportResult {
  Json manifest;
  std::uint64_t bytes = 0;  // of all files
};

// Writes the bundle into a temporary folder, loads it from there by load_bundle(), samples the parity fixture, compares
// with what the source's weights give, and only then renames it into place: the folder appears whole and checked, or
// not at all. Errors: exit 1 when the comparison fails or `metrics` scored other weights; exit 2 when `out` exists.
ExportResult export_bundle(const LoadedModel& source, const std::filesystem::path& out,
                           const ExportOptions& options = {});

// Checks format version, the manifest's own hash, every file's size and hash, and that the weights are the model's.
// Each corruption is one error (exit 3) that names the file and what is wrong.
LoadedModel load_bundle(const std::filesystem::path& folder, at::Device device = at::kCPU);

struct ParityReport {
  std::string name;
  Agreement agreement;  // with the stored outputs
  double tolerance_db = 0;
};
// Samples the stored fixture on this machine; beyond the tolerance it is an error (exit 1).
std::vector<ParityReport> verify_bundle(const std::filesystem::path& folder, at::Device device = at::kCPU);

// The manifest, hashes of the files checked; for inspection.
Json read_manifest(const std::filesystem::path& folder);

}  // namespace spinfill
