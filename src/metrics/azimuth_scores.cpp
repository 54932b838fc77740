// SPDX-License-Identifier: Apache-2.0
#include "metrics/azimuth_scores.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "core/files/text_file.h"
#include "core/statistics.h"
#include "data/sets/slots.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr std::size_t kBands = 5;
constexpr double kFarOffDeg = 30;

std::vector<std::string> fields_of(std::string line) {
  if (!line.empty() && line.back() == '\r') line.pop_back();
  std::vector<std::string> fields;
  std::stringstream stream(line);
  for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
  return fields;
}

bool shows_a_side(double azimuth_deg) {
  const double from_end = std::min(apart_deg(azimuth_deg, 0), apart_deg(azimuth_deg, 180));
  return from_end >= 30;
}

}  // namespace

AzimuthScores azimuth_scores(const std::vector<ScoredAzimuth>& azimuths) {
  AzimuthScores scores;
  scores.count = std::ssize(azimuths);
  if (azimuths.empty()) return scores;
  const auto count = static_cast<double>(azimuths.size());
  std::vector<double> errors;
  std::vector<ConfidenceBand> bands(kBands);
  std::int64_t sides = 0, wrong_sides = 0;
  for (const auto& [estimate, truth_deg] : azimuths) {
    const double error = apart_deg(estimate.azimuth_deg, truth_deg);
    errors.push_back(error);
    const bool right = error <= kRightDeg;
    scores.right += right / count;
    scores.far_off += (error > kFarOffDeg) / count;
    scores.eight_way += (nearest_slot(estimate.azimuth_deg) == nearest_slot(truth_deg)) / count;
    scores.confidence += estimate.confidence / count;
    if (shows_a_side(truth_deg)) {
      ++sides;
      wrong_sides += std::sin(truth_deg * kDegree) * std::sin(estimate.azimuth_deg * kDegree) < 0;
    }
    ConfidenceBand& band = bands[std::min(kBands - 1, static_cast<std::size_t>(estimate.confidence * kBands))];
    ++band.count;
    band.confidence += estimate.confidence;
    band.right += right;
  }
  scores.median_deg = median(errors);
  if (sides > 0) scores.sides = static_cast<double>(wrong_sides) / static_cast<double>(sides);
  for (ConfidenceBand& band : bands) {
    if (band.count == 0) continue;
    band.confidence /= static_cast<double>(band.count);
    band.right /= static_cast<double>(band.count);
    scores.calibration_error += static_cast<double>(band.count) / count * std::abs(band.confidence - band.right);
    scores.bands.push_back(band);
  }
  return scores;
}

Json to_json(const AzimuthScores& scores) {
  Json json = {{"photographs", scores.count},
               {"median_error_deg", rounded(scores.median_deg, 2)},
               {"within_22.5_deg", rounded(scores.right, 4)},
               {"off_by_more_than_30_deg", rounded(scores.far_off, 4)},
               {"eight_way", rounded(scores.eight_way, 4)},
               {"wrong_side", rounded(scores.sides, 4)},
               {"mean_confidence", rounded(scores.confidence, 4)},
               {"calibration_error", rounded(scores.calibration_error, 4)}};
  for (const ConfidenceBand& band : scores.bands)
    json["calibration"].push_back({{"photographs", band.count},
                                   {"confidence", rounded(band.confidence, 4)},
                                   {"within_22.5_deg", rounded(band.right, 4)}});
  return json;
}

std::map<fs::path, double> read_true_azimuths(const fs::path& table) {
  std::stringstream lines(read_text_file(table, 1 << 26));
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> header = fields_of(line);
  const auto column = [&](const char* name) {
    const auto found = std::ranges::find(header, name);
    if (found == header.end()) fail("{}:1: no column '{}', parted by tabs", table.string(), name);
    return static_cast<std::size_t>(found - header.begin());
  };
  const std::size_t file = column("file"), azimuth = column("azimuth_deg");
  std::map<fs::path, double> out;
  for (int number = 2; std::getline(lines, line); ++number) {
    if (line.empty() || line == "\r") continue;
    const std::vector<std::string> fields = fields_of(line);
    double value = 0;
    std::size_t used = 0;
    try {
      if (fields.size() > std::max(file, azimuth)) value = std::stod(fields[azimuth], &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used == 0 || used != fields[azimuth].size() || !std::isfinite(value))
      fail("{}:{}: a file and its azimuth in degrees are needed", table.string(), number);
    out[fs::weakly_canonical(table.parent_path() / fields[file])] = wrapped_deg(value);
  }
  return out;
}

}  // namespace spinfill
