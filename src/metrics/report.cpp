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
#include "metrics/report_sets.h"
#include "metrics/summary.h"
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

template <std::size_t N>
Json sums_to_json(const std::array<EvidenceErrors::Sum, N>& sums) {
  Json list = Json::array();
  for (const EvidenceErrors::Sum& sum : sums) list.push_back({sum.pixels, sum.squared_error});
  return list;
}

double psnr_of(double squared_error) {
  return std::min(100.0, -10 * std::log10(std::max(squared_error, 1e-12)));
}

enum class With { nothing, embeddings };

Json rows_to_json(const EvaluationReport& report, With with = With::nothing) {
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
    if (row.oracle) entry["oracle"] = scores_to_json(*row.oracle, at);
    if (with == With::embeddings)
      for (const auto& embedding : row.embeddings) entry["embeddings"].push_back(embedding_text(embedding));
    images.push_back(std::move(entry));
  }
  return images;
}

}  // namespace

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
  if (const auto oracle = summarise_oracle(report)) value["oracle"] = summary_to_json(*oracle, at);
  if (Json sets = report_sets_to_json(report); !sets.is_null()) value["sets"] = std::move(sets);
  value["images"] = rows_to_json(report);
  return value;
}

Json share_to_json(const EvaluationReport& report) {
  return {{"protocol", protocol_to_json(report.protocol)}, {"images", rows_to_json(report, With::embeddings)}};
}

void write_report(const std::filesystem::path& path, const EvaluationReport& report) {
  if (report.images.empty()) fail("{}: no target view was scored; the split is empty", path.string());
  write_json_atomic(path, report_to_json(report));
}

}  // namespace spinfill
