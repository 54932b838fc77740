// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/files/json.h"
#include "run/run_config.h"

namespace spinfill {

// Counts the validations in a row that did not raise PSNR by more than min_delta over the highest before; the one
// before step 1 does not count. It is kept in checkpoints, so that a resumed run ends at the same step.
class EarlyStop {
 public:
  explicit EarlyStop(const EarlyStopConfig& config) : config_(config) {}
  bool on() const { return config_.patience > 0; }
  void update(double psnr, std::int64_t step);
  bool ended() const { return on() && stale_ >= config_.patience; }
  std::int64_t stale() const { return stale_; }

  Json to_json() const;
  void load(const Json& progress);  // a checkpoint's progress; without one it starts anew

 private:
  EarlyStopConfig config_;
  bool any_ = false;
  double psnr_ = 0;  // that the next must exceed by min_delta
  std::int64_t stale_ = 0;
};

}  // namespace spinfill
