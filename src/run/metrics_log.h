// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/files/json.h"

namespace spinfill {

// metrics.jsonl: one JSON object a line, each with "step". Rows are appended whole.
class MetricsLog {
 public:
  // Keeps the rows up to `last_step` and drops what a killed run wrote after its last checkpoint, a torn last line too.
  MetricsLog(std::filesystem::path path, std::int64_t last_step);
  void add(const Json& row);

 private:
  std::filesystem::path path_;
};

}  // namespace spinfill
