// SPDX-License-Identifier: Apache-2.0
#include "train/autoencoder/step.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/random.h"
#include "core/side_by_side.h"
#include "core/stopwatch.h"
#include "model/device.h"
#include "train/step/schedule.h"
#include "train/step/threads.h"

namespace spinfill {
namespace {

std::vector<at::Tensor> tensors(const TrainedAutoencoder::Parameters& parameters) {
  std::vector<at::Tensor> list;
  for (const auto& [name, tensor] : parameters) list.push_back(tensor);
  return list;
}

void add_terms(AutoencoderTerms& sum, const AutoencoderTerms& more, double share) {
  for (double AutoencoderTerms::*term :
       {&AutoencoderTerms::loss, &AutoencoderTerms::l1, &AutoencoderTerms::lpips, &AutoencoderTerms::kl,
        &AutoencoderTerms::adversarial, &AutoencoderTerms::discriminator, &AutoencoderTerms::adaptive})
    sum.*term += share * more.*term;
}

}  // namespace

AutoencoderSteps::AutoencoderSteps(AutoencoderState& state, const PictureCrops& crops,
                                   const AutoencoderRunConfig& config, PerceptualDistance perceptual, std::int64_t step)
    : state_(state), crops_(crops), config_(config), perceptual_(std::move(perceptual)) {
  prepare(step);
}

void AutoencoderSteps::prepare(std::int64_t step) {
  if (step >= config_.train.steps) return;
  next_ = std::async(std::launch::async, [this, step] {
    use_one_torch_thread();
    return passes_of(step);
  });
}

std::vector<AutoencoderPass> AutoencoderSteps::passes_of(std::int64_t step) const {
  const std::int64_t each = config_.train.micro_batch_pictures;
  const AutoencoderArchitecture& a = state_.autoencoder().architecture();
  const std::int64_t side = config_.data.crop / a.factor();
  std::vector<AutoencoderPass> passes;
  std::int64_t sample = step * config_.train.batch_pictures;
  for (std::int64_t i = 0; i < config_.train.micro_batches(); ++i) {
    std::vector<at::Tensor> colours, coverages, noises;
    for (std::int64_t k = 0; k < each; ++k, ++sample) {
      PicturePart part = crops_.at(sample);
      colours.push_back(std::move(part.colour));
      coverages.push_back(std::move(part.coverage));
      if (!state_.autoencoder().samples()) continue;
      Random random(static_cast<std::uint64_t>(config_.seed), static_cast<std::uint64_t>(sample), Stream::noise);
      auto generator = at::make_generator<at::CPUGeneratorImpl>(random.bits64());
      noises.push_back(at::empty({a.latent_channels, side, side}, at::kFloat).normal_(0, 1, generator));
    }
    passes.push_back({at::stack(colours), at::stack(coverages), noises.empty() ? at::Tensor() : at::stack(noises)});
  }
  return passes;
}

std::string AutoencoderSteps::pictures_of(std::int64_t step) const {
  std::set<std::string> names;
  for (std::int64_t i = 0; i < config_.train.batch_pictures; ++i)
    names.insert(crops_.sample_name(step * config_.train.batch_pictures + i));
  return fmt::format("{}", fmt::join(names, ", "));
}

AutoencoderStatistics AutoencoderSteps::make(std::int64_t step) {
  // ---- Crops.
  const Stopwatch waiting;
  const std::vector<AutoencoderPass> passes = next_.get();
  waited_ += waiting.seconds();
  prepare(step + 1);

  // ---- Gradients, added in the order of the micro-batches.
  const TrainedAutoencoder& autoencoder = state_.autoencoder();
  const at::Device device = autoencoder.device();
  AdamW& optimizer = state_.optimizer();
  AdamW* const of_discriminator = step >= config_.loss.discriminator_from ? state_.discriminator_optimizer() : nullptr;
  const PatchDiscriminator* const discriminator = of_discriminator != nullptr ? state_.discriminator() : nullptr;
  optimizer.zero_grad();
  if (of_discriminator != nullptr) of_discriminator->zero_grad();
  const std::vector<at::Tensor> trained = tensors(autoencoder.trained());
  const auto count = static_cast<std::int64_t>(passes.size());
  TrainConfig threads;
  threads.threads = config_.train.threads;
  const std::int64_t at_once = device.is_cpu() ? micro_batches_at_once(threads, processors(), count) : 1;
  AutoencoderStatistics statistics;
  for (std::int64_t first = 0; first < count; first += at_once) {
    const auto some = side_by_side(static_cast<std::size_t>(std::min(at_once, count - first)), [&](std::size_t i) {
      const AutoencoderPass& pass = passes[static_cast<std::size_t>(first) + i];
      const AutoencoderPass there{sent(pass.pictures, device), sent(pass.coverage, device),
                                  pass.noise.defined() ? sent(pass.noise, device) : at::Tensor()};
      return autoencoder_gradients(autoencoder, discriminator, there, config_.loss, perceptual_);
    });
    for (const AutoencoderGradients& part : some) {
      AdamW::add_gradients(trained, part.of_autoencoder);
      if (discriminator != nullptr) AdamW::add_gradients(tensors(discriminator->parameters()), part.of_discriminator);
      add_terms(statistics.terms, part.terms, 1.0 / static_cast<double>(count));
    }
  }
  optimizer.scale_gradients(1.0 / static_cast<double>(count));
  statistics.gradient_norm = optimizer.gradient_norm().item<double>();
  statistics.finite = std::isfinite(statistics.terms.loss) && std::isfinite(statistics.gradient_norm);
  if (of_discriminator != nullptr) {
    of_discriminator->scale_gradients(1.0 / static_cast<double>(count));
    statistics.finite = statistics.finite && std::isfinite(of_discriminator->gradient_norm().item<double>());
  }

  // ---- Update.
  if (!statistics.finite) return statistics;
  const double rate = learning_rate_at(config_.optimizer, step, config_.train.steps);
  optimizer.clip_gradients(statistics.gradient_norm, config_.optimizer.max_gradient_norm);
  optimizer.step(rate);
  if (of_discriminator != nullptr) of_discriminator->step(rate);
  return statistics;
}

}  // namespace spinfill
