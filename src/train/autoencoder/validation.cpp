// SPDX-License-Identifier: Apache-2.0
#include "train/autoencoder/validation.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/side_by_side.h"
#include "core/signals.h"
#include "core/stopwatch.h"
#include "data/open_data_set.h"
#include "data/pictures/picture.h"
#include "metrics/image_metrics.h"
#include "metrics/picture_scores.h"
#include "metrics/picture_size.h"
#include "metrics/predictions.h"
#include "metrics/report.h"
#include "pages/picture_grid.h"
#include "pages/shown_pictures.h"
#include "run/run_paths.h"
#include "train/step/threads.h"

namespace spinfill {
namespace {

// Where a picture is kept as it was before step 1: the name of a view is an id and an azimuth.
fs::path picture_before(const fs::path& run, const std::string& name) {
  return run / "before" / (name + ".png");
}

cv::Mat read_rgb(const fs::path& path) {
  const cv::Mat rgba = read_picture(path);
  return on_plain_ground(rgba, rgba.size(), cv::Scalar::all(255));
}

// Truth, before, now and both errors. A resumed run whose split val is another one has no pictures before of what is
// new in it: those are left out.
void draw(const std::map<std::int64_t, std::pair<cv::Mat, cv::Mat>>& shown, const PictureCrops& pictures,
          std::int64_t step, const fs::path& run) {
  std::vector<PictureGridRow> rows;
  for (const auto& [picture, made] : shown) {
    const auto& [truth, now] = made;
    const std::string name = pictures.name(picture);
    const fs::path kept = picture_before(run, name);
    if (step == 0) {
      make_folder(kept.parent_path());
      write_png(kept, now);
    }
    if (!fs::exists(kept)) continue;
    const cv::Mat before = read_rgb(kept);
    if (before.size() != truth.size()) continue;
    rows.push_back({name, {truth, before, now, error_map(before, truth), error_map(now, truth)}});
  }
  if (rows.empty()) return;
  const std::string error = fmt::format("(bright: {:g})", kErrorScale);
  draw_picture_grid(rows, {"truth", "before", "now", "error before " + error, "error now"},
                    run_samples_path(run) / (sample_prefix(step) + "0.png"));
}

}  // namespace

AutoencoderValidation::AutoencoderValidation(const AutoencoderRunConfig& config, at::Device device)
    : config_(config), device_(device) {
  if (config.train.validate_every == 0) return;
  if (const std::string why = why_no_split(config.data.path, "val"); !why.empty()) {
    if (config.train.result == AutoencoderChoice::best)
      fail_usage("train.result is best, which validation tells, but {}", why);
    log_warning("{}; the training goes on without validation", why);
    return;
  }
  DataSet set = open_data_set(config.data.path, "val", config.data.links());
  if (config.train.validation_sets > 0 && config.train.validation_sets < set.size()) {
    std::vector<std::int64_t> first(static_cast<std::size_t>(config.train.validation_sets));
    std::iota(first.begin(), first.end(), 0);
    set = set.chosen(first);
  }
  lpips_ = choose_lpips(config.evaluation.lpips, at::kCPU);
  if (!lpips_.lpips) log_info("no LPIPS: {}", lpips_.absent);
  pictures_ = std::make_unique<PictureCrops>(set, config.data, static_cast<std::uint64_t>(config.seed));
  if (pictures_->pictures() == 0) fail("{}: split val holds no picture", config.data.path);
}

std::optional<AutoencoderScores> AutoencoderValidation::score(const AutoencoderFile& file, std::int64_t step,
                                                              const fs::path& run) const {
  const Stopwatch watch;
  const LatentAutoencoder autoencoder(file, device_);
  const std::int64_t count = pictures_->pictures(), grid = std::min(config_.train.sample_pictures, count);
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < grid; ++i) chosen.push_back(i * count / grid);
  struct Seen {
    PictureScore score;
    cv::Mat truth, now;
  };
  PictureScores all;
  std::map<std::int64_t, std::pair<cv::Mat, cv::Mat>> shown;
  Progress progress("validation", count, "pictures");
  TrainConfig threads;
  threads.threads = config_.train.threads;
  const std::int64_t at_once = device_.is_cpu() ? micro_batches_at_once(threads, processors(), count) : 1;
  for (std::int64_t first = 0; first < count; first += at_once) {
    if (StopSignals::requested()) return std::nullopt;
    auto some = side_by_side(static_cast<std::size_t>(std::min(at_once, count - first)), [&](std::size_t i) {
      const at::NoGradGuard no_grad;
      const std::int64_t picture = first + static_cast<std::int64_t>(i);
      const PicturePart whole = pictures_->whole(picture);
      const at::Tensor truth = rounded_to_8_bits(whole.colour);
      const at::Tensor back = there_and_back(autoencoder, whole.colour.unsqueeze(0).to(device_)).to(at::kCPU);
      const at::Tensor now = rounded_to_8_bits(back);
      const Lpips* lpips = lpips_.lpips.get();
      const bool large = lpips != nullptr && too_small_for(*lpips, truth.size(2), truth.size(1)).empty();
      Seen seen{{pictures_->name(picture), "alpha",
                 score_pictures(now, truth, whole.coverage, large ? lpips : nullptr).front()},
                {},
                {}};
      if (std::ranges::find(chosen, picture) != chosen.end()) {
        seen.truth = rgb_picture(truth);
        seen.now = rgb_picture(now[0]);
      }
      return seen;
    });
    for (std::size_t i = 0; i < some.size(); ++i) {
      all.pictures.push_back(std::move(some[i].score));
      if (!some[i].truth.empty()) shown[first + static_cast<std::int64_t>(i)] = {some[i].truth, some[i].now};
    }
    progress.update(std::ssize(all.pictures));
  }
  progress.finish();
  if (!shown.empty()) draw(shown, *pictures_, step, run);
  AutoencoderScores scores{step, count, all.average().mean, watch.seconds()};
  const auto text = [&](std::size_t metric) { return score_text(metric, scores.mean[metric]); };
  log_info("step {}: validation PSNR {} dB (foreground {}, details {}), SSIM {}, LPIPS {}, {:.1f} s", step, text(0),
           text(1), text(kDetailPsnr), text(2), text(kLpips), scores.seconds);
  return scores;
}

Json to_json(const AutoencoderScores& scores) {
  return {{"step", scores.step},
          {"validation", scores_to_json(scores.mean)},
          {"weights", "ema"},
          {"images", scores.images},
          {"validation_seconds", scores.seconds}};
}

}  // namespace spinfill
