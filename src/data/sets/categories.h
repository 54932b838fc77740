// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace spinfill {

// The categories that models have a token for, in the order of their embedding; data sets may have others.
inline const std::vector<std::string> kCategories = {"sedan", "suv", "hatchback", "jeep", "pickup", "truck", "bus"};

}  // namespace spinfill
