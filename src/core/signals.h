// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spinfill {

// While one lives, SIGINT, SIGTERM and SIGUSR1 only set a flag. A second signal of the same kind ends the process at
// once.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  static bool requested();
};

}  // namespace spinfill
