// SPDX-License-Identifier: Apache-2.0
#include "metrics/config.h"

namespace spinfill {

void EvaluationConfig::bind(Fields& f) {
  f.group("lpips", lpips, "The perceptual metric's weights");
  f.number("subset_seed", subset_seed, "Seed of the fixed list of reference subsets", 0, std::int64_t{1} << 52);
  f.number("subsets", subsets, "Subsets per vehicle and count of missing views", 1, 56);
  f.number("batch_sets", batch_sets, "Sets generated at once", 1, 4096);
}

}  // namespace spinfill
