// SPDX-License-Identifier: Apache-2.0
#include "metrics/report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/text.h"
#include "data/sets/view_set.h"
#include "metrics/predictions.h"
#include "metrics/report_estimates.h"
#include "metrics/view_samples.h"

namespace spinfill {
namespace {

Json average_to_json(const Average& average, ScoredAt at) {
  Json value;
  value["images"] = average.images;
  value["foreground_images"] = average.counts[1];
  value.update(scores_to_json(average.mean, at));
  return value;
}

Json summary_to_json(const Summary& summary, ScoredAt at) {
  Json value;
  value["overall"] = average_to_json(summary.overall, at);
  for (const Grouping& grouping : summary.groupings) {
    Json& groups = value[grouping.name] = Json::object();
    for (const auto& [name, average] : grouping.groups) groups[name] = average_to_json(average, at);
  }
  return value;
}

Json interval_to_json(const Estimate& estimate) {
  return estimate.interval ? Json(*estimate.interval) : Json();
}

// {"psnr": [24.1, 26.3], …}: null where there is none.
Json intervals_to_json(const EvaluationReport& report, std::size_t method) {
  Json value;
  for (std::size_t k = 0; k < kMetrics; ++k)
    if (measured_at(report.protocol.at, k)) value[kMetricNames[k]] = interval_to_json(estimate_of(report, method, k));
  return value;
}

// {"psnr": {"difference": 0.4, "interval": [0.2, 0.6]}, …}
Json differences_to_json(const EvaluationReport& report, std::size_t baseline) {
  Json value;
  for (std::size_t k = 0; k < kMetrics; ++k) {
    if (!measured_at(report.protocol.at, k)) continue;
    const Estimate estimate = difference_from(report, baseline, k);
    value[kMetricNames[k]] = {{"difference", std::isfinite(estimate.mean) ? Json(estimate.mean) : Json()},
                              {"interval", interval_to_json(estimate)}};
  }
  return value;
}

Json azimuths(const std::vector<std::int64_t>& slots) {
  Json list = Json::array();
  for (const std::int64_t slot : slots) list.push_back(azimuth_of(slot));
  return list;
}

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

template <std::size_t N>
Json sums_to_json(const std::array<EvidenceErrors::Sum, N>& sums) {
  Json list = Json::array();
  for (const EvidenceErrors::Sum& sum : sums) list.push_back({sum.pixels, sum.squared_error});
  return list;
}

// What the photographs themselves reach, over the views that tell; null at the model's size and where none does.
Json consistency_of_photographs(const EvaluationReport& report) {
  double sum = 0;
  std::int64_t views = 0;
  for (const ImageRow& row : report.images) {
    if (!row.photo || !row.photo->consistency.absent.empty()) continue;
    sum += consistency_score(row.photo->consistency.photograph);
    ++views;
  }
  return views == 0 ? Json() : Json{{"mean", sum / static_cast<double>(views)}, {"images", views}};
}

double psnr_of(double squared_error) {
  return std::min(100.0, -10 * std::log10(std::max(squared_error, 1e-12)));
}

// {"seen": {"share": …, "psnr": …}, …}; null where no picture tells.
Json evidence_to_json(const EvidenceErrors& evidence) {
  Json out;
  for (std::size_t k = 0; k < kEvidenceNames.size(); ++k) {
    if (!std::isfinite(evidence.share(k))) return {};
    const double error = evidence.parts[k].mean();
    out[kEvidenceNames[k]] = {{"share", evidence.share(k)},
                              {"psnr", std::isfinite(error) ? Json(psnr_of(error)) : Json()}};
  }
  return out;
}

Json rows_to_json(const EvaluationReport& report) {
  const ScoredAt at = report.protocol.at;
  Json images = Json::array();
  for (const ImageRow& row : report.images) {
    Json entry;
    entry["id"] = row.id;
    entry["sample"] = row.sample;
    entry["azimuth_deg"] = azimuth_of(row.slot);
    entry["category"] = row.category;
    entry["case"] = row.case_name;
    entry["missing"] = row.missing();
    entry["references"] = azimuths(row.references);
    entry["targets"] = azimuths(row.targets);
    entry["truth_sha256"] = row.truth_sha256;
    if (!row.prediction_sha256.empty()) entry["prediction_sha256"] = row.prediction_sha256;
    if (row.photo) {
      entry["photo"] = {
          {"azimuth_deg", row.photo->azimuth_deg},
          {"crop", {row.photo->crop_width, row.photo->crop_height}},
          {"vehicle_share", row.photo->vehicle_share},
          {"aligned_by", {{"scale", row.photo->scale}, {"shift_px", {row.photo->shift_x, row.photo->shift_y}}}}};
      entry["photo"]["geometric_consistency"] = view_consistency_to_json(row.photo->consistency);
      if (const auto& evidence = row.photo->evidence)
        entry["photo"]["evidence"] = {{"parts", sums_to_json(evidence->parts)},
                                      {"by_mirrored", sums_to_json(evidence->by_mirrored)},
                                      {"by_invented", sums_to_json(evidence->by_invented)}};
    }
    entry.update(scores_to_json(row.scores.at(0), at));
    for (const Scores& sample : row.samples) entry["samples"].push_back(scores_to_json(sample, at));
    Json& others = entry["baselines"] = Json::object();
    for (std::size_t i = 1; i < row.scores.size(); ++i)
      others[kBaselines.at(i - 1)] = scores_to_json(row.scores[i], at);
    images.push_back(std::move(entry));
  }
  return images;
}

std::vector<std::string> method_names(const EvaluationReport& report) {
  std::vector<std::string> names = {"model"};
  for (std::size_t i = 1; i < method_count(report); ++i) names.push_back(kBaselines.at(i - 1));
  return names;
}

}  // namespace

Json scores_to_json(const Scores& scores, ScoredAt at) {
  Json value;
  for (std::size_t k = 0; k < kMetrics; ++k) {
    if (measured_at(at, k)) value[kMetricNames[k]] = std::isfinite(scores[k]) ? Json(scores[k]) : Json();
  }
  return value;
}

Json report_to_json(const EvaluationReport& report) {
  Json value;
  value["protocol"] = protocol_to_json(report.protocol);
  value["model"] = report.model;
  if (const std::string hash = predictions_sha256(report.images); !hash.empty())
    value["predictions"] = {{"sha256", hash}, {"kept", report.keeps_predictions}};
  const std::size_t methods = method_count(report);
  const ScoredAt at = report.protocol.at;
  if (methods > 0) {
    value.update(summary_to_json(summarise(report), at));
    value["overall"]["intervals"] = intervals_to_json(report, 0);
    if (const Json samples = view_samples_to_json(report); !samples.is_null()) value["overall"]["samples"] = samples;
  }
  if (const Json evidence = evidence_to_json(evidence_of(report)); !evidence.is_null()) value["by_evidence"] = evidence;
  if (Json photographs = consistency_of_photographs(report); !photographs.is_null())
    value["geometric_consistency_of_photographs"] = std::move(photographs);
  Json& baselines = value["baselines"] = Json::object();
  for (std::size_t i = 1; i < methods; ++i) {
    Json& baseline = baselines[kBaselines.at(i - 1)] = summary_to_json(summarise(report, i), at);
    baseline["overall"]["intervals"] = intervals_to_json(report, i);
    baseline["model_differs_by"] = differences_to_json(report, i);
  }
  value["images"] = rows_to_json(report);
  return value;
}

Json share_to_json(const EvaluationReport& report) {
  return {{"protocol", protocol_to_json(report.protocol)}, {"images", rows_to_json(report)}};
}

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
    if (!report.images.empty() && row.scores.size() != method_count(report)) {
      reader.wrong("baselines", "in some images only");
    }
    report.images.push_back(std::move(row));
  }
  return merge({report});
}

