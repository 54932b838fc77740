// SPDX-License-Identifier: Apache-2.0
#include "core/quantity.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/error.h"

namespace spinfill {
namespace {

constexpr std::string_view kPrefixes = "KMGTP";

// Takes a finite number above 0 off the start of `text`.
std::optional<double> take_number(std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value) || value <= 0) return std::nullopt;
  text.erase(0, static_cast<std::size_t>(end - text.data()));
  return value;
}

// Takes a prefix off the front of `unit`: K gives 1, M 2, …; 0 without one.
int take_prefix(std::string& unit) {
  if (unit.empty()) return 0;
  const std::size_t found = kPrefixes.find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit[0]))));
  if (found == std::string_view::npos) return 0;
  unit.erase(0, 1);
  return static_cast<int>(found) + 1;
}

}  // namespace

std::uint64_t parse_bytes(const std::string& text, const std::string& option) {
  std::string rest = text;
  const std::optional<double> number = take_number(rest);
  const int power = take_prefix(rest);
  const bool decimal = power > 0 && (rest == "B" || rest == "b");
  const bool known = rest.empty() || rest == "B" || rest == "b" || (power > 0 && (rest == "i" || rest == "iB"));
  const double bytes = number.value_or(0) * std::pow(decimal ? 1000.0 : 1024.0, power);
  if (!number || !known || bytes < 1 || bytes >= 0x1p62) {
    fail_usage("{} '{}': must be a size above 0 such as 24G, 24GiB, 24GB (10^9) or 24000M", option, text);
  }
  return static_cast<std::uint64_t>(bytes);
}

double parse_rate(const std::string& text, const std::string& option) {
  std::string rest = text;
  const std::optional<double> number = take_number(rest);
  const double rate = number.value_or(0) * std::pow(1000.0, take_prefix(rest));
  if (!number || !rest.empty() || !std::isfinite(rate)) {
    fail_usage("{} '{}': must be operations a second above 0, such as 990T or 83.5G", option, text);
  }
  return rate;
}

std::string bytes_text(double bytes) {
  static constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  for (; std::abs(bytes) >= 1023.5 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit >= 3 || (unit > 0 && std::abs(bytes) < 10) ? 1 : 0, kUnits[unit]);
}

std::string rate_text(double per_second) {
  static constexpr std::array kUnits = {"", "k", "M", "G", "T", "P", "E"};
  std::size_t unit = 0;
  for (; per_second >= 999.5 && unit + 1 < kUnits.size(); ++unit) per_second /= 1000;
  return fmt::format("{:.3g} {}", per_second, kUnits[unit]);
}

std::string time_text(double seconds) {
  const auto whole = [](double value) { return static_cast<long long>(std::llround(value)); };
  if (seconds < 9.95) return fmt::format("{:.2g} s", seconds);
  if (seconds < 119.5) return fmt::format("{} s", whole(seconds));
  const long long minutes = whole(seconds / 60);
  if (minutes < 120) return fmt::format("{} min", minutes);
  if (minutes < 48 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  const long long hours = whole(seconds / 3600);
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

}  // namespace spinfill
