// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace spinfill {

double mean(const std::vector<double>& values);  // 0 if empty
double median(std::vector<double> values);       // of an even count the mean of the middle two; 0 if empty

double rounded(double value, int decimals);

}  // namespace spinfill
