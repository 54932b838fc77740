// SPDX-License-Identifier: Apache-2.0
#include "train/validation.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <chrono>

#include "core/log.h"
#include "core/progress.h"
#include "core/side_by_side.h"
#include "core/signals.h"
#include "metrics/evaluation.h"
#include "metrics/evaluation_set.h"
#include "metrics/report.h"
#include "metrics/sample_grid.h"
#include "model/sampler.h"
#include "train/step.h"

namespace spinfill {

bool BestValidation::update(const Json& row, std::int64_t at_step) {
  const double score = row.at("validation").at("psnr").get<double>();
  if (at_step == 0 || (step >= 0 && score <= psnr)) return false;
  step = at_step;
  psnr = score;
  return true;
}

Json BestValidation::to_json() const {
  return {{"best_step", step}, {"best_psnr", psnr}};
}

BestValidation BestValidation::from_json(const Json& json) {
  BestValidation best;
  best.step = json.value("best_step", best.step);
  best.psnr = json.value("best_psnr", best.psnr);
  return best;
}

namespace {

// Numbers come through JSON as they are: it is written with the shortest digits that read back alike.
EvaluationReport of_all_ranks(const EvaluationReport& own, Ranks& ranks) {
  if (ranks.world() == 1) return own;
  std::vector<EvaluationReport> shares;
  const std::vector<std::string> texts = ranks.gather(own.images.empty() ? "" : report_to_json(own).dump());
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
  LpipsChoice lpips;
  EvaluationSet set;
  std::vector<Batch> batches;  // of this rank, once made, kept
  std::int64_t at_once = 1;    // so many side by side
};

Validation::Validation(const RunConfig& config, at::Device device, Ranks& ranks)
    : state_(new State{config,
                       device,
                       ranks,
                       choose_lpips(config.evaluation.lpips, device),
                       EvaluationSet(config.data, config.evaluation, "val", config.train.validation_sets),
                       {}}) {
  if (!state_->lpips.lpips) log_info("{}", state_->lpips.absent);
  const EvaluationShare share{ranks.rank(), ranks.world()};
  const std::int64_t own = state_->set.batches(share);
  Progress progress("validation data", own, "batches");
  if (device.is_cpu()) state_->at_once = micro_batches_at_once(config, processors(), own);
  const NextBatch next = state_->set.stream(state_->at_once, share);
  while (std::optional<Batch> batch = next()) {
    state_->batches.push_back(std::move(*batch));
    progress.update(std::ssize(state_->batches));
  }
}

Validation::~Validation() = default;

std::optional<Json> Validation::score(const Denoiser& denoiser, std::int64_t step, const fs::path& samples) const {
  const at::NoGradGuard no_grad;
  const auto began = std::chrono::steady_clock::now();
  const auto seed = static_cast<std::uint64_t>(state_->config.seed);
  const Predictor predictor = [&](const Batch& batch) {
    return generate(denoiser, batch.to(state_->device), state_->config.sampler, seed).to(at::kCPU);
  };
  std::size_t next = 0;
  bool stopped = false;
  const NextBatch batches = [&]() -> std::optional<Batch> {
    stopped = stopped || StopSignals::requested();
    if (stopped || next == state_->batches.size()) return std::nullopt;
    return state_->batches[next++];
  };
  EvaluateOptions options;
  // The baselines do not change: they are scored once, beside the first validation.
  options.baselines = step == 0;
  options.batches_at_once = state_->at_once;
  Ranks& ranks = state_->ranks;
  std::int64_t index = ranks.rank();  // of the batch among those of all ranks
  options.on_batch = [&](const Batch& batch, const at::Tensor& pictures) {
    if (index < state_->config.train.sample_grids) {
      SampleGridOptions grid;
      grid.sets = 2;
      draw_sample_grid(batch, pictures, samples / fmt::format("step-{:07}-{}.png", step, index), grid);
    }
    index += ranks.world();
  };
  Protocol protocol = state_->set.protocol(state_->config.sampler, seed);
  protocol.lpips_absent = state_->lpips.absent;
  const EvaluationReport own = evaluate(predictor, batches, protocol, state_->lpips.lpips.get(), options);
  if (ranks.any(stopped)) return std::nullopt;
  const EvaluationReport report = of_all_ranks(own, ranks);
  const Summary summary = summarise(report);
  Json row = {{"step", step}, {"validation", scores_to_json(summary.overall.mean)}};
  row["weights"] = "ema";
  row["images"] = summary.overall.images;
  for (std::size_t i = 0; options.baselines && i < kBaselines.size(); ++i) {
    row["baselines"][kBaselines[i]] = scores_to_json(summarise(report, 1 + i).overall.mean);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  row["validation_seconds"] = seconds;
  const auto text = [&](std::size_t metric) { return score_text(metric, summary.overall.mean[metric]); };
  log_info("step {}: validation PSNR {} dB (foreground {}), SSIM {}, LPIPS {}, {:.1f} s", step, text(0), text(1),
           text(2), text(4), seconds);
  return row;
}

}  // namespace spinfill
