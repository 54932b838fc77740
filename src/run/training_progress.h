// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/files/json.h"

namespace spinfill {

// The best validation so far, by PSNR; the one before step 1 does not count.
struct BestValidation {
  std::int64_t step = -1;  // −1: none yet
  double psnr = 0;
  std::string conditions = {};  // under which it was measured (metrics/protocol.h); empty in older runs
  // Whether this is the best now.
  bool update(double at_psnr, std::int64_t at_step, const std::string& under = {});
  bool operator==(const BestValidation&) const = default;
};

// Of train.early_stop: validations in a row without improvement.
struct StaleValidations {
  std::optional<double> psnr;  // which the next must exceed; empty before the first
  std::int64_t count = 0;
  bool operator==(const StaleValidations&) const = default;
};

// What a training needs besides tensors and the step to go on; "progress" in a checkpoint's state.json.
struct TrainingProgress {
  BestValidation best;
  std::optional<bool> validation_owed;  // a validation was cut short; empty where none was due yet
  std::optional<StaleValidations> early_stop;
  bool operator==(const TrainingProgress&) const = default;
};
Json to_json(const TrainingProgress& progress);
TrainingProgress progress_from_json(const Json& json);  // throws Json::exception for a field of the wrong type

}  // namespace spinfill
