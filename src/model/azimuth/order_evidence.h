// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "data/walkaround/shooting_order.h"
#include "model/azimuth/turn_evidence.h"

namespace spinfill {

using BinShares = Eigen::Matrix<float, kAzimuthBins, 1>;

// Which way round the vehicle photographs were taken, by what is known of each without their order (shares, sum 1). A
// walk is likely as far as every photograph lies one step (step_likelihood) from the one before it; it is told where it
// is likelier than any azimuths, and at most 2 % of shuffled orders of the same photographs make either way as likely
// (a permutation test by 999 of them; Phipson and Smyth, "Permutation p-values should never be zero", 2010). Fewer than
// kFewestInOrder: untold.
// Deterministic.
inline constexpr std::size_t kFewestInOrder = 6;
ShootingOrder shooting_order(const std::vector<BinShares>& known);

// How likely the next photograph's azimuth (column) is after one's (row), against any azimuth: mostly a step of 10 to
// 60 degrees onwards, sometimes a jump to anywhere. `order` is told.
TurnTable step_likelihood(ShootingOrder order);
// The same of the first photograph (column) after the last (row): half of all walks go all round.
TurnTable closing_likelihood(ShootingOrder order);

// The shares of a photograph by itself where others can tell it from half a turn: one in 17 is turned by it however
// sure it is.
BinShares with_half_turn(const BinShares& shares);

}  // namespace spinfill