void write_report(const std::filesystem::path& path, const EvaluationReport& report) {
  if (report.images.empty()) fail("{}: no target view was scored; the split is empty", path.string());
  write_json_atomic(path, report_to_json(report));
}

std::string aligned_table(std::vector<std::vector<std::string>> rows) {
  for (auto& row : rows) {
    for (std::string& cell : row) cell = escaped(cell);  // names come from files
  }
  // UTF-8: continuation bytes take no column.
  const auto columns_of = [](const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  };
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], columns_of(row[c]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - columns_of(row[c]), ' ');
      if (c == 0) line += row[c] + padding;
      if (c > 0) line += "  " + padding + row[c];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

int score_decimals(std::size_t metric) {
  switch (plain_metric(metric)) {
    case 0:
    case 1:
    case kGradientPsnr:
    case kDetailPsnr:
    case kBoundary: return 2;
    case kL2: return 5;
    default: return 4;
  }
}

std::string score_text(std::size_t metric, double value) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, score_decimals(metric)) : "–";
}

namespace {

// "96×64 px", or what was scored of photographs.
std::string size_text(const EvaluationReport& report) {
  const Protocol& p = report.protocol;
  if (p.at == ScoredAt::model) return fmt::format("{}×{} px", p.width, p.height);
  std::int64_t least = std::numeric_limits<std::int64_t>::max(), most = 0;
  double share = 0;
  for (const ImageRow& row : report.images) {
    least = std::min(least, row.photo->crop_width);
    most = std::max(most, row.photo->crop_width);
    share += row.photo->vehicle_share;
  }
  return fmt::format(
      "photographs at their own size and azimuth, on the vehicle's box of {} to {} px width; the vehicle "
      "covers {:.0f} % of a photograph",
      least, most, 100 * share / static_cast<double>(report.images.size()));
}

}  // namespace

