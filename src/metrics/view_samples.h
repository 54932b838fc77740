// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metrics/evaluation.h"

namespace spinfill {

// What the samples of each view tell, where there are several (Protocol::samples).
struct ViewSamples {
  bool alike = true;   // no score of any view differs between its samples: the sampler draws nothing
  Scores deviation{};  // standard deviation (n − 1) over a view's samples, mean over images; NaN where no image has it
  Scores best{};       // of each view the sample that is best by this very score, mean over images
  std::vector<Scores> each;  // of the first samples of all views, of the second …: mean over images
};
// None where each view has one.
std::optional<ViewSamples> view_samples(const EvaluationReport& report);

// {"count": 4, "seeds": […], "alike": false, "psnr": {"mean", "deviation", "best_of_4", "each": […]}, …}: the best
// never stands without the mean. Without numbers where all are alike; null where each view has one.
Json view_samples_to_json(const EvaluationReport& report);
// The same as a table under a line that says what it is; empty where each view has one.
std::string view_samples_table(const EvaluationReport& report);

}  // namespace spinfill
