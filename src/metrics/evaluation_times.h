// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>

#include "core/stopwatch.h"

namespace spinfill {

// Where an evaluation's time goes: seconds, added up over its threads.
struct EvaluationTimes {
  std::atomic<double> inputs{0};  // pictures, cameras, priors or the hull at the photographs' size
  std::atomic<double> model{0};   // the predictor: the sampler, at photo with what makes photographs of its views
  std::atomic<double> scores{0};  // baselines and metrics
};

// Adds the seconds of its life; to none where that is null.
class TimeSpent {
 public:
  explicit TimeSpent(std::atomic<double>* in) : in_(in) {}
  ~TimeSpent() {
    if (in_ != nullptr) *in_ += watch_.seconds();
  }
  TimeSpent(const TimeSpent&) = delete;
  TimeSpent& operator=(const TimeSpent&) = delete;

 private:
  std::atomic<double>* in_;
  Stopwatch watch_;
};

// "time: 91.2 % model, 4.0 % pictures and priors, 3.1 % baselines and scores, 1.7 % other" of so many seconds of all
// threads.
std::string in_words(const EvaluationTimes& times, double all);

}  // namespace spinfill
