// SPDX-License-Identifier: Apache-2.0
#include "pages/compared_views.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "core/error.h"
#include "metrics/photo/photo_evaluation.h"
#include "metrics/predictions.h"
#include "metrics/report.h"
#include "pages/shown_pictures.h"

namespace spinfill {
namespace {

// The most changed view of each vehicle and azimuth, those of the greatest change first; `sign` −1: of the least.
std::vector<const ComparedImage*> most_changed(const Comparison& comparison, std::size_t metric, double sign,
                                               std::size_t most) {
  std::vector<const ComparedImage*> views;
  for (const ComparedImage& image : comparison.images) {
    const auto worse = image.worsening(metric);
    if (worse && sign * *worse > 0) views.push_back(&image);
  }
  std::ranges::stable_sort(views, std::greater<>(),
                           [&](const ComparedImage* image) { return sign * *image->worsening(metric); });
  std::set<std::pair<std::string, std::int64_t>> known;
  std::erase_if(views, [&](const ComparedImage* i) { return !known.insert({i->id, i->azimuth_deg}).second; });
  if (views.size() > most) views.resize(most);
  return views;
}

std::string facts_of(const ComparedImage& image, std::size_t metric) {
  const auto told = [&](std::size_t k) {
    return fmt::format("{} {} → {} ({:+.{}f})", kMetricLabels[k], score_text(k, *image.before[k]),
                       score_text(k, *image.after[k]), *image.after[k] - *image.before[k], score_decimals(k));
  };
  std::string facts = told(metric);
  for (const std::size_t k : {std::size_t{0}, kLpips})
    if (k != metric && image.worsening(k)) facts += ", " + told(k);
  return facts + fmt::format("; {} missing, sample {}", image.missing, image.sample);
}

std::vector<GalleryShot> shots_of(const ComparedImage& image, ScoredAt at, const ReportFolders& folders) {
  const auto prediction = [&](const fs::path& report, const std::string& sha256) {
    return read_prediction(report, image.id, image.sample, image.azimuth_deg, at, sha256);
  };
  const cv::Mat truth = read_truth(folders.after, image.id, image.azimuth_deg, at),
                before = prediction(folders.before, image.before_sha256),
                after = prediction(folders.after, image.after_sha256);
  if (before.size() != truth.size() || after.size() != truth.size())
    fail("{}: the kept pictures are not of one size", image.id);
  const cv::Rect box = at == ScoredAt::photo ? scored_box(truth) : cv::Rect({0, 0}, truth.size());
  if (box.empty()) fail("{}: nothing of the true picture is covered", image.id);
  const cv::Mat shown = shown_picture(truth, box, kShotWidth), old_shown = shown_picture(before, box, kShotWidth),
                new_shown = shown_picture(after, box, kShotWidth);
  return {shot_of("truth", shown), shot_of("old", old_shown), shot_of("new", new_shown),
          shot_of("old error", error_map(old_shown, shown)), shot_of("new error", error_map(new_shown, shown))};
}

std::vector<GalleryView> views_of(const std::vector<const ComparedImage*>& images, std::size_t metric, ScoredAt at,
                                  const ReportFolders& folders) {
  std::vector<GalleryView> out;
  for (const ComparedImage* image : images) {
    GalleryView view{fmt::format("{} at {}°", image->id, image->azimuth_deg), facts_of(*image, metric), {}};
    try {
      view.shots = shots_of(*image, at, folders);
    } catch (const Error& error) {
      view.shots = {{"no pictures", {}, error.what()}};
    }
    out.push_back(std::move(view));
  }
  return out;
}

}  // namespace

ComparedViews compared_views(const Comparison& comparison, std::size_t metric, const ReportFolders& folders,
                             std::size_t most) {
  ComparedViews out;
  for (const auto& [kept, name] : {std::pair{comparison.before_kept, &comparison.before_name},
                                   std::pair{comparison.after_kept, &comparison.after_name}}) {
    if (!kept)
      out.absent = fmt::format(
          "No pictures: {} keeps no predictions. Made by spinfill evaluate --save-predictions, both reports have them, "
          "and this page shows the views that got worst, old beside new.",
          *name);
  }
  if (!out.absent.empty()) return out;
  out.worst = views_of(most_changed(comparison, metric, 1, most), metric, comparison.at, folders);
  out.best = views_of(most_changed(comparison, metric, -1, most), metric, comparison.at, folders);
  return out;
}

}  // namespace spinfill
