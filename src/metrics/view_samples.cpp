// SPDX-License-Identifier: Apache-2.0
#include "metrics/view_samples.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "metrics/report.h"
#include "metrics/summary.h"

namespace spinfill {
namespace {

// Of the values that are not NaN, added in the order in which they come.
class Mean {
 public:
  void add(double value) {
    if (std::isnan(value)) return;
    sum_ += value;
    ++count_;
  }
  double value() const {
    return count_ > 0 ? sum_ / static_cast<double>(count_) : std::numeric_limits<double>::quiet_NaN();
  }

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
};

double deviation_of(const ImageRow& row, std::size_t metric) {
  double squares = 0;
  for (const Scores& sample : row.samples) {
    const double from_mean = sample[metric] - row.scores.front()[metric];
    squares += from_mean * from_mean;
  }
  return std::sqrt(squares / static_cast<double>(row.samples.size() - 1));
}

double best_of(const ImageRow& row, std::size_t metric) {
  double best = row.samples.front()[metric];
  for (const Scores& sample : row.samples)
    if (higher_is_better(metric) ? sample[metric] > best : sample[metric] < best) best = sample[metric];
  return best;
}

bool same_samples(const ImageRow& row, std::size_t metric) {
  return std::ranges::all_of(row.samples, [&](const Scores& sample) {
    const double first = row.samples.front()[metric];
    return sample[metric] == first || (std::isnan(sample[metric]) && std::isnan(first));
  });
}

}  // namespace

std::optional<ViewSamples> view_samples(const EvaluationReport& report) {
  const auto count = static_cast<std::size_t>(report.protocol.samples);
  if (count < 2 || report.images.empty()) return std::nullopt;
  ViewSamples out;
  out.each.resize(count);
  for (std::size_t k = 0; k < kMetrics; ++k) {
    Mean deviation, best;
    std::vector<Mean> each(count);
    for (const ImageRow& row : report.images) {
      out.alike = out.alike && same_samples(row, k);
      deviation.add(deviation_of(row, k));
      best.add(best_of(row, k));
      for (std::size_t s = 0; s < count; ++s) each[s].add(row.samples.at(s)[k]);
    }
    out.deviation[k] = deviation.value();
    out.best[k] = best.value();
    for (std::size_t s = 0; s < count; ++s) out.each[s][k] = each[s].value();
  }
  return out;
}

Json view_samples_to_json(const EvaluationReport& report) {
  const std::optional<ViewSamples> samples = view_samples(report);
  if (!samples) return {};
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  const std::size_t count = samples->each.size();
  const Average mean = summarise(report).overall;
  Json out;
  out["count"] = count;
  for (std::size_t s = 0; s < count; ++s) out["seeds"].push_back(report.protocol.sampling_seed + s);
  out["alike"] = samples->alike;
  for (std::size_t k = 0; k < kMetrics && !samples->alike; ++k) {
    if (!measured_at(report.protocol.at, k)) continue;
    Json& of = out[kMetricNames[k]];
    of["mean"] = number(mean.mean[k]);
    of["deviation"] = number(samples->deviation[k]);
    of[fmt::format("best_of_{}", count)] = number(samples->best[k]);
    for (const Scores& scores : samples->each) of["each"].push_back(number(scores[k]));
  }
  return out;
}

std::string view_samples_table(const EvaluationReport& report) {
  const std::optional<ViewSamples> samples = view_samples(report);
  if (!samples) return {};
  const std::size_t count = samples->each.size();
  const std::uint64_t first = report.protocol.sampling_seed;
  const std::string head = fmt::format("{} samples of each view, seeds {} to {}", count, first, first + count - 1);
  if (samples->alike)
    return head + ": all have the same scores, so nothing is drawn here; the model's scores are those of one\n";
  std::vector<std::vector<std::string>> rows = {
      {"", "mean", "deviation of a view", fmt::format("best of {}", count), "means of single seeds"}};
  const Average mean = summarise(report).overall;
  for (std::size_t k = 0; k < kMetrics; ++k) {
    if (!std::isfinite(mean.mean[k])) continue;
    const auto [low, high] =
        std::ranges::minmax(samples->each, [k](const Scores& a, const Scores& b) { return a[k] < b[k]; });
    rows.push_back({kMetricLabels[k], score_text(k, mean.mean[k]), score_text(k, samples->deviation[k]),
                    score_text(k, samples->best[k]),
                    fmt::format("{} to {}", score_text(k, low[k]), score_text(k, high[k]))});
  }
  return head + ": the model's scores above are means over them\n\n" + aligned_table(rows);
}

}  // namespace spinfill
