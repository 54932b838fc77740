// SPDX-License-Identifier: Apache-2.0
#include "pages/extreme_views.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>

#include <fmt/ranges.h>

#include "metrics/predictions.h"
#include "metrics/report.h"
#include "pages/shown_pictures.h"

namespace spinfill {
namespace {

// "PSNR 21.40, SSIM 0.8123, LPIPS 0.0810"
std::string scores_in_words(const Scores& scores) {
  std::vector<std::string> parts;
  for (const std::size_t k : {std::size_t{0}, std::size_t{2}, kLpips})
    if (std::isfinite(scores[k])) parts.push_back(fmt::format("{} {}", kMetricLabels[k], score_text(k, scores[k])));
  return fmt::format("{}", fmt::join(parts, ", "));
}

// Of the row's methods after the model's; none where none has the score.
std::optional<std::size_t> best_baseline(const ImageRow& row, std::size_t metric) {
  std::optional<std::size_t> best;
  for (std::size_t m = 1; m < row.scores.size(); ++m) {
    const double score = row.scores[m][metric];
    if (!std::isfinite(score)) continue;
    if (!best || (higher_is_better(metric) ? score > row.scores[*best][metric] : score < row.scores[*best][metric]))
      best = m;
  }
  return best;
}

GalleryView named(const ImageRow& row, std::optional<std::size_t> baseline) {
  GalleryView view;
  view.title = fmt::format("{} at {}°", row.id, azimuth_of(row.slot));
  if (row.photo && row.photo->azimuth_deg != azimuth_of(row.slot))
    view.title += fmt::format(" (photographed at {:.4g}°)", row.photo->azimuth_deg);
  std::vector<std::int64_t> given;
  for (const std::int64_t slot : row.references) given.push_back(azimuth_of(slot));
  view.facts = scores_in_words(row.scores.front());
  if (baseline) view.facts += fmt::format(" ({}: {})", kBaselines[*baseline - 1], scores_in_words(row.scores[*baseline]));
  view.facts += fmt::format("; {} missing, given {}; {}; sample {}", row.missing(),
                            given.empty() ? "nothing" : fmt::format("{}°", fmt::join(given, "° ")), row.case_name,
                            row.sample);
  return view;
}

GalleryView view_of(const BatchScored& scored, const ImageRow& row, std::size_t metric) {
  const auto baseline = best_baseline(row, metric);
  GalleryView view = named(row, baseline);
  const cv::Mat truth = rgb_picture(scored.of(row, scored.batch.colour)),
                model = rgb_picture(scored.of(row, scored.pictures));
  view.shots = {shot_of("truth", truth), shot_of("model", model), shot_of("error", error_map(model, truth))};
  if (baseline) {
    const std::string& name = kBaselines[*baseline - 1];
    view.shots.push_back(shot_of(name, rgb_picture(scored.of(row, baseline_pictures(name, scored.batch)))));
  }
  return view;
}

GalleryView view_of(const PhotoScored& scored, const ImageRow& row, std::size_t metric) {
  const auto baseline = best_baseline(row, metric);
  GalleryView view = named(row, baseline);
  const auto slot = static_cast<std::size_t>(row.slot);
  const cv::Rect box = scored_box(scored.truths[slot]);
  const auto crop = [&](const cv::Mat& rgba) { return shown_picture(rgba, box, kShotWidth); };
  const cv::Mat truth = crop(scored.truths[slot]), model = crop(scored.pictures.front()[slot]);
  view.shots = {shot_of("truth", truth), shot_of("model", model), shot_of("error", error_map(model, truth))};
  if (const cv::Mat& shares = scored.shares[slot]; !shares.empty())
    view.shots.push_back(shot_of("seen, mirrored, invented", crop(evidence_map(shares, scored.pictures.front()[slot]))));
  if (baseline) view.shots.push_back(shot_of(kBaselines[*baseline - 1], crop(scored.pictures[*baseline][slot])));
  return view;
}

}  // namespace

bool ExtremeViews::Entry::before(const Entry& other) const {
  return std::tie(rank, id, slot, sample) < std::tie(other.rank, other.id, other.slot, other.sample);
}

ExtremeViews::ExtremeViews(std::size_t metric, std::size_t most) : metric_(metric), most_(most) {}

void ExtremeViews::add(const BatchScored& scored) {
  for (const ImageRow& row : scored.rows) add(row, [&] { return view_of(scored, row, metric_); });
}

void ExtremeViews::add(const PhotoScored& scored) {
  for (const ImageRow& row : scored.rows) add(row, [&] { return view_of(scored, row, metric_); });
}

void ExtremeViews::add(const ImageRow& row, const Make& make) {
  const double score = row.scores.front()[metric_];
  if (!std::isfinite(score)) return;
  const double goodness = higher_is_better(metric_) ? score : -score;
  offer(worst_, {goodness, row.id, row.slot, row.sample, {}}, make);
  offer(best_, {-goodness, row.id, row.slot, row.sample, {}}, make);
}

void ExtremeViews::offer(std::vector<Entry>& entries, Entry entry, const Make& make) const {
  const auto same = std::ranges::find_if(entries, [&](const Entry& e) { return e.id == entry.id && e.slot == entry.slot; });
  if (same != entries.end()) {
    if (!entry.before(*same)) return;
    entries.erase(same);
  } else if (entries.size() == most_ && !entry.before(entries.back())) {
    return;
  }
  entry.view = make();
  const auto place = std::ranges::find_if(entries, [&](const Entry& e) { return entry.before(e); });
  entries.insert(place, std::move(entry));
  if (entries.size() > most_) entries.pop_back();
}

std::vector<GalleryView> ExtremeViews::worst() const {
  std::vector<GalleryView> out;
  for (const Entry& entry : worst_) out.push_back(entry.view);
  return out;
}

std::vector<GalleryView> ExtremeViews::best() const {
  std::vector<GalleryView> out;
  for (const Entry& entry : best_) {
    const bool shown = std::ranges::any_of(worst_, [&](const Entry& e) { return e.id == entry.id && e.slot == entry.slot; });
    if (!shown) out.push_back(entry.view);
  }
  return out;
}

}  // namespace spinfill
