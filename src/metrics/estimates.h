// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace spinfill {

// The images of one vehicle are alike, so what a mean of images says of other vehicles is told by how vehicles differ.
struct VehicleSum {
  double sum = 0;  // of a score over its images that have it
  std::int64_t images = 0;
};
using VehicleSums = std::map<std::string, VehicleSum>;  // by id

struct Estimate {
  double mean = 0;  // over images; NaN without any
  std::int64_t images = 0, vehicles = 0;
  // In which the mean over vehicles without number lies with 95 %; none of fewer than two vehicles.
  std::optional<std::array<double, 2>> interval;
  double deviation = 0;  // of a vehicle: standard error · √vehicles; 0 without an interval

  bool excludes_zero() const;
};

// Of eight vehicles and more the percentiles of 4000 bootstrap means, in each of which as many vehicles are drawn with
// replacement, widened for their number (expanded percentile interval: Hesterberg 2015, "What Teachers Should Know
// About the Bootstrap", §4.4). Of fewer, where such means take few values, Student's interval from the standard error
// of a ratio (Cochran 1977, "Sampling Techniques", §6.4). Always the same numbers for the same sums.
Estimate estimate_mean(const VehicleSums& sums);

// How many vehicles would be needed in all for an interval of such vehicles to lie on one side of `distance` from the
// mean with a chance of four in five: ((z.975 + z.8)·deviation/distance)².
std::int64_t vehicles_needed(double deviation, double distance);

// t of ν degrees of freedom that 97.5 % are below; ν ≥ 1.
double student_975(std::int64_t degrees);

}  // namespace spinfill
