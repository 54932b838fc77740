// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace spinfill {

double mean(const std::vector<double>& values);  // 0 of none
double median(std::vector<double> values);       // of an even number the mean of the two in the middle; 0 of none

}  // namespace spinfill
