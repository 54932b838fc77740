// SPDX-License-Identifier: Apache-2.0
#include "train/validation.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/side_by_side.h"
#include "core/signals.h"
#include "core/stopwatch.h"
#include "data/open_data_set.h"
#include "metrics/evaluation.h"
#include "metrics/evaluation_set.h"
#include "metrics/image_metrics.h"
#include "metrics/picture_size.h"
#include "metrics/report.h"
#include "metrics/summary.h"
#include "model/sampling/generate.h"
#include "pages/sample_grid.h"
#include "run/run_paths.h"
#include "train/step/threads.h"

namespace spinfill {
namespace {

EvaluationReport of_all_ranks(const EvaluationReport& own, Ranks& ranks) {
  if (ranks.world() == 1) return own;
  std::vector<EvaluationReport> shares;
  const std::vector<std::string> texts = ranks.gather(own.images.empty() ? "" : share_to_json(own).dump());
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    if (!texts[rank].empty())
      shares.push_back(report_from_json(Json::parse(texts[rank]), fmt::format("validation of rank {}", rank)));
  }
  return merge(shares);
}

}  // namespace

struct Validation::State {
  RunConfig config;
  at::Device device;
  Ranks& ranks;
  LpipsChoice lpips{};
  struct Part {
    EvaluationSet set;
    std::vector<Batch> batches;               // of this rank, kept once made
    std::int64_t at_once = 1;                 // how many run side by side
    std::vector<at::Tensor> of_teacher = {};  // its pictures of each batch, [B,V,3,H,W]; or none
  };
  std::optional<Part> own{}, replay{};
  void prepare(Part& part, const char* what) const;
  void let_sample(const Teacher& teacher, Part& part) const;
  // Empty where a rank was asked to stop meanwhile.
  std::optional<EvaluationReport> score(const Part& part, const Denoiser& denoiser,
                                        const EvaluateOptions& options) const;
};

namespace {

DataConfig replayed(const DataConfig& data) {
  DataConfig old = data;
  old.path = data.replay.path;
  return old;
}

}  // namespace

void Validation::State::prepare(Part& part, const char* what) const {
  const std::vector<std::int64_t> share = share_of(part.set.all_batches(), ranks.rank(), ranks.world());
  const std::int64_t own_batches = std::ssize(share);
  Progress progress(what, own_batches, "batches");
  if (device.is_cpu()) part.at_once = micro_batches_at_once(config.train, processors(), own_batches);
  const NextBatch next = part.set.stream(part.at_once, share);
  while (std::optional<Batch> batch = next()) {
    end_if_stopped();
    part.batches.push_back(std::move(*batch));
    progress.update(std::ssize(part.batches));
  }
}

void Validation::State::let_sample(const Teacher& teacher, Part& part) const {
  const SamplerConfig sampler = teacher_sampler(config.model, config.sampler, config.distill);
  const std::size_t count = part.batches.size(), at_once = static_cast<std::size_t>(part.at_once);
  Progress progress("the teacher's pictures", std::ssize(part.batches), "batches");
  for (std::size_t first = 0; first < count; first += at_once) {
    const auto pictures_of = [&](std::size_t i) {
      const SamplerProgress at_each_step = [](std::int64_t, std::int64_t) { end_if_stopped(); };
      const Batch batch = part.batches[first + i].to(device);
      return generate(teacher.denoiser(), batch, sampler, static_cast<std::uint64_t>(config.seed), at_each_step)
          .to(at::kCPU);
    };
    for (at::Tensor& pictures : side_by_side(std::min(at_once, count - first), pictures_of))
      part.of_teacher.push_back(std::move(pictures));
    progress.update(std::ssize(part.of_teacher));
  }
}

