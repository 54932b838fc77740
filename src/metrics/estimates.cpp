// SPDX-License-Identifier: Apache-2.0
#include "metrics/estimates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/random.h"

namespace spinfill {
namespace {

constexpr std::int64_t kBootstrap = 8;  // vehicles from which on it is used
constexpr std::size_t kDraws = 4000;
constexpr double kNormal975 = 1.959963984540054, kNormal80 = 0.8416212335729143;
constexpr double kMostNeeded = 1e9;

double below_normal(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0));
}

// Between the order statistics.
double quantile(const std::vector<double>& sorted, double share) {
  const double at =
      std::clamp(share * static_cast<double>(sorted.size() + 1) - 1, 0.0, static_cast<double>(sorted.size() - 1));
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

// Which of n vehicles each draw has, [draw][n]. The last n is kept: one report asks for it many times.
const std::vector<std::uint32_t>& drawn_vehicles(std::int64_t n) {
  thread_local std::vector<std::uint32_t> drawn;
  if (std::ssize(drawn) == n * static_cast<std::int64_t>(kDraws)) return drawn;
  drawn.clear();
  for (std::size_t draw = 0; draw < kDraws; ++draw) {
    Random random(0, draw, Stream::bootstrap);
    for (std::int64_t i = 0; i < n; ++i) drawn.push_back(static_cast<std::uint32_t>(random.integer(n)));
  }
  return drawn;
}

std::array<double, 2> bootstrap_interval(const std::vector<VehicleSum>& vehicles) {
  const auto n = static_cast<std::int64_t>(vehicles.size());
  std::vector<double> means;
  auto next = drawn_vehicles(n).begin();
  for (std::size_t draw = 0; draw < kDraws; ++draw) {
    double sum = 0, images = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const VehicleSum& drawn = vehicles[*next++];
      sum += drawn.sum;
      images += static_cast<double>(drawn.images);
    }
    means.push_back(sum / images);
  }
  std::ranges::sort(means);
  const double widened = std::sqrt(static_cast<double>(n) / static_cast<double>(n - 1)) * student_975(n - 1);
  const double tail = below_normal(-widened);
  return {quantile(means, tail), quantile(means, 1 - tail)};
}

}  // namespace

bool Estimate::excludes_zero() const {
  return interval && ((*interval)[0] > 0 || (*interval)[1] < 0);
}

double student_975(std::int64_t degrees) {
  constexpr auto exact = std::to_array<double>(
      {12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139});
  if (degrees <= std::ssize(exact)) return exact[static_cast<std::size_t>(std::max<std::int64_t>(degrees, 1) - 1)];
  // Cornish and Fisher's expansion (Abramowitz & Stegun 26.7.5).
  const double z = kNormal975, v = static_cast<double>(degrees), z2 = z * z;
  return z + z * (z2 + 1) / (4 * v) + z * ((5 * z2 + 16) * z2 + 3) / (96 * v * v) +
         z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * v * v * v);
}

Estimate estimate_mean(const VehicleSums& sums) {
  Estimate out;
  std::vector<VehicleSum> vehicles;
  double sum = 0;
  for (const auto& [id, vehicle] : sums) {
    if (vehicle.images == 0) continue;
    vehicles.push_back(vehicle);
    sum += vehicle.sum;
    out.images += vehicle.images;
  }
  out.vehicles = std::ssize(vehicles);
  out.mean = out.images > 0 ? sum / static_cast<double>(out.images) : std::numeric_limits<double>::quiet_NaN();
  if (out.vehicles < 2) return out;
  const auto n = static_cast<double>(out.vehicles), images = static_cast<double>(out.images);
  double squares = 0;
  for (const VehicleSum& vehicle : vehicles) {
    const double off = vehicle.sum - out.mean * static_cast<double>(vehicle.images);
    squares += off * off;
  }
  const double error = std::sqrt(n / (n - 1) * squares) / images;
  out.deviation = error * std::sqrt(n);
  if (out.vehicles >= kBootstrap) {
    out.interval = bootstrap_interval(vehicles);
  } else {
    const double half = student_975(out.vehicles - 1) * error;
    out.interval = {out.mean - half, out.mean + half};
  }
  return out;
}

std::int64_t vehicles_needed(double deviation, double distance) {
  const double root = (kNormal975 + kNormal80) * deviation / std::max(std::abs(distance), 1e-300);
  return static_cast<std::int64_t>(std::ceil(std::min(root * root, kMostNeeded)));
}

}  // namespace spinfill
