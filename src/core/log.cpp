// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "core/text.h"

namespace spinfill {
namespace {

spdlog::logger& logger() {
  // Outlives every thread: the one that answers signals may log while the process ends.
  static spdlog::logger& instance = [] -> spdlog::logger& {
    auto& made = *new spdlog::logger("spinfill", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made.set_pattern("%^%v%$");
    return made;
  }();
  return instance;
}

}  // namespace

void log_line(LogLevel level, std::string_view message) {
  const std::string text = escaped(message);
  switch (level) {
    case LogLevel::info: logger().info("{}", text); break;
    case LogLevel::warning: logger().warn("warning: {}", text); break;
    case LogLevel::error: logger().error("error: {}", text); break;
  }
}

void set_quiet(bool quiet) {
  logger().set_level(quiet ? spdlog::level::warn : spdlog::level::info);
}

bool quiet() {
  return logger().level() > spdlog::level::info;
}

}  // namespace spinfill
