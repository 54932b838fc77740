// SPDX-License-Identifier: Apache-2.0
#include "metrics/evaluation_times.h"

#include <algorithm>

#include <fmt/format.h>

namespace spinfill {

std::string in_words(const EvaluationTimes& times, double all) {
  const double inputs = times.inputs, model = times.model, scores = times.scores,
               whole = std::max({all, inputs + model + scores, 1e-9});
  const auto share = [&](double seconds) { return fmt::format("{:.1f} %", 100 * seconds / whole); };
  return fmt::format("time: {} model, {} pictures and priors, {} baselines and scores, {} other", share(model),
                     share(inputs), share(scores), share(whole - inputs - model - scores));
}

}  // namespace spinfill
