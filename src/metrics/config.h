// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/config/config.h"
#include "metrics/lpips.h"

namespace spinfill {

// How scores are taken: by validation in training and by `spinfill evaluate`.
struct EvaluationConfig {
  LpipsConfig lpips;
  std::int64_t subset_seed = 1;
  std::int64_t subsets = 1;  // per vehicle and count of missing views
  std::int64_t batch_sets = 4;
  void bind(Fields& f);
};

}  // namespace spinfill
