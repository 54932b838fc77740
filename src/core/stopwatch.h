// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace spinfill {

// Wall-clock seconds since it was made or last restarted.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - began_).count(); }
  void restart() { began_ = Clock::now(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point began_ = Clock::now();
};

}  // namespace spinfill
