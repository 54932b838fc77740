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
#include "model/sampling/generate.h"
#include "pages/sample_grid.h"
#include "train/step/step.h"

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
  struct Part {
    EvaluationSet set;
    std::vector<Batch> batches;  // of this rank, once made, kept
    std::int64_t at_once = 1;    // so many side by side
  };
  Part own;
  std::optional<Part> replay;
  void prepare(Part& part, const char* what) const;
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
  const EvaluationShare share{ranks.rank(), ranks.world()};
  const std::int64_t own_batches = part.set.batches(share);
  Progress progress(what, own_batches, "batches");
  if (device.is_cpu()) part.at_once = micro_batches_at_once(config, processors(), own_batches);
  const NextBatch next = part.set.stream(part.at_once, share);
  while (std::optional<Batch> batch = next()) {
    part.batches.push_back(std::move(*batch));
    progress.update(std::ssize(part.batches));
  }
}

Validation::Validation(const RunConfig& config, at::Device device, Ranks& ranks)
    : state_(new State{config,
                       device,
                       ranks,
                       choose_lpips(config.evaluation.lpips, device),
                       {EvaluationSet(config.data, config.evaluation, "val", config.train.validation_sets), {}},
                       {}}) {
  if (!state_->lpips.lpips) log_info("{}", state_->lpips.absent);
  state_->prepare(state_->own, "validation data");
  if (config.data.replay.path.empty()) return;
  EvaluationSet old(replayed(config.data), config.evaluation, "val", config.train.validation_sets);
  state_->replay.emplace(State::Part{std::move(old), {}});
  state_->prepare(*state_->replay, "validation data of replay");
}

Validation::~Validation() = default;

std::optional<EvaluationReport> Validation::State::score(const Part& part, const Denoiser& denoiser,
                                                         const EvaluateOptions& options) const {
  const auto seed = static_cast<std::uint64_t>(config.seed);
  const Predictor predictor = [&](const Batch& batch) {
    return generate(denoiser, batch.to(device), config.sampler, seed).to(at::kCPU);
  };
  std::size_t next = 0;
  bool stopped = false;
  const NextBatch batches = [&]() -> std::optional<Batch> {
    stopped = stopped || StopSignals::requested();
    if (stopped || next == part.batches.size()) return std::nullopt;
    return part.batches[next++];
  };
  Protocol protocol = part.set.protocol(config.sampler, seed);
  protocol.lpips_absent = lpips.absent;
  const EvaluationReport share = evaluate(predictor, batches, protocol, lpips.lpips.get(), options);
  if (ranks.any(stopped)) return std::nullopt;
  return of_all_ranks(share, ranks);
}

namespace {

Json by_category(const Summary& summary) {
  Json scores = Json::object();
  for (const Grouping& grouping : summary.groupings) {
    if (grouping.name != "by_category") continue;
    for (const auto& [name, average] : grouping.groups) scores[name] = scores_to_json(average.mean);
  }
  return scores;
}

}  // namespace

std::optional<Json> Validation::score(const Denoiser& denoiser, std::int64_t step, const fs::path& samples) const {
  const at::NoGradGuard no_grad;
  const auto began = std::chrono::steady_clock::now();
  EvaluateOptions options;
  // The baselines do not change: they are scored once, beside the first validation.
  options.baselines = step == 0;
  options.batches_at_once = state_->own.at_once;
  const Ranks& ranks = state_->ranks;
  std::int64_t index = ranks.rank();  // of the batch among those of all ranks
  options.on_batch = [&](const Batch& batch, const at::Tensor& pictures) {
    if (index < state_->config.train.sample_grids) {
      SampleGridOptions grid;
      grid.sets = 2;
      draw_sample_grid(batch, pictures, samples / fmt::format("step-{:07}-{}.png", step, index), grid);
    }
    index += ranks.world();
  };
  const std::optional<EvaluationReport> report = state_->score(state_->own, denoiser, options);
  if (!report) return std::nullopt;
  const Summary summary = summarise(*report);
  Json row = {{"step", step}, {"validation", scores_to_json(summary.overall.mean)}};
  row["by_category"] = by_category(summary);
  row["weights"] = "ema";
  row["images"] = summary.overall.images;
  for (std::size_t i = 0; options.baselines && i < kBaselines.size(); ++i) {
    row["baselines"][kBaselines[i]] = scores_to_json(summarise(*report, 1 + i).overall.mean);
  }
  std::string of_replay;
  if (state_->replay) {
    EvaluateOptions plain;
    plain.baselines = false;
    plain.batches_at_once = state_->replay->at_once;
    const std::optional<EvaluationReport> old = state_->score(*state_->replay, denoiser, plain);
    if (!old) return std::nullopt;
    const Summary old_summary = summarise(*old);
    row["replay"] = scores_to_json(old_summary.overall.mean);
    row["replay_by_category"] = by_category(old_summary);
    of_replay = fmt::format("; replayed data {} dB", score_text(0, old_summary.overall.mean[0]));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  row["validation_seconds"] = seconds;
  const auto text = [&](std::size_t metric) { return score_text(metric, summary.overall.mean[metric]); };
  log_info("step {}: validation PSNR {} dB (foreground {}), SSIM {}, LPIPS {}{}, {:.1f} s", step, text(0), text(1),
           text(2), text(4), of_replay, seconds);
  return row;
}

}  // namespace spinfill
