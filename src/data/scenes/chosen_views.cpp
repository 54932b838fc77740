// SPDX-License-Identifier: Apache-2.0
#include "data/scenes/chosen_views.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "core/statistics.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

using Chosen = std::array<std::optional<std::size_t>, kSlots>;
constexpr double kUsualElevation = 8;  // of a turntable (geometry/camera.h)
constexpr double kUnusual = 0.25;      // what a degree of elevation more than that counts, in degrees of a view

// Degrees; of the azimuth as they are, so that views from high above are not all near to each other.
double between(const Direction& a, const Direction& b) {
  return std::hypot(turn_deg(a.azimuth_deg, b.azimuth_deg), a.elevation_deg - b.elevation_deg);
}

// The best of each slot at an elevation, and the sum of their distances.
Chosen at_elevation(const std::vector<ViewCandidate>& candidates, double elevation_deg, double& cost) {
  Chosen out;
  std::array<double, kSlots> least;
  least.fill(std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const ViewCandidate& one = candidates[i];
    const int slot = nearest_slot(one.direction.azimuth_deg);
    const double azimuth = azimuth_of(slot);
    const double off = between(one.direction, {azimuth, elevation_deg}) + one.penalty_deg;
    if (off >= least[static_cast<std::size_t>(slot)]) continue;
    least[static_cast<std::size_t>(slot)] = off;
    out[static_cast<std::size_t>(slot)] = i;
  }
  cost = 0;
  for (std::size_t slot = 0; slot < kSlots; ++slot)
    if (out[slot]) cost += least[slot];
  return out;
}

}  // namespace

Chosen choose_slots(const std::vector<ViewCandidate>& candidates) {
  std::set<double> elevations;  // whole degrees
  for (const ViewCandidate& one : candidates)
    if (std::isfinite(one.penalty_deg)) elevations.insert(std::round(one.direction.elevation_deg));
  Chosen best;
  double least = std::numeric_limits<double>::infinity();
  for (const double elevation : elevations) {
    double cost = 0;
    const Chosen chosen = at_elevation(candidates, elevation, cost);
    cost += kSlots * kUnusual * std::abs(elevation - kUsualElevation);
    if (cost >= least) continue;
    least = cost;
    best = chosen;
  }
  return best;
}

std::vector<std::size_t> spread_views(const std::vector<Direction>& directions, std::size_t most) {
  if (directions.size() <= most) {
    std::vector<std::size_t> all(directions.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
  }
  std::vector<double> elevations;
  for (const Direction& one : directions) elevations.push_back(one.elevation_deg);
  const double usual = median(elevations);
  std::vector<std::optional<std::size_t>> of_sector(most);
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const auto sector =
        std::min(most - 1, static_cast<std::size_t>(directions[i].azimuth_deg / 360 * static_cast<double>(most)));
    auto& place = of_sector[sector];
    const auto off = [&](std::size_t at) { return std::abs(directions[at].elevation_deg - usual); };
    if (!place || off(i) < off(*place)) place = i;
  }
  std::vector<std::size_t> out;
  for (const auto& place : of_sector)
    if (place) out.push_back(*place);
  std::ranges::sort(out);
  return out;
}

}  // namespace spinfill
