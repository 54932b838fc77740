// SPDX-License-Identifier: Apache-2.0
#include "train/autoencoder/state.h"

#include <ATen/ATen.h>

#include "model/network/copy_state.h"

namespace spinfill {
namespace {

constexpr const char* kWhere = "the checkpoint";
const std::string kOfDiscriminator = "discriminator.";

std::vector<NamedParameter> named(const TrainedAutoencoder::Parameters& parameters) {
  std::vector<NamedParameter> list;
  for (const auto& [name, tensor] : parameters) list.push_back({name, tensor});
  return list;
}

// As for the adversaries of Isola et al. 2017 (§3.3) and Esser et al. 2021.
OptimizerConfig adversarial(OptimizerConfig config) {
  config.beta1 = 0.5;
  config.beta2 = 0.9;
  config.weight_decay = 0;
  return config;
}

}  // namespace

AutoencoderState::AutoencoderState(TrainedAutoencoder autoencoder, const AutoencoderRunConfig& config)
    : autoencoder_(std::move(autoencoder)), optimizer_(named(autoencoder_.trained()), config.optimizer) {
  for (const auto& [name, tensor] : autoencoder_.trained()) {
    weights_.push_back(tensor.detach());
    averages_.push_back(tensor.detach().clone());
  }
  if (config.loss.discriminator == 0) return;
  discriminator_.emplace(static_cast<std::uint64_t>(config.seed), autoencoder_.device(),
                         config.loss.discriminator_channels);
  of_discriminator_.emplace(named(discriminator_->parameters()), adversarial(config.optimizer));
}

TensorMap AutoencoderState::weights() const {
  TensorMap map;
  for (const auto& [name, tensor] : autoencoder_.parameters()) map[name] = tensor.detach();
  if (discriminator_)
    for (const auto& [name, tensor] : discriminator_->parameters()) map[name] = tensor.detach();
  return map;
}

TensorMap AutoencoderState::averages() const {
  TensorMap map;
  const TrainedAutoencoder::Parameters trained = autoencoder_.trained();
  for (std::size_t i = 0; i < trained.size(); ++i) map[trained[i].first] = averages_[i];
  return map;
}

void AutoencoderState::start_from(const Checkpoint& checkpoint) {
  const std::string advice = "go on with the run's own checkpoints";
  copy_state(weights(), checkpoint.weights, kWhere, "the autoencoder in training", advice);
  copy_state(averages(), checkpoint.ema, kWhere, "its averaged weights", advice);
  TensorMap own, of_discriminator;
  for (const auto& [name, tensor] : checkpoint.optimizer) {
    if (name.starts_with(kOfDiscriminator)) {
      of_discriminator[name.substr(kOfDiscriminator.size())] = tensor;
    } else {
      own[name] = tensor;
    }
  }
  optimizer_.load_state(own, kWhere);
  if (of_discriminator_) of_discriminator_->load_state(of_discriminator, kWhere);
}

void AutoencoderState::average(double decay) {
  update_ema(averages_, weights_, decay);
}

AutoencoderFile AutoencoderState::averaged() const {
  AutoencoderFile file{autoencoder_.architecture(), {}, "the averaged weights", {}};
  for (const auto& [name, tensor] : autoencoder_.parameters()) file.tensors[name] = tensor.detach().cpu();
  for (const auto& [name, tensor] : averages()) file.tensors[name] = tensor.cpu();
  return file;
}

CheckpointShare AutoencoderState::share(std::int64_t step, const TrainingProgress& progress) const {
  TensorMap optimizer = optimizer_.state();
  if (of_discriminator_)
    for (const auto& [name, tensor] : of_discriminator_->state()) optimizer[kOfDiscriminator + name] = tensor;
  CheckpointShare share;
  share.step = step;
  share.progress = progress;
  share.weights = weights();
  share.ema = averages();
  share.optimizer = std::move(optimizer);
  return share;
}

}  // namespace spinfill
