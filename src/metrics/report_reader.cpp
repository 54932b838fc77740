// SPDX-License-Identifier: Apache-2.0
#include "metrics/report.h"

#include <algorithm>
#include <limits>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/text.h"
#include "data/sets/view_set.h"
#include "metrics/report_sets.h"

namespace spinfill {
namespace {

// Reading: one row of images.
struct RowReader {
  const Json& row;
  std::string where;

  [[noreturn]] void wrong(const std::string& key, const std::string& what) const {
    fail("{}.{}: {}; write the report anew with spinfill evaluate", where, key, what);
  }
  const Json& field(const std::string& key) const {
    const auto found = row.find(key);
    if (found == row.end()) wrong(key, "missing");
    return *found;
  }
  std::string text(const std::string& key) const {
    if (!field(key).is_string()) wrong(key, "not a text");
    return field(key).get<std::string>();
  }
  std::int64_t slot(const Json& value, const std::string& key) const {
    if (!value.is_number_integer()) wrong(key, "not an azimuth of 0, 45, … 315");
    const double azimuth = value.get<double>();
    if (azimuth < 0 || azimuth > azimuth_of(kSlots - 1) || std::fmod(azimuth, kSlotStepDeg) != 0)
      wrong(key, "not an azimuth of 0, 45, … 315");
    return static_cast<std::int64_t>(azimuth) / kSlotStepDeg;
  }
  std::vector<std::int64_t> slots(const std::string& key) const {
    const Json& list = field(key);
    if (!list.is_array() || list.size() > static_cast<std::size_t>(Batch::kViews)) wrong(key, "not a list of azimuths");
    std::vector<std::int64_t> result;
    for (const Json& value : list) result.push_back(slot(value, key));
    return result;
  }
  double number(const Json& from, const std::string& key) const {
    if (!from.contains(key) || !from[key].is_number()) wrong(key, "not a number");
    return from[key].get<double>();
  }
  ImageRow::Photo photo() const {
    const Json& from = field("photo");
    const auto pair = [&](const Json& in, const std::string& key) {
      if (!in.is_object() || !in.contains(key) || !in[key].is_array() || in[key].size() != 2 ||
          !in[key][0].is_number() || !in[key][1].is_number())
        wrong("photo." + key, "not two numbers");
      return std::array{in[key][0].get<double>(), in[key][1].get<double>()};
    };
    if (!from.is_object() || !from.contains("aligned_by")) wrong("photo", "not what it should hold");
    ImageRow::Photo out;
    out.azimuth_deg = number(from, "azimuth_deg");
    out.vehicle_share = number(from, "vehicle_share");
    const auto crop = pair(from, "crop"), shift = pair(from["aligned_by"], "shift_px");
    out.crop_width = std::llround(std::clamp(crop[0], 0.0, 1e6));
    out.crop_height = std::llround(std::clamp(crop[1], 0.0, 1e6));
    out.scale = number(from["aligned_by"], "scale");
    out.shift_x = shift[0];
    out.shift_y = shift[1];
    out.consistency =
        view_consistency_from_json(from.value("geometric_consistency", Json()), where + ".photo.geometric_consistency");
    if (from.contains("evidence")) out.evidence = evidence(from["evidence"]);
    return out;
  }
  template <std::size_t N>
  void sums(const Json& from, const std::string& key, std::array<EvidenceErrors::Sum, N>& to) const {
    const auto found = from.find(key);
    if (found == from.end() || !found->is_array() || found->size() != N)
      wrong("photo.evidence." + key, "not a list of sums");
    for (std::size_t k = 0; k < N; ++k) {
      const Json& sum = (*found)[k];
      if (!sum.is_array() || sum.size() != 2 || !sum[0].is_number() || !sum[1].is_number())
        wrong("photo.evidence." + key, "not pairs of numbers");
      to[k] = {sum[0].get<double>(), sum[1].get<double>()};
    }
  }
  EvidenceErrors evidence(const Json& from) const {
    if (!from.is_object()) wrong("photo.evidence", "not an object");
    EvidenceErrors out;
    sums(from, "parts", out.parts);
    sums(from, "by_mirrored", out.by_mirrored);
    sums(from, "by_invented", out.by_invented);
    return out;
  }
  Scores scores(const Json& from, const std::string& key, ScoredAt at) const {
    if (!from.is_object()) wrong(key, "not an object");
    Scores result;
    result.fill(std::numeric_limits<double>::quiet_NaN());
    for (std::size_t k = 0; k < kMetrics; ++k) {
      if (!measured_at(at, k)) continue;
      const auto found = from.find(kMetricNames[k]);
      if (found == from.end() && k >= kStLpips) continue;  // reports from before they were there
      if (found == from.end() || !(found->is_null() || found->is_number())) {
        wrong(kMetricNames[k], "neither a number nor null");
      }
      result[k] = found->is_null() ? std::numeric_limits<double>::quiet_NaN() : found->get<double>();
    }
    return result;
  }
};

// Where there are several.
std::vector<Scores> samples_of(const RowReader& reader, const Protocol& protocol) {
  std::vector<Scores> samples;
  if (protocol.samples == 1) return samples;
  const Json& list = reader.field("samples");
  if (!list.is_array() || std::ssize(list) != protocol.samples)
    reader.wrong("samples", fmt::format("not a list of {} samples", protocol.samples));
  for (const Json& sample : list) samples.push_back(reader.scores(sample, "samples", protocol.at));
  return samples;
}

// Only in the shares of an evaluation.
std::vector<std::vector<float>> embeddings_of(const RowReader& reader) {
  std::vector<std::vector<float>> out;
  const auto found = reader.row.find("embeddings");
  if (found == reader.row.end()) return out;
  if (!found->is_array()) reader.wrong("embeddings", "not a list");
  for (const Json& text : *found) {
    if (text.is_string()) out.push_back(embedding_of_text(text.get<std::string>()));
    if (!text.is_string() || out.back().empty() || out.back().size() != out.front().size())
      reader.wrong("embeddings", "not numbers of one length");
  }
  return out;
}

}  // namespace

EvaluationReport report_from_json(const Json& value, const std::string& where) {
  if (!value.is_object() || !value.contains("protocol") || !value.contains("images") || !value["images"].is_array()) {
    fail("{}: not a report of spinfill evaluate: no protocol or images", where);
  }
  EvaluationReport report;
  report.protocol = protocol_from_json(value["protocol"], where);
  report.model = value.value("model", Json::object());
  for (std::size_t i = 0; i < value["images"].size(); ++i) {
    const RowReader reader{value["images"][i], fmt::format("{}: images[{}]", where, i)};
    if (!reader.row.is_object()) fail("{}: not an object", reader.where);
    ImageRow row;
    row.id = reader.text("id");
    if (!reader.field("sample").is_number_integer()) reader.wrong("sample", "not an integer");
    row.sample = reader.field("sample").get<std::int64_t>();
    row.slot = reader.slot(reader.field("azimuth_deg"), "azimuth_deg");
    row.category = reader.text("category");
    if (!is_valid_category(row.category)) reader.wrong("category", "no category's name");
    row.case_name = reader.text("case");
    if (std::find(kCases.begin(), kCases.end(), row.case_name) == kCases.end()) reader.wrong("case", "no such case");
    row.references = reader.slots("references");
    row.targets = reader.slots("targets");
    row.truth_sha256 = reader.text("truth_sha256");
    if (reader.row.contains("prediction_sha256")) row.prediction_sha256 = reader.text("prediction_sha256");
    if (report.protocol.at == ScoredAt::photo) row.photo = reader.photo();
    row.scores.push_back(reader.scores(reader.row, "scores", report.protocol.at));
    row.samples = samples_of(reader, report.protocol);
    const Json& baselines = reader.field("baselines");
    if (!baselines.is_object()) reader.wrong("baselines", "not an object");
    if (!baselines.empty()) {
      for (const std::string& name : kBaselines) {
        if (!baselines.contains(name)) reader.wrong("baselines", "lacks " + name);
        row.scores.push_back(reader.scores(baselines[name], "baselines." + name, report.protocol.at));
      }
    }
    if (reader.row.contains("oracle")) row.oracle = reader.scores(reader.row["oracle"], "oracle", report.protocol.at);
    row.embeddings = embeddings_of(reader);
    if (!report.images.empty() && row.scores.size() != method_count(report)) {
      reader.wrong("baselines", "in some images only");
    }
    report.images.push_back(std::move(row));
  }
  if (value.contains("sets")) {
    report.sets = report_sets_from_json(value["sets"], where + ": sets");
    if (report.sets.size() != method_count(report)) fail("{}: sets: not of what the images are of", where);
  }
  return merge({report});
}

}  // namespace spinfill
