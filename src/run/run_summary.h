// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/files/json.h"

namespace spinfill {

// A run's folder as it lies on disk: config.yaml, metrics.jsonl, checkpoints/step-N/, samples/. Read-only; works while
// the training goes on.
struct Series {
  std::string name;                               // "loss", "validation psnr" …
  std::vector<std::pair<double, double>> points;  // (step, value), by step; values are finite
};

struct CheckpointSummary {
  std::int64_t step = 0;
  std::uint64_t bytes = 0;
  std::string problem;  // empty: every file is there and has the hash that state.json states
};

struct RunSummary {
  std::filesystem::path folder;
  std::string config;                          // config.yaml
  std::int64_t rows = 0;                       // of metrics.jsonl
  bool cut = false;                            // the last line was not complete (a killed run)
  Json last_row, last_validation;              // null where there is none
  std::vector<Series> series;                  // in the order of their first appearance
  std::vector<CheckpointSummary> checkpoints;  // by step
  std::vector<std::filesystem::path> samples;  // PNG files, by name
  const Series* find(const std::string& name) const;
  std::string name() const;  // the folder's own
};

// Errors (exit 3) name file and line; an invalid checkpoint is not an error but a problem in its summary. A step
// that appears twice (a resumed run) keeps its last values.
RunSummary read_run(const std::filesystem::path& run);

std::string run_text(const RunSummary& run);
Json run_to_json(const RunSummary& run);

}  // namespace spinfill
