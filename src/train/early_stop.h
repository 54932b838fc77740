// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "run/run_config.h"
#include "run/training_progress.h"

namespace spinfill {

// Counts the validations in a row that did not raise PSNR by more than min_delta over the highest before; the one
// before step 1 does not count. It is kept in checkpoints, so that a resumed run ends at the same step.
class EarlyStop {
 public:
  // Goes on from what a checkpoint says; without that it starts anew.
  explicit EarlyStop(const EarlyStopConfig& config, const std::optional<StaleValidations>& from = {})
      : config_(config), validations_(from.value_or(StaleValidations{})) {}
  bool on() const { return config_.patience > 0; }
  void update(double psnr, std::int64_t step);
  bool ended() const { return on() && validations_.count >= config_.patience; }
  std::int64_t stale() const { return validations_.count; }
  const StaleValidations& validations() const { return validations_; }

 private:
  EarlyStopConfig config_;
  StaleValidations validations_;
};

}  // namespace spinfill
