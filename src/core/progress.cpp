// SPDX-License-Identifier: Apache-2.0
#include "core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "core/log.h"
#include "core/text.h"

namespace spinfill {

std::string format_duration(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

Progress::Progress(std::string title, std::int64_t total, std::string unit, std::int64_t start)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(total),
      start_(start),
      done_(start),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  finish();
}

void Progress::update(std::int64_t done, const std::string& note) {
  done_ = done;
  note_ = note;
  const double pause = terminal_ ? 0.2 : 5;  // seconds
  if (since_drawn_.seconds() >= pause) draw(false);
}

void Progress::finish() {
  if (std::exchange(finished_, true)) return;
  draw(true);
}

void Progress::draw(bool last) {
  since_drawn_.restart();
  if (quiet()) return;
  const double seconds = since_start_.seconds();
  const double speed = seconds > 0 ? static_cast<double>(done_ - start_) / seconds : 0;  // items per second
  std::string line = fmt::format("{}: {}/{} {}", title_, done_, total_, unit_);
  if (speed > 0) line += fmt::format(", {:.3g} {}/s", speed, unit_);
  if (last) {
    line += fmt::format(", took {}", format_duration(seconds));
  } else if (speed > 0) {
    line += fmt::format(", {} left", format_duration(static_cast<double>(total_ - done_) / speed));
  }
  if (!note_.empty()) line += ", " + note_;
  line = escaped(line);
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s%s", line.c_str(), last ? "\n" : "");
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
}

}  // namespace spinfill
