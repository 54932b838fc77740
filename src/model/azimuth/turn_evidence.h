// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <Eigen/Core>

#include "data/walkaround/vehicle_look.h"
#include "model/azimuth/azimuth_bins.h"

namespace spinfill {

// What two photographs of one vehicle say about the angle between them. Lengths in heights, as in VehicleLook.

// The vehicle seen from above, as a box.
struct VehiclePlan {
  double half_length = 1.4, half_width = 0.6;
};
// From the widths of boxes that are seen from several directions, within what vehicles have.
VehiclePlan plan_of(std::vector<double> aspects);

// By photograph, the box's width over the one that the plan has from that azimuth, as a share of the set's median, and
// of what photographs of the other side have from there (20 degrees) where that is less than 85 %, since from near, and
// of vehicles that are no box, some directions are narrower than others: low where something hides a part of the
// vehicle.
std::vector<double> relative_widths(const std::vector<double>& aspects, const std::vector<double>& azimuths_deg);

// Logarithms of likelihood ratios (against: nothing matches) by the bins of both azimuths; row: of the first.
using TurnTable = Eigen::Matrix<float, kAzimuthBins, kAzimuthBins>;

// A point seen at x in a photograph from θ lies on the box, at depth d towards that camera; in one from θ + Δ it is
// seen at x·cos Δ − d·sin Δ. A match is such a point, with normally distributed errors, or a chance one, uniform over
// the vehicle; the share of the former falls with |Δ| and vanishes at 60°. The sum is scaled down, since matches are
// not independent, and limited. What looks alike from opposite directions (wheels, windows, reflections of a place that
// stays as it is) matches there as well, so the same evidence counts, a little less, for Δ + 180°. Zero: no evidence.
TurnTable turn_evidence(const std::vector<LookMatch>& matches, double second_aspect, const VehiclePlan& plan);

}  // namespace spinfill
