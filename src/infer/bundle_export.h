// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/files/output_folder.h"
#include "infer/bundle_manifest.h"
#include "infer/loaded_model.h"

namespace spinfill {

struct ExportOptions {
  BundleDtype dtype = BundleDtype::fp32;
  std::filesystem::path metrics;  // metrics.json of these very weights, for the manifest; empty: none
  std::string version;            // of the program, for the manifest
  bool replace = false;           // an earlier bundle may be replaced
  std::filesystem::path run;      // what is exported: `out` may not overlap it
};

struct ExportResult {
  Json manifest;
  std::uint64_t bytes = 0;  // of all files
};

// What export_bundle() is to write, to look at before the run is loaded.
OutputFolder bundle_folder(const std::filesystem::path& out, const ExportOptions& options);

// Writes the bundle into a temporary folder, loads it from there by load_bundle(), samples the parity fixture, compares
// with what the source's weights give, and only then renames it into place: the folder appears whole and checked, or
// not at all. Errors: exit 1 when the comparison fails or `metrics` scored other weights; exit 2 when `out` may
// not be written.
ExportResult export_bundle(const LoadedModel& source, const std::filesystem::path& out,
                           const ExportOptions& options = {});

}  // namespace spinfill