Validation::Validation(const RunConfig& config, at::Device device, Ranks& ranks, const Teacher* teacher)
    : state_(new State{config, device, ranks}) {
  const TrainConfig& train = config.train;
  if (train.validate_every == 0) return;
  const auto open = [&](const DataConfig& data) {
    return State::Part{EvaluationSet(data, config.evaluation, "val", train.validation_sets), {}};
  };
  if (const std::string why = why_no_split(config.data.path, "val"); !why.empty()) {
    if (train.early_stop.patience > 0) fail_usage("train.early_stop.patience counts validations, but {}", why);
    if (ranks.first()) log_warning("{}; the training goes on without validation", why);
    return;
  }
  state_->lpips = choose_lpips(config.evaluation.lpips, device);
  const std::string no_ssim = too_small_for_ssim(config.data.width, config.data.height);
  if (!no_ssim.empty()) log_info("no SSIM: {}", no_ssim);
  if (state_->lpips.lpips)
    state_->lpips.absent = too_small_for(*state_->lpips.lpips, config.data.width, config.data.height);
  if (!state_->lpips.absent.empty()) log_info("no LPIPS: {}", state_->lpips.absent);
  state_->prepare(state_->own.emplace(open(config.data)), "validation data");
  if (teacher != nullptr) state_->let_sample(*teacher, *state_->own);
  if (config.data.replay.path.empty()) return;
  if (const std::string why = why_no_split(config.data.replay.path, "val"); !why.empty()) {
    if (ranks.first()) log_warning("{}; what was learnt before is not validated", why);
    return;
  }
  state_->prepare(state_->replay.emplace(open(replayed(config.data))), "validation data of replay");
}

bool Validation::exists() const {
  return state_->own.has_value();
}

Validation::~Validation() = default;

std::optional<EvaluationReport> Validation::State::score(const Part& part, const Denoiser& denoiser,
                                                         const EvaluateOptions& options) const {
  const auto seed = static_cast<std::uint64_t>(config.seed);
  const Predictor predictor = [&](const Batch& batch) {
    const SamplerProgress at_each_step = [](std::int64_t, std::int64_t) { end_if_stopped(); };
    TargetFields fields;
    const at::Tensor pictures =
        generate(denoiser, batch.to(device), config.sampler, seed, at_each_step, &fields).to(at::kCPU);
    return Prediction(pictures, fields.normals.defined() ? fields.normals.to(at::kCPU) : fields.normals);
  };
  std::size_t next = 0;
  const NextBatch batches = [&]() -> std::optional<Batch> {
    end_if_stopped();
    if (next == part.batches.size()) return std::nullopt;
    return part.batches[next++];
  };
  Protocol protocol = part.set.protocol(config.sampler, seed);
  protocol.lpips_absent = lpips.absent;
  std::optional<EvaluationReport> share;
  try {
    share = evaluate(predictor, batches, protocol, lpips.lpips.get(), options);
  } catch (const Stopped&) {
  }
  if (ranks.any(!share)) return std::nullopt;
  return of_all_ranks(*share, ranks);
}

namespace {

AverageScores averages_of(const Summary& summary) {
  AverageScores scores{summary.overall.mean, {}};
  for (const Grouping& grouping : summary.groupings) {
    if (grouping.name != "by_category") continue;
    for (const auto& [name, average] : grouping.groups) scores.by_category.emplace_back(name, average.mean);
  }
  return scores;
}

Json by_category(const AverageScores& scores) {
  Json json = Json::object();
  for (const auto& [name, mean] : scores.by_category) json[name] = scores_to_json(mean);
  return json;
}

// PSNR of each target picture, as the model and its teacher made it.
void compare_with_teacher(const BatchScored& scored, const at::Tensor& of_teacher, Json& rows) {
  for (const ImageRow& row : scored.rows) {
    const at::Tensor own = scored.of(row, scored.pictures).unsqueeze(0);
    const at::Tensor other = scored.of(row, of_teacher).unsqueeze(0);
    rows.push_back({row.sample, row.slot, psnr(own, other).item<double>()});
  }
}

// The mean over all ranks' rows, added in one order.
double mean_of_all_ranks(const Json& rows, Ranks& ranks) {
  Json all = Json::array();
  for (const std::string& text : ranks.gather(rows.dump())) {
    const Json share = Json::parse(text);
    all.insert(all.end(), share.begin(), share.end());
  }
  std::sort(all.begin(), all.end());
  double sum = 0;
  for (const Json& row : all) sum += row[2].get<double>();
  return sum / static_cast<double>(all.size());
}

void tell(const ValidationScores& validation) {
  const auto text = [&](std::size_t metric) { return score_text(metric, validation.scores.overall[metric]); };
  std::string of_replay;
  if (validation.replay) of_replay = fmt::format("; replayed data {} dB", score_text(0, validation.replay->overall[0]));
  std::string of_teacher;
  if (validation.teacher_psnr)
    of_teacher = fmt::format("; its teacher's pictures {} dB", score_text(0, *validation.teacher_psnr));
  std::string normals;
  if (std::isfinite(validation.scores.overall[kNormalError]))
    normals = fmt::format(", normals {} degrees off", text(kNormalError));
  log_info("step {}: validation PSNR {} dB (foreground {}), SSIM {}, LPIPS {}{}{}{}, {:.1f} s", validation.step,
           text(0), text(1), text(2), text(4), normals, of_teacher, of_replay, validation.seconds);
}

}  // namespace

