// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "metrics/comparison.h"

namespace spinfill {

// The history of a nightly job: FOLDER/nights.jsonl with a line for each report that was judged, oldest first.
struct Nights {
  // One night: time (UTC, when it was judged), report (its path), report_sha256, model (of the report), protocol,
  // overall (means and intervals), verdicts (by metric) and regressed.
  std::vector<Json> nights;
  bool added = true;  // false: the last night is this very report
};

// The nights of FOLDER with this one, which nothing is written of. Exit 2: those before were not measured alike (the
// line names every difference). Exit 3: a file that is not of this kind.
Nights with_night(const std::filesystem::path& folder, const Json& report, const std::string& report_name,
                  const Comparison& comparison, const std::string& time);
// Writes them, atomically.
void write_nights(const std::filesystem::path& folder, const Nights& nights);

std::string utc_now();  // 2026-01-31T23:59:59Z

}  // namespace spinfill
