// SPDX-License-Identifier: Apache-2.0
#include "metrics/mlflow.h"

#include <cmath>
#include <string>

#include <fmt/ranges.h>

#include "core/log.h"
#include "metrics/predictions.h"
#include "metrics/report_estimates.h"
#include "metrics/summary.h"

namespace spinfill {
namespace {

constexpr std::size_t kMostMetrics = 900;  // of the 1000 entries that a request may have
constexpr std::size_t kMostText = 5000;    // bytes of a tag that every storage takes

// Letters that MLflow takes in a key.
std::string key_of(std::string name) {
  for (char& c : name) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                      c == '-' || c == '.' || c == '/' || c == ' ';
    if (!fine) c = '_';
  }
  return name;
}

class BatchWriter {
 public:
  BatchWriter(const char* source, const Json& model, MlflowTime time)
      : time_(std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count()) {
    const Json step = model.is_object() ? model.value("step", Json()) : Json();
    if (step.is_number_integer()) step_ = step.get<std::int64_t>();
    tag("spinfill.source", source);
    if (!model.is_object()) return;
    for (const auto& [key, value] : model.items())
      if (value.is_string()) tag("model." + key, value.get<std::string>());
  }
  void tag(const std::string& key, std::string value) { put(tags_, key, std::move(value)); }
  void param(const std::string& key, std::string value) { put(params_, key, std::move(value)); }
  void metric(const std::string& key, double value) {
    if (!std::isfinite(value)) return;
    metrics_.push_back({{"key", key_of(key)}, {"value", value}, {"timestamp", time_}, {"step", step_}});
  }
  void estimate(const std::string& key, const Estimate& estimate) {
    metric(key, estimate.mean);
    if (!estimate.interval) return;
    metric(key + "_low", (*estimate.interval)[0]);
    metric(key + "_high", (*estimate.interval)[1]);
  }
  std::size_t metrics() const { return metrics_.size(); }
  Json json() && {
    return {{"tags", std::move(tags_)}, {"params", std::move(params_)}, {"metrics", std::move(metrics_)}};
  }

 private:
  static void put(Json& list, const std::string& key, std::string value) {
    if (value.empty()) return;
    if (value.size() > kMostText) {
      std::size_t end = kMostText - 3;
      while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;  // not within a letter
      value = value.substr(0, end) + "...";
    }
    list.push_back({{"key", key_of(key)}, {"value", std::move(value)}});
  }

  std::int64_t time_, step_ = 0;
  Json tags_ = Json::array(), params_ = Json::array(), metrics_ = Json::array();
};

void add_protocol(BatchWriter& batch, const Protocol& p) {
  batch.param("protocol.at", std::string(name_of(p.at)));
  batch.param("protocol.split", p.split);
  batch.param("protocol.subsets", p.subsets);
  batch.param("protocol.subsets_sha256", p.subsets_sha256);
  batch.param("protocol.truth_sha256", p.truth_sha256);
  batch.param("protocol.cameras", p.cameras);
  batch.param("protocol.lpips_net", p.lpips_net);
  batch.param("protocol.vehicles", std::to_string(p.vehicles));
  batch.param("protocol.images", std::to_string(p.images));
  batch.tag("protocol.data", p.data);
  batch.tag("protocol.conditions", p.conditions);
  batch.tag("protocol.sampler", fmt::format("{}, {} steps, seed {}", p.sampler, p.steps, p.sampling_seed));
}

}  // namespace

Json mlflow_batch(const EvaluationReport& report, MlflowTime time) {
  BatchWriter batch("spinfill evaluate --mlflow", report.model, time);
  batch.tag("predictions_sha256", predictions_sha256(report.images));
  add_protocol(batch, report.protocol);
  const std::size_t methods = method_count(report);
  for (std::size_t k = 0; k < kMetrics; ++k) {
    batch.estimate(kMetricNames[k], estimate_of(report, 0, k));
    if (methods > 1)
      batch.estimate(fmt::format("{}_minus_{}", kMetricNames[k], kBaselines.at(methods - 2)),
                     difference_from(report, methods - 1, k));
  }
  const Summary summary = summarise(report);
  std::size_t groups = 0;
  for (const Grouping& grouping : summary.groupings) groups += grouping.groups.size();
  if (batch.metrics() + groups * kHeadMetrics > kMostMetrics) {
    log_info("mlflow: {} groups are more than one request takes; it holds the scores overall alone", groups);
    return std::move(batch).json();
  }
  for (const Grouping& grouping : summary.groupings)
    for (const auto& [name, average] : grouping.groups)
      for (std::size_t k = 0; k < kHeadMetrics; ++k)
        batch.metric(fmt::format("{}/{}/{}", grouping.name, name, kMetricNames[k]), average.mean[k]);
  return std::move(batch).json();
}

Json mlflow_batch(const Comparison& comparison, const Json& model, MlflowTime time) {
  BatchWriter batch("spinfill compare --mlflow", model, time);
  batch.tag("compare.old", comparison.before_name);
  batch.tag("compare.new", comparison.after_name);
  batch.tag("compare.result", comparison.regressions.empty() ? "not worse" : "worse");
  batch.tag("compare.regressions", fmt::format("{}", fmt::join(comparison.regressions, "; ")));
  batch.metric("compare/regressions", static_cast<double>(comparison.regressions.size()));
  for (const std::size_t k : comparison.shown) {
    const Effect& effect = comparison.groups.front().effects[k];
    if (!effect.before || !effect.after) continue;
    batch.tag("compare.verdict." + kMetricNames[k], std::string(name_of(effect.verdict)));
    if (effect.difference.vehicles > 0) {
      batch.estimate("compare/" + kMetricNames[k], effect.difference);
    } else {  // no target view is in both
      batch.metric("compare/" + kMetricNames[k], *effect.after - *effect.before);
    }
  }
  return std::move(batch).json();
}

}  // namespace spinfill