std::optional<ValidationScores> Validation::score(const Denoiser& denoiser, std::int64_t step,
                                                  const fs::path& samples) const {
  const at::NoGradGuard no_grad;
  const Stopwatch watch;
  EvaluateOptions options;
  // The baselines do not change: they are scored once, with the first validation.
  options.baselines = step == 0;
  options.batches_at_once = state_->own->at_once;
  const Ranks& ranks = state_->ranks;
  std::int64_t index = ranks.rank();  // of the batch among those of all ranks
  Json beside_teacher = Json::array();
  std::size_t own_index = 0;
  options.on_batch = [&](const BatchScored& scored) {
    const std::vector<at::Tensor>& of_teacher = state_->own->of_teacher;
    if (!of_teacher.empty()) compare_with_teacher(scored, of_teacher.at(own_index++), beside_teacher);
    if (index < state_->config.train.sample_grids) {
      SampleGridOptions grid;
      grid.sets = 2;
      grid.normals = scored.normals;
      draw_sample_grid(scored.batch, scored.pictures, samples / fmt::format("{}{}.png", sample_prefix(step), index),
                       grid);
    }
    index += ranks.world();
  };
  const std::optional<EvaluationReport> report = state_->score(*state_->own, denoiser, options);
  if (!report) return std::nullopt;
  const Summary summary = summarise(*report);
  ValidationScores validation{step, averages_of(summary), summary.overall.images, {}, {}};
  for (std::size_t i = 0; options.baselines && i < kBaselines.size(); ++i)
    validation.baselines.push_back(summarise(*report, 1 + i).overall.mean);
  if (state_->config.distils()) validation.teacher_psnr = mean_of_all_ranks(beside_teacher, state_->ranks);
  if (state_->replay) {
    EvaluateOptions plain;
    plain.baselines = false;
    plain.batches_at_once = state_->replay->at_once;
    const std::optional<EvaluationReport> old = state_->score(*state_->replay, denoiser, plain);
    if (!old) return std::nullopt;
    validation.replay = averages_of(summarise(*old));
  }
  validation.seconds = watch.seconds();
  validation.conditions = report->protocol.conditions;
  tell(validation);
  return validation;
}

Json to_json(const ValidationScores& validation) {
  Json row = {{"step", validation.step}, {"validation", scores_to_json(validation.scores.overall)}};
  row["by_category"] = by_category(validation.scores);
  row["weights"] = "ema";
  if (validation.teacher_psnr) row["teacher_psnr"] = *validation.teacher_psnr;
  row["images"] = validation.images;
  for (std::size_t i = 0; i < validation.baselines.size(); ++i)
    row["baselines"][kBaselines[i]] = scores_to_json(validation.baselines[i]);
  if (validation.replay) {
    row["replay"] = scores_to_json(validation.replay->overall);
    row["replay_by_category"] = by_category(*validation.replay);
  }
  row["validation_seconds"] = validation.seconds;
  return row;
}

}  // namespace spinfill
