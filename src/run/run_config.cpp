// SPDX-License-Identifier: Apache-2.0
#include "run/run_config.h"

#include <algorithm>

#include "model/denoiser/denoiser.h"
#include "model/network/parameter_names.h"

namespace spinfill {

c10::ScalarType dtype_of(Precision precision) {
  return precision == Precision::bf16 ? c10::ScalarType::BFloat16 : c10::ScalarType::Float;
}

void OptimizerConfig::bind(Fields& f) {
  f.number("learning_rate", learning_rate, "Peak learning rate, after warm-up", 0, 1);
  f.number("warmup_steps", warmup_steps, "Linear warm-up, steps", 0, 1'000'000);
  f.number("final_share", final_share, "Learning rate at the last step as a share of the peak (cosine between)", 0, 1);
  f.number("weight_decay", weight_decay, "Decoupled weight decay of matrices and kernels", 0, 10);
  f.number("beta1", beta1, "Decay of the first moment", 0, 0.999999);
  f.number("beta2", beta2, "Decay of the second moment", 0, 0.999999);
  f.number("epsilon", epsilon, "Added to the root of the second moment", 1e-16, 1);
  f.number("max_gradient_norm", max_gradient_norm, "Gradients are clipped to this global L2 norm", 1e-6, 1e9);
}

void EarlyStopConfig::bind(Fields& f) {
  f.number("patience", patience, "End after so many validations in a row without improvement, 0: never", 0, 1'000'000);
  f.number("min_delta", min_delta, "Rise of validation PSNR that counts as improvement, dB", 0, 100);
}

void TrainConfig::bind(Fields& f) {
  constexpr std::int64_t many = std::int64_t{1} << 40;
  f.choice("objective", objective,
           "What a step minimises: the error of denoised pictures, or that of few steps against a teacher's many");
  f.number("steps", steps, "Optimiser steps of the whole training", 1, many);
  f.number("batch_sets", batch_sets, "Vehicle sets per optimiser step", 1, 1 << 20);
  f.number("micro_batch_sets", micro_batch_sets,
           "Sets per forward pass; on the processor the micro-batches of a step run side by side", 1, 1 << 20);
  f.number("regression_share", regression_share,
           "Share of the steps, at the start, that train one-step regression only", 0, 1);
  f.number("ema_decay", ema_decay, "Decay of the averaged weights, per step", 0, 0.9999999);
  f.number("checkpoint_every", checkpoint_every, "Steps between checkpoints", 1, many);
  f.number("keep_last", keep_last, "Newest checkpoints to keep (the best is kept besides)", 1, 1'000'000);
  f.number("keep_every", keep_every, "Keep every checkpoint whose step is a multiple of this, 0: none", 0, many);
  f.number("validate_every", validate_every, "Steps between validations; one comes before step 1; 0: none", 0, many);
  f.number("validation_sets", validation_sets, "Vehicles of the validation split to score, 0: all", 0, 1'000'000);
  f.number("sample_grids", sample_grids, "Pictures grids drawn at each validation", 0, 64);
  f.number("log_every", log_every, "Steps between rows of metrics.jsonl", 1, many);
  f.number("max_skipped_steps", max_skipped_steps, "Stop after so many non-finite steps in a row", 1, many);
  f.number("max_failed_saves", max_failed_saves, "Stop when so many checkpoints in a row could not be saved", 1, many);
  f.number("join_timeout", join_timeout, "Of several processes: seconds until all must have come", 1, 86400);
  f.number("rank_timeout", rank_timeout, "Seconds that a process waits for another before the run ends", 1, 86400);
  f.choice("device", device, "Where the model runs; auto: a GPU if there is one");
  f.number("threads", threads,
           "CPU threads, 0: one per micro-batch, or per core less the loader's where there is one micro-batch", 0,
           1024);
  f.flag("channels_last", channels_last, "Keep feature maps in channels-last order");
  f.flag("shard_optimizer", shard_optimizer,
         "Of several processes: each keeps the optimiser's state and the averaged weights of its share alone (ZeRO-1)");
  f.choice("precision", precision, "The network's products; weights, loss, optimiser and averages are float32 in both");
  f.flag("gradient_checkpointing", gradient_checkpointing,
         "Backward runs each layer again: less memory, up to a third more time, the same gradients");
  f.flag("cuda_graphs", cuda_graphs,
         "On a GPU: record forward and backward once for each shape of a micro-batch, then replay them; pays where the "
         "network is small");
  f.text("init_from", init_from,
         "safetensors file with initial weights; empty: random by seed, or with objective distill the teacher's");
  f.group("lora", lora, "Low-rank adapters beside frozen weights; merged into them by evaluate and export");
  f.list("freeze", freeze, {}, "Parts of the network that are not trained, as in [unet.down_blocks, \"*.attn2\"]");
  f.group("early_stop", early_stop, "Ends the training when validation PSNR rises no more");
  f.require_at("lora.rank", lora.rank == 0 || !init_from.empty() || objective == Objective::distill,
               "gives adapters, which need a trained model: name its weights in train.init_from");
  f.require_at("freeze", lora.rank == 0 || freeze.empty(),
               "beside train.lora, which freezes all but its own: leave one of them out");
  f.require_at("early_stop.patience", early_stop.patience == 0 || validate_every > 0,
               "counts validations, but train.validate_every is 0: set one of the two");
  f.require(batch_sets % micro_batch_sets == 0, "batch_sets must be a multiple of micro_batch_sets");
}

namespace {

void check_distillation(Fields& f, const RunConfig& config) {
  f.require_at("distill.teacher", config.distils() || config.distill.teacher.empty(),
               "has no part in train.objective denoise: leave it out, or set train.objective to distill");
  if (!config.distils()) return;
  f.require_at("distill.teacher", !config.distill.teacher.empty(),
               "is empty: train.objective distill needs the folder of a run or a bundle to learn from");
  f.require_at("model.output", config.model.output != OutputForm::sources,
               "sources is not distilled: what its sources show has a loss of its own against true pictures");
  f.require_at("model.normals", !config.model.normals,
               "is not distilled: a teacher's normals would be compared in no step: switch it off");
  f.require_at("loss.lpips", config.loss.lpips == 0 && config.loss.rollout == 0,
               "and loss.rollout compare with true pictures, train.objective distill with a teacher's: set both to 0");
  f.require_at("train.cuda_graphs", !config.train.cuda_graphs,
               "records one pass; train.objective distill makes many: switch it off");
  f.require_at("sampler.guidance", !config.sampler.guided().any(),
               "is the student's, which is to give guided pictures without: set it to 1, and distill.guidance instead");
  f.require_at("sampler.churn", config.sampler.churn == 0, "adds noise that the teacher does not have: set it to 0");
  const std::string problem = unfit_for_student(config.model, config.sampler);
  f.require(problem.empty(), "train.objective distill: " + problem);
}

}  // namespace

void RunConfig::bind(Fields& f) {
  f.number("seed", seed, "Seed of every random draw", 0, std::int64_t{1} << 52);
  f.group("data", data, "Vehicle sets, pictures, subsets, augmentation, priors");
  f.group("model", model, "The denoiser");
  f.group("loss", loss, "What a step minimises");
  f.group("distill", distill, "train.objective distill: the teacher of a student that `sampler` describes");
  f.group("optimizer", optimizer, "AdamW and its schedule");
  f.group("train", train, "The training loop");
  f.group("sampler", sampler, "How views are generated for validation and by default");
  f.group("evaluation", evaluation, "How scores are taken");

  const bool with_noise = loss.mode != LossMode::regression && train.regression_share < 1;
  f.require((loss.lpips == 0 && loss.rollout == 0) || with_noise,
            "loss.lpips and loss.rollout act on draws with noise: they need loss.mode mixed or diffusion and "
            "train.regression_share below 1");
  f.require_at(
      "train.cuda_graphs", !train.cuda_graphs || loss.lpips == 0,
      "records passes of fixed shapes; with loss.lpips they depend on the noise drawn: switch one of them off");
  f.require_at("train.cuda_graphs", !train.cuda_graphs || model.output != OutputForm::sources,
               "records passes without the processor's part; model.output sources needs it: switch one of them off");
  f.require_at("data.depth", !data.depth || data.cameras == CameraSource::stated,
               "reads distances in the unit of the stated cameras: data.cameras must be stated");
  f.require_at(
      "loss.depth", loss.depth == 0 || (model.output == OutputForm::sources && data.depth),
      "compares the correction of model.output sources with the depth pictures that data.depth reads: set both");
  f.require_at(
      "data.identity.model", data.identity.model.empty() || model.identity_dim > 0,
      "computes identity vectors, which the model takes no part of: set model.identity_dim to how many numbers "
      "the network gives");
  f.require_at("data.normals", data.normals == model.normals,
               "reads the normal pictures that model.normals generates: set both, or none");
  const bool close_ups = loss.close_up > 0 || loss.close_up_lpips > 0;
  f.require_at("loss.close_up", close_ups == (data.close_up > 1) && (!close_ups || model.output == OutputForm::sources),
               "compares what model.output sources shows with the larger pictures that data.close_up reads: set all "
               "three, or none");
  f.require(loss.rollout == 0 || model.corrects_prior(),
            "loss.rollout needs model.output prior-residual or sources, whose sampler begins with a regression");
  check_distillation(f, *this);
}

void check_patterns(Fields& f, const RunConfig& config) {
  const TrainConfig& train = config.train;
  if (train.lora.rank == 0 && train.freeze.empty()) return;
  const Denoiser shapes(config.model, 0, at::kMeta);
  std::vector<std::string> parameters;
  for (const auto& [name, parameter] : shapes.parameters()) parameters.push_back(name);
  const auto check = [&](const char* key, const std::vector<std::string>& patterns,
                         const std::vector<std::string>& names, const char* what) {
    const auto problem = unmatched_pattern(patterns, names, what);
    f.require_at(key, !problem, problem.value_or(""));
  };
  check("train.freeze", train.freeze, parameters, "parameter");
  if (train.lora.rank > 0) {
    check("train.lora.targets", train.lora.targets, shapes.linear_layers(), "linear layer");
    check("train.lora.full", train.lora.full, parameters, "parameter");
  }
  f.require_at(
      "train.freeze",
      !std::ranges::all_of(parameters, [&](const auto& name) { return any_names_parameter(train.freeze, name); }),
      "leaves nothing to train: name fewer parts");
}

}  // namespace spinfill
