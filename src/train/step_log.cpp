// SPDX-License-Identifier: Apache-2.0
#include "train/step_log.h"

#include <fmt/format.h>

namespace spinfill {

void StepLog::add(const StepStatistics& statistics) {
  ++steps_;
  views_ += statistics.views;
}

Json StepLog::row(std::int64_t step, const StepStatistics& statistics, const std::string& phase, double learning_rate,
                  double waited, std::uint64_t peak_bytes) {
  const double seconds = window_.seconds() - left_out_;
  views_per_second_ = static_cast<double>(views_) / seconds;
  const auto finite = [&](double value) { return statistics.finite ? Json(value) : Json(); };
  Json row = {{"step", step},
              {"loss", finite(statistics.loss)},
              {"mse", finite(statistics.squared_error)},
              {"phase", phase},
              {"learning_rate", learning_rate},
              {"gradient_norm", finite(statistics.gradient_norm)},
              {"skipped", !statistics.finite},
              {"views_per_second", views_per_second_},
              {"seconds_per_step", seconds / static_cast<double>(steps_)},
              {"waiting_share", (waited - waited_before_) / seconds},
              {"peak_bytes", peak_bytes}};
  window_.restart();
  left_out_ = 0;
  waited_before_ = waited;
  views_ = steps_ = 0;
  return row;
}

std::string StepLog::note(const StepStatistics& statistics) const {
  return fmt::format("loss {:.4f}{}", statistics.loss,
                     views_per_second_ > 0 ? fmt::format(", {:.1f} views/s", views_per_second_) : "");
}

}  // namespace spinfill
