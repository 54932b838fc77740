// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "metrics/evaluation.h"

namespace spinfill {

// How far each metric may get worse (drop; for LPIPS, rise). Unlimited metrics are shown but not checked.
struct DropLimits {
  std::array<std::optional<double>, kMetrics> limit = {0.2, std::nullopt, 0.005, std::nullopt, 0.01};
  // "psnr=0.2,ssim=0.005,lpips=0.01": the metrics named and no others. Exit 2 on anything else.
  static DropLimits parse(const std::string& text);
};

struct Comparison {
  std::string table;                           // differences overall and per group, plain text
  std::vector<std::string> regressions;        // overall, beyond the limits
  std::vector<std::string> group_regressions;  // of single groups; few images, so a hint and not a verdict
  std::vector<std::string> notes;              // e.g. limits that could not be checked
};

// Compares two metrics.json. Exit 2: unlike protocols unless allowed, or a limit on a metric that one of them lacks.
// Exit 3: a file that is no report.
Comparison compare_reports(const Json& before, const std::string& before_name, const Json& after,
                           const std::string& after_name, const std::optional<DropLimits>& limits,
                           bool allow_different_protocol);

}  // namespace spinfill
