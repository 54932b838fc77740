// SPDX-License-Identifier: Apache-2.0
#include "pages/extreme_views.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/files/json.h"
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
  if (baseline)
    view.facts += fmt::format(" ({}: {})", kBaselines[*baseline - 1], scores_in_words(row.scores[*baseline]));
  view.facts +=
      fmt::format("; {} missing, given {}; {}; sample {}", row.missing(),
                  given.empty() ? "nothing" : fmt::format("{}°", fmt::join(given, "° ")), row.case_name, row.sample);
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
    view.shots.push_back(
        shot_of("seen, mirrored, invented", crop(evidence_map(shares, scored.pictures.front()[slot]))));
  if (baseline) view.shots.push_back(shot_of(kBaselines[*baseline - 1], crop(scored.pictures[*baseline][slot])));
  return view;
}

}  // namespace

namespace {

// How a row ranks among the worst; none without the score.
std::optional<RankedViews::View> ranked(const ImageRow& row, std::size_t metric) {
  const double score = row.scores.front()[metric];
  if (!std::isfinite(score)) return std::nullopt;
  return RankedViews::View{higher_is_better(metric) ? score : -score, row.id, row.slot, row.sample};
}

RankedViews::View from_the_other_end(RankedViews::View view) {
  view.rank = -view.rank;
  return view;
}

fs::path file_of(const fs::path& folder, const RankedViews::View& view) {
  return folder / fmt::format("{}-{:03}.json", view.sample, azimuth_of(view.slot));
}

GalleryView drawn(const fs::path& folder, const RankedViews::View& view) {
  const fs::path path = file_of(folder, view);
  try {
    return gallery_view_from_json(read_json(path), path.string());
  } catch (const Error& error) {
    return {fmt::format("{} at {}°", view.id, azimuth_of(view.slot)), "", {{"no pictures", {}, error.what()}}};
  }
}

}  // namespace

bool RankedViews::View::before(const View& other) const {
  return std::tie(rank, id, slot, sample) < std::tie(other.rank, other.id, other.slot, other.sample);
}

bool RankedViews::offer(View view, std::optional<View>& dropped) {
  const auto same = std::ranges::find_if(views_, [&](const View& v) { return v.same_place(view); });
  if (same != views_.end()) {
    if (!view.before(*same)) return false;
    dropped = *same;
    views_.erase(same);
  } else if (views_.size() == most_) {
    if (!view.before(views_.back())) return false;
    dropped = views_.back();
    views_.pop_back();
  }
  const auto place = std::ranges::find_if(views_, [&](const View& v) { return view.before(v); });
  views_.insert(place, std::move(view));
  return true;
}

bool RankedViews::holds(const View& view) const {
  return std::ranges::any_of(views_, [&](const View& v) { return v.same_place(view) && v.sample == view.sample; });
}

ExtremeViews::ExtremeViews(std::size_t metric, fs::path folder, std::size_t most)
    : metric_(metric), folder_(std::move(folder)), worst_(most), best_(most) {}

void ExtremeViews::add(const BatchScored& scored) {
  for (const ImageRow& row : scored.rows) add(row, [&] { return view_of(scored, row, metric_); });
}

void ExtremeViews::add(const PhotoScored& scored) {
  for (const ImageRow& row : scored.rows) add(row, [&] { return view_of(scored, row, metric_); });
}

void ExtremeViews::add(const ImageRow& row, const std::function<GalleryView()>& draw) {
  const auto view = ranked(row, metric_);
  if (!view) return;
  std::optional<RankedViews::View> of_worst, of_best;
  const bool among_worst = worst_.offer(*view, of_worst), among_best = best_.offer(from_the_other_end(*view), of_best);
  if (among_worst || among_best) {
    make_folder(folder_);
    write_json_atomic(file_of(folder_, *view), to_json(draw()));
  }
  for (const auto& dropped : {of_worst, of_best})
    if (dropped && !worst_.holds(*dropped) && !best_.holds(*dropped)) fs::remove(file_of(folder_, *dropped));
}

ReportPictures extreme_views(const EvaluationReport& report, std::size_t metric, const fs::path& folder,
                             std::size_t most) {
  RankedViews worst(most), best(most);
  std::optional<RankedViews::View> dropped;
  for (const ImageRow& row : report.images) {
    const auto view = ranked(row, metric);
    if (!view) continue;
    worst.offer(*view, dropped);
    best.offer(from_the_other_end(*view), dropped);
  }
  ReportPictures out{kMetricLabels[metric], {}, {}};
  for (const RankedViews::View& view : worst.views()) out.worst.push_back(drawn(folder, view));
  for (const RankedViews::View& view : best.views()) {
    const bool shown =
        std::ranges::any_of(worst.views(), [&](const RankedViews::View& v) { return v.same_place(view); });
    if (!shown) out.best.push_back(drawn(folder, view));
  }
  return out;
}

}  // namespace spinfill
