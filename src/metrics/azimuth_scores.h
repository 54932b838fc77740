// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "model/azimuth/azimuth_bins.h"

namespace spinfill {

// An estimated azimuth and the true one, degrees.
struct ScoredAzimuth {
  AzimuthEstimate estimate;
  double truth_deg = 0;
};

// Estimates of nearly one confidence: how many, their mean confidence, the share that is right (within kRightDeg).
struct ConfidenceBand {
  std::int64_t count = 0;
  double confidence = 0, right = 0;
};

struct AzimuthScores {
  std::int64_t count = 0;
  double median_deg = 0;  // of the errors
  double right = 0;       // share within kRightDeg
  double far_off = 0;     // share off by more than 30°
  double eight_way = 0;   // share whose nearest primary view is the true one's
  double sides = 0;       // of those whose true azimuth is 30 to 150° or 210 to 330°: share on the wrong side
  double confidence = 0;  // mean
  std::vector<ConfidenceBand> bands;  // of confidence [0, .2), … [.8, 1], those that hold any
  // Expected calibration error over the bands: Σ n/N·|confidence − right| (Guo et al., ICML 2017, eq. 3).
  double calibration_error = 0;
};
AzimuthScores azimuth_scores(const std::vector<ScoredAzimuth>& azimuths);
Json to_json(const AzimuthScores& scores);

// The true azimuths of photographs: a table with a header line whose columns, parted by tabs, include `file` (relative
// to the table) and `azimuth_deg`. By file, absolute and normalised. Exit 3 names the line.
std::map<std::filesystem::path, double> read_true_azimuths(const std::filesystem::path& table);

}  // namespace spinfill
