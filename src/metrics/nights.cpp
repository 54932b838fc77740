// SPDX-License-Identifier: Apache-2.0
#include "metrics/nights.h"

#include <algorithm>
#include <chrono>

#include <fmt/chrono.h>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/sha256.h"
#include "metrics/protocol.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMostBytes = 1ULL << 30;

std::filesystem::path file_in(const std::filesystem::path& folder) {
  return folder / "nights.jsonl";
}

std::vector<Json> read_nights(const std::filesystem::path& path) {
  std::vector<Json> nights;
  if (!std::filesystem::exists(path)) return nights;
  const std::string text = read_file(path, kMostBytes);
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string where = fmt::format("{}:{}", path.string(), ++line);
    Json night = parse_json(text.substr(begin, end - begin), where);
    begin = end + 1;
    const bool whole = night.is_object() && night.value("time", Json()).is_string() &&
                       night.value("report_sha256", Json()).is_string() &&
                       night.value("protocol", Json()).is_object() && night.value("overall", Json()).is_object() &&
                       night.value("verdicts", Json()).is_object() && night.value("regressed", Json()).is_boolean();
    if (!whole) fail("{}: not a night of spinfill compare --history: remove the line", where);
    nights.push_back(std::move(night));
  }
  return nights;
}

}  // namespace

std::string utc_now() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
}

Nights with_night(const std::filesystem::path& folder, const Json& report, const std::string& report_name,
                  const Comparison& comparison, const std::string& time) {
  Nights out{read_nights(file_in(folder)), true};
  Json night = {{"time", time}, {"report", report_name}, {"report_sha256", sha256_hex(report.dump())}};
  night["model"] = report.value("model", Json::object());
  night["protocol"] = report["protocol"];
  night["overall"] = report.value("overall", Json::object());
  night["verdicts"] = Json::object();
  for (const std::size_t k : comparison.shown) {
    const Effect& effect = comparison.groups.front().effects[k];
    if (effect.before && effect.after) night["verdicts"][kMetricNames[k]] = name_of(effect.verdict);
  }
  night["regressed"] = !comparison.regressions.empty();
  if (!out.nights.empty()) {
    const Json& last = out.nights.back();
    if (const std::string different = unlike(last["protocol"], night["protocol"]); !different.empty())
      fail_usage("--history {}: its nights and {} were not measured alike: {}; take another folder", folder.string(),
                 report_name, different);
    out.added = last["report_sha256"] != night["report_sha256"];
  }
  if (out.added) out.nights.push_back(std::move(night));
  return out;
}

void write_nights(const std::filesystem::path& folder, const Nights& nights) {
  std::string text;
  for (const Json& night : nights.nights) text += night.dump() + "\n";
  make_folder(folder);
  write_file_atomic(file_in(folder), text);
}

}  // namespace spinfill