std::string report_head(const EvaluationReport& report) {
  const Protocol& p = report.protocol;
  std::string head =
      fmt::format("{}, {}: {} vehicles, {} reference subsets, {} target views of {}{}\n", escaped(p.data),
                  p.split == kNoSplits ? p.split : "split " + escaped(p.split), p.vehicles, p.subset_count, p.images,
                  size_text(report), p.cameras.empty() ? "" : "; " + escaped(p.cameras));
  head += fmt::format(
      "background {:.3g} {:.3g} {:.3g}, {}, per image, then averaged; foreground = weighted by the "
      "truth's alpha\n",
      p.background[0], p.background[1], p.background[2], p.round_to_8_bits ? "rounded to 8 bits" : "not rounded");
  if (!p.conditions.empty()) head += p.conditions + "\n";
  if (!p.sampler.empty()) head += fmt::format("sampler {}, {} steps\n", p.sampler, p.steps);
  if (!p.ssim_absent.empty()) head += fmt::format("SSIM absent: {}\n", p.ssim_absent);
  if (p.lpips_net.empty()) {
    head += fmt::format("LPIPS absent: {}\n", escaped(p.lpips_absent));
  } else {
    head += fmt::format("LPIPS v0.1, net {}, weights {}{}\n", p.lpips_net, p.lpips_sha256.substr(0, 12),
                        report.model.contains("lpips_in_loss") ? " (LPIPS was a part of this model's loss)" : "");
  }

  if (!p.dists_sha256.empty()) head += fmt::format("DISTS, weights {}\n", p.dists_sha256.substr(0, 12));
  if (!p.identity.is_null())
    head += fmt::format("identity by {}, {}\n", escaped(p.identity.value("file", "?")),
                        p.identity.value("sha256", "?").substr(0, 12));

  if (const Json evidence = evidence_to_json(evidence_of(report)); !evidence.is_null()) {
    std::vector<std::string> parts;
    for (const char* name : kEvidenceNames) {
      const Json& part = evidence[name];
      parts.push_back(
          fmt::format("{} {:.1f} %{}", name, 100 * part["share"].get<double>(),
                      part["psnr"].is_null() ? "" : fmt::format(" at {:.2f} dB", part["psnr"].get<double>())));
    }
    head += fmt::format("pixels of the model's pictures: {}\n", fmt::join(parts, ", "));
  }
  if (const Json photographs = consistency_of_photographs(report); !photographs.is_null())
    head += fmt::format("geometric consistency of the photographs themselves: {:.4f} (of {} views)\n",
                        photographs["mean"].get<double>(), photographs["images"].get<std::int64_t>());
  return head;
}

std::string report_table(const EvaluationReport& report) {
  if (report.images.empty()) return "no target view was scored\n";
  const Protocol& p = report.protocol;
  std::vector<Summary> summaries;
  for (std::size_t i = 0; i < method_count(report); ++i) summaries.push_back(summarise(report, i));
  std::vector<std::vector<std::string>> rows = {{""}};
  for (const std::string& name : method_names(report)) rows[0].push_back(name);
  const std::size_t methods = method_count(report);
  rows[0].push_back("model, 95 %");
  if (methods > 1) rows[0].push_back("model − " + kBaselines.at(methods - 2));
  const auto add = [&](const std::string& title, const auto& average_of) {
    rows.push_back({fmt::format("{} ({})", title, average_of(summaries[0]).images)});
    for (std::size_t k = 0; k < kMetrics; ++k) {
      if (!measured_at(p.at, k) || (needs_lpips(k) && p.lpips_net.empty())) continue;
      if ((is_identity(k) && p.identity.is_null()) || (k == kDists && p.dists_sha256.empty())) continue;
      if (!is_head(k) && plain_metric(k) < kPictureMetrics && title != "overall") continue;
      rows.push_back({std::string("  ") + kMetricLabels[k]});
      for (const Summary& summary : summaries) rows.back().push_back(score_text(k, average_of(summary).mean[k]));
      if (title != "overall") continue;
      rows.back().push_back(interval_text(estimate_of(report, 0, k), k, /*with_sign=*/false));
      if (methods > 1) rows.back().push_back(interval_text(difference_from(report, methods - 1, k), k, true));
    }
  };
  add("overall", [](const Summary& s) -> const Average& { return s.overall; });
  for (std::size_t g = 0; g < summaries[0].groupings.size(); ++g) {
    const Grouping& grouping = summaries[0].groupings[g];
    const bool missing = grouping.name == "by_missing";
    const bool categories = grouping.name == "by_category" && grouping.groups.size() > 1;
    if (!missing && !categories && grouping.name != "by_case") continue;
    for (std::size_t i = 0; i < grouping.groups.size(); ++i) {
      const std::string& name = grouping.groups[i].first;
      add(missing ? name + " missing" : name,
          [g, i](const Summary& s) -> const Average& { return s.groupings[g].groups[i].second; });
    }
  }
  const std::string samples = view_samples_table(report);
  return report_head(report) + "\n" + aligned_table(rows) + (samples.empty() ? "" : "\n" + samples);
}

}  // namespace spinfill
