// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/files/json.h"
#include "run/event_file.h"
#include "run/metrics_log.h"

namespace spinfill {

// What a run reports: metrics.jsonl for programs, a TensorBoard event file for people.
class RunLog {
 public:
  // Goes on from `step`; `config` is shown as text.
  RunLog(const std::filesystem::path& run, std::int64_t step, const std::string& config);
  // A row of metrics.jsonl; its numbers become scalars.
  void add(const Json& row);
  // The sample grids of a validation, from samples/.
  void add_samples(std::int64_t step);

 private:
  std::filesystem::path run_;
  MetricsLog metrics_;
  EventFile events_;
};

}  // namespace spinfill
