// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/files/json.h"
#include "core/stopwatch.h"
#include "train/step/step.h"

namespace spinfill {

// The speed of steps, in windows from one row of metrics.jsonl to the next.
class StepLog {
 public:
  // `waited`: seconds spent waiting for data so far, here and below.
  explicit StepLog(double waited) : waited_before_(waited) {}
  void add(const StepStatistics& statistics);  // a step that was made
  template <class Work>
  void leave_out(const Work& work) {  // what is done between steps
    const Stopwatch watch;
    work();
    left_out_ += watch.seconds();
  }
  // Of the last step and of the window, which ends here: {"step", "loss", "mse", "phase", "learning_rate",
  // "gradient_norm", "skipped", "views_per_second", "seconds_per_step", "waiting_share", "peak_bytes"}.
  Json row(std::int64_t step, const StepStatistics& statistics, const std::string& phase, double learning_rate,
           double waited, std::uint64_t peak_bytes);
  // "loss 0.1234, 5.0 views/s", with the speed of the last window.
  std::string note(const StepStatistics& statistics) const;

 private:
  Stopwatch window_;
  double left_out_ = 0, waited_before_;
  std::int64_t views_ = 0, steps_ = 0;
  double views_per_second_ = 0;  // of the last window
};

}  // namespace spinfill
