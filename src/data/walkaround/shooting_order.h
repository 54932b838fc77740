// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/config/named.h"

namespace spinfill {

// Whether azimuths may be told by the order of the photographs' names, too.
enum class OrderUse { automatic, ignore };
template <>
inline constexpr Named<OrderUse> kNamesOf<OrderUse>[] = {{OrderUse::automatic, "auto"}, {OrderUse::ignore, "ignore"}};

// What the order of photographs was found to be: nothing that could be used, or that of a walk round the vehicle with
// rising azimuths (counter-clockwise, seen from above) or falling ones.
enum class ShootingOrder { untold, rising, falling };
template <>
inline constexpr Named<ShootingOrder> kNamesOf<ShootingOrder>[] = {
    {ShootingOrder::untold, "untold"}, {ShootingOrder::rising, "rising"}, {ShootingOrder::falling, "falling"}};

// For people; of untold nothing.
inline std::string told_in_words(ShootingOrder order) {
  if (order == ShootingOrder::untold) return {};
  return std::string("the photographs' names have the order of a walk round the vehicle with ") + name_of(order) +
         " azimuths, which told of azimuths, too";
}

}  // namespace spinfill
