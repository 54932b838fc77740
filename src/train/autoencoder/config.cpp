// SPDX-License-Identifier: Apache-2.0
#include "train/autoencoder/config.h"

#include <algorithm>
#include <bit>

#include "model/autoencoder/autoencoder.h"

namespace spinfill {

void AutoencoderModelConfig::bind(Fields& f) {
  f.choice("autoencoder", autoencoder, "Its kind: diffusers' AutoencoderTiny (TAESD) or AutoencoderKL");
  f.text("autoencoder_from", autoencoder_from,
         "The weights it begins with: a folder or file, as docs/latents.md lists them; empty: random by seed");
  f.number("autoencoder_channels", autoencoder_channels, "Channels of its latents", 1, 256);
  f.number("autoencoder_factor", autoencoder_factor, "Pixels along a latent's side", 1, 32);
  f.list("block_out_channels", block_out_channels,
         "Of random weights: channels of each level, finest first, all alike for tiny; empty: the usual ones", 1, 8192);
  f.number("norm_num_groups", norm_num_groups, "Of random weights of kl: groups of the norms", 1, 8192);
  f.require_at("autoencoder", autoencoder != AutoencoderKind::pixel,
               "pixel has no weights to train: choose tiny or kl");
  f.require_at("autoencoder_factor", std::has_single_bit(static_cast<std::uint64_t>(autoencoder_factor)),
               "must be a power of two");
  const auto levels = static_cast<std::size_t>(std::countr_zero(static_cast<std::uint64_t>(autoencoder_factor))) + 1;
  f.require_at("block_out_channels", block_out_channels.empty() || block_out_channels.size() == levels,
               fmt::format("must name {} levels for autoencoder_factor {}", levels, autoencoder_factor));
  f.require_at("block_out_channels",
               autoencoder != AutoencoderKind::tiny ||
                   std::ranges::all_of(block_out_channels, [&](auto c) { return c == block_out_channels.front(); }),
               "must be alike for tiny");
  f.require_at(
      "norm_num_groups",
      autoencoder != AutoencoderKind::kl || !autoencoder_from.empty() ||
          std::ranges::all_of(architecture().block_out_channels, [&](auto c) { return c % norm_num_groups == 0; }),
      "must divide every entry of block_out_channels");
}

AutoencoderArchitecture AutoencoderModelConfig::architecture() const {
  AutoencoderArchitecture a = usual_architecture(autoencoder, autoencoder_channels, autoencoder_factor);
  if (!block_out_channels.empty()) a.block_out_channels = block_out_channels;
  a.norm_num_groups = norm_num_groups;
  a.scaling_factor = 1;  // Stable Diffusion's is that of its own weights
  return a;
}

void AutoencoderTrainConfig::bind(Fields& f) {
  constexpr std::int64_t many = std::int64_t{1} << 40;
  f.choice("part", part,
           "decoder: latents stay as they are, so that models trained on them go on working; all: encoder, too");
  f.number("steps", steps, "Optimiser steps of the whole training", 1, many);
  f.number("batch_pictures", batch_pictures, "Crops per optimiser step", 1, 1 << 20);
  f.number("micro_batch_pictures", micro_batch_pictures,
           "Crops per forward pass; on the processor the micro-batches of a step run side by side", 1, 1 << 20);
  f.number("ema_decay", ema_decay, "Decay of the averaged weights, per step", 0, 0.9999999);
  f.choice("result", result, "Averaged weights that become the result: of the last step, or of the best validation");
  f.number("checkpoint_every", checkpoint_every, "Steps between checkpoints", 1, many);
  f.number("keep_last", keep_last, "Newest checkpoints to keep (the best is kept besides)", 1, 1'000'000);
  f.number("keep_every", keep_every, "Keep every checkpoint whose step is a multiple of this, 0: none", 0, many);
  f.number("validate_every", validate_every, "Steps between validations; one comes before step 1; 0: none", 0, many);
  f.number("validation_sets", validation_sets, "Vehicles of the validation split to score, 0: all", 0, 1'000'000);
  f.number("sample_pictures", sample_pictures, "Pictures of the grid drawn at each validation", 0, 64);
  f.number("log_every", log_every, "Steps between rows of metrics.jsonl", 1, many);
  f.number("max_skipped_steps", max_skipped_steps, "Stop after so many non-finite steps in a row", 1, many);
  f.number("max_failed_saves", max_failed_saves, "Stop when so many checkpoints in a row could not be saved", 1, many);
  f.choice("device", device, "Where it is trained; auto: a GPU if there is one");
  f.number("threads", threads, "CPU threads, 0: one per micro-batch, at most one per core", 0, 1024);
  f.require(batch_pictures % micro_batch_pictures == 0, "batch_pictures must be a multiple of micro_batch_pictures");
  f.require_at("result", result != AutoencoderChoice::best || validate_every > 0,
               "best needs validations, but train.validate_every is 0");
}

void AutoencoderEvaluationConfig::bind(Fields& f) {
  f.group("lpips", lpips, "The perceptual metric's weights");
}

AutoencoderRunConfig::AutoencoderRunConfig() {
  optimizer.learning_rate = 3e-4;
  optimizer.weight_decay = 0;
}

void AutoencoderRunConfig::bind(Fields& f) {
  f.number("seed", seed, "Seed of every random draw", 0, std::int64_t{1} << 52);
  f.group("data", data, "Pictures of vehicles, and the crops that are made of them");
  f.group("model", model, "The autoencoder");
  f.group("loss", loss, "What a step minimises");
  f.group("optimizer", optimizer, "AdamW and its schedule");
  f.group("train", train, "The training loop");
  f.group("evaluation", evaluation, "How scores are taken");
  f.require_at("data.crop", data.crop % model.autoencoder_factor == 0,
               fmt::format("must be a multiple of model.autoencoder_factor ({})", model.autoencoder_factor));
  f.require_at(
      "data.crop", loss.discriminator == 0 || data.crop >= PatchDiscriminator::kSmallestSide,
      fmt::format("is smaller than the {} px that loss.discriminator needs", PatchDiscriminator::kSmallestSide));
}

}  // namespace spinfill
