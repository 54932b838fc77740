// SPDX-License-Identifier: Apache-2.0
#include "metrics/report_sets.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "core/error.h"
#include "metrics/report.h"

namespace spinfill {
namespace {

constexpr std::size_t kDigits = 8;  // of a float32

SetDistances one_from_json(const Json& value, const Json& of_all, const std::string& where) {
  Json whole = value;
  if (whole.is_object())
    for (const char* key : {"images", "dimensions"}) whole[key] = of_all.value(key, Json());
  const auto read = set_distances_from_json(whole);
  if (!read) fail("{}: no distances of sets; write the report anew with spinfill evaluate", where);
  return *read;
}

}  // namespace

void score_sets(EvaluationReport& report) {
  const std::vector<ImageRow>& rows = report.images;
  report.sets.clear();
  const auto lacks = [&](const ImageRow& row) { return row.embeddings.size() != rows.front().scores.size() + 1; };
  if (rows.empty() || rows.front().id == rows.back().id || std::ranges::any_of(rows, lacks)) return;
  std::vector<std::string> vehicles;
  for (const ImageRow& row : rows) vehicles.push_back(row.id);
  const auto column = [&](std::size_t place) {
    std::vector<Embedding> out;
    for (const ImageRow& row : rows) out.emplace_back(row.embeddings[place].begin(), row.embeddings[place].end());
    return out;
  };
  const std::vector<Embedding> truths = column(0);
  for (std::size_t m = 0; m < method_count(report); ++m)
    report.sets.push_back(set_distances(column(m + 1), truths, vehicles));
}

Json report_sets_to_json(const EvaluationReport& report) {
  if (report.sets.empty()) return {};
  Json value = {{"images", report.sets.front().images}, {"dimensions", report.sets.front().dimensions}};
  Json& baselines = value["baselines"] = Json::object();
  for (std::size_t m = 0; m < report.sets.size(); ++m) {
    Json one = set_distances_to_json(report.sets[m]);
    one.erase("images");
    one.erase("dimensions");
    (m == 0 ? value["model"] : baselines[kBaselines.at(m - 1)]) = std::move(one);
  }
  return value;
}

std::vector<SetDistances> report_sets_from_json(const Json& value, const std::string& where) {
  if (!value.is_object() || !value.contains("model") || !value.contains("baselines"))
    fail("{}: no distances of sets; write the report anew with spinfill evaluate", where);
  std::vector<SetDistances> sets = {one_from_json(value["model"], value, where + ".model")};
  const Json& baselines = value["baselines"];
  if (baselines.is_object() && baselines.empty()) return sets;
  for (const std::string& name : kBaselines) {
    const bool there = baselines.is_object() && baselines.contains(name);
    sets.push_back(one_from_json(there ? baselines[name] : Json(), value, where + ".baselines." + name));
  }
  return sets;
}

std::string report_sets_table(const EvaluationReport& report) {
  if (report.sets.empty()) return {};
  std::vector<std::vector<std::string>> rows = {{""}, {"FID"}, {"KID"}, {"KID, 95 %"}};
  for (std::size_t m = 0; m < report.sets.size(); ++m) {
    const SetDistances& d = report.sets[m];
    rows[0].push_back(m == 0 ? "model" : kBaselines.at(m - 1));
    rows[1].push_back(fmt::format("{:.4f}", d.fid));
    rows[2].push_back(kid_text(d));
    rows[3].push_back(kid_interval_text(d));
  }
  const SetDistances& d = report.sets.front();
  return fmt::format("as sets of {} pictures, by embeddings of {} values{}\n", d.images, d.dimensions,
                     d.images < kFewForFid
                         ? fmt::format("; with fewer than {} FID is too large by much: look at KID", kFewForFid)
                         : "") +
         aligned_table(rows);
}

std::string embedding_text(const std::vector<float>& embedding) {
  std::string text;
  text.reserve(kDigits * embedding.size());
  for (const float value : embedding) text += fmt::format("{:08x}", std::bit_cast<std::uint32_t>(value));
  return text;
}

std::vector<float> embedding_of_text(const std::string& text) {
  std::vector<float> embedding;
  if (text.size() % kDigits != 0) return {};
  for (const char* at = text.data(); at != text.data() + text.size(); at += kDigits) {
    std::uint32_t bits = 0;
    const auto [stop, error] = std::from_chars(at, at + kDigits, bits, 16);
    if (error != std::errc() || stop != at + kDigits || !std::isfinite(std::bit_cast<float>(bits))) return {};
    embedding.push_back(std::bit_cast<float>(bits));
  }
  return embedding;
}

}  // namespace spinfill
