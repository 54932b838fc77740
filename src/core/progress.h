// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/stopwatch.h"

namespace spinfill {

// "12/200 sets, 31.2 sets/s, 6 s left, loss 0.031". On a terminal one line that is redrawn; into a pipe a plain line at
// most every few seconds; nothing in quiet mode (core/log.h). Writes to stderr. update() is cheap enough to call for
// every item.
class Progress {
 public:
  Progress(std::string title, std::int64_t total, std::string unit, std::int64_t start = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::int64_t done, const std::string& note = {});
  void finish();  // draws the last state and ends the line; the destructor does it too

 private:
  void draw(bool last);
  std::string title_, unit_, note_;
  std::int64_t total_, start_, done_;
  Stopwatch since_start_, since_drawn_;
  bool terminal_, finished_ = false;
};

std::string format_duration(double seconds);  // "3 s", "4 min 05 s", "2 h 10 min"

}  // namespace spinfill
