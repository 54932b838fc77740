// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "data/walkaround/shooting_order.h"
#include "data/walkaround/vehicle_look.h"
#include "model/azimuth/azimuth_bins.h"

namespace spinfill {

// A photograph of a set: what it says of its azimuth by itself (azimuth_shares), and what can be compared.
struct PhotographOfSet {
  at::Tensor shares;  // [72] float32
  VehicleLook look;
};

struct SetAzimuths {
  std::vector<AzimuthEstimate> estimates;
  ShootingOrder order = ShootingOrder::untold;
};

// The azimuths of photographs of one vehicle such that they fit together. A Markov random field over all
// 72^n assignments: each photograph's own shares, whether it shows rear lamps (of several photographs, those that have
// much more of lamps' red than others show the back), and for each pair its turn_evidence(). Its marginals come from
// loopy belief propagation (Pearl 1988; Murphy, Weiss and Jordan, "Loopy belief propagation for approximate inference",
// UAI 1999), damped; the set tells the direction, each photograph's own shares refine it; an
// estimate's confidence is what of its marginal lies within kRightDeg. Of one photograph it
// is estimate_of(shares). Deterministic. Where these marginals show that the photographs are given in the order of a
// walk (order_evidence.h) and `use` allows it, the field is solved again with a step between each two neighbours;
// otherwise their order plays no part.
SetAzimuths consistent_azimuths(const std::vector<PhotographOfSet>& set, OrderUse use = OrderUse::automatic);

// The same where the cameras are known but for where the vehicle's front is: the azimuth from which a photograph that
// stands at 0 shows the vehicle, each of the others standing by standing_deg[i] counter-clockwise of it. The product of
// their shares, as of no more than eight photographs that know nothing of each other: denser ones err alike.
AzimuthEstimate common_azimuth(const std::vector<at::Tensor>& shares, const std::vector<double>& standing_deg);

}  // namespace spinfill
