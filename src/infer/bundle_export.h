// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "infer/bundle_manifest.h"
#include "infer/loaded_model.h"

namespace spinfill {

struct ExportOptions {
  BundleDtype dtype = BundleDtype::fp32;
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

}  // namespace spinfill
