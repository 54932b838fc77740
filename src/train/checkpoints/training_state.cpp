// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoints/training_state.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/log.h"
#include "model/denoiser/weights.h"
#include "train/step/set_up.h"

namespace spinfill {
namespace {

// What is not trained is the same in the averaged model: one memory for both.
void share_frozen(const Denoiser& averaged, const Denoiser& denoiser) {
  const auto own = averaged.parameters(), other = denoiser.parameters();
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (!other[i].second.requires_grad()) at::Tensor(own[i].second).set_data(other[i].second.detach());
  }
}

std::vector<at::Tensor> detached(std::vector<at::Tensor> tensors) {
  for (at::Tensor& tensor : tensors) tensor = tensor.detach();
  return tensors;
}

}  // namespace

TrainingState::TrainingState(const Denoiser& denoiser, const RunConfig& config, Ranks& ranks)
    : denoiser_(denoiser), config_(config), ranks_(ranks) {
  const std::vector<NamedParameter> parameters = named_parameters(denoiser_);
  if (config.train.shard_optimizer && ranks.world() > 1) {
    shards_ = std::make_unique<WeightShards>(ranks, parameters);
    for (const NamedParameter& piece : shards_->pieces()) {
      weights_.push_back(piece.tensor);
      averaged_weights_.push_back(piece.tensor.clone());
    }
    optimizer_ = std::make_unique<AdamW>(shards_->pieces(), config.optimizer);
  } else {
    averaged_ = random_denoiser(config, denoiser_.device(), denoiser_.shared_autoencoder());
    share_frozen(*averaged_, denoiser_);
    weights_ = detached(trained_tensors(denoiser_));
    averaged_weights_ = detached(trained_tensors(*averaged_));
    optimizer_ = std::make_unique<AdamW>(parameters, config.optimizer);
  }
  const bool overlap = exchanges_while_backward(config.train, config.data);
  gradients_ = std::make_unique<GradientExchange>(ranks, trained_tensors(denoiser_), overlap, shards_.get());
}

void TrainingState::start_from(const Checkpoint* checkpoint) {
  if (checkpoint != nullptr) load_state(denoiser_, checkpoint->weights, "checkpoint weights");
  std::vector<at::Tensor> all;  // what is frozen comes from a checkpoint, too
  for (const auto& [name, tensor] : denoiser_.state()) all.push_back(tensor);
  ranks_.copy_from_first(all);
  const Json said = Json::parse(ranks_.from_first(
      Json{{"resumed", checkpoint != nullptr}, {"step", checkpoint != nullptr ? checkpoint->step : 0}}.dump()));
  step_ = said.at("step").get<std::int64_t>();
  const bool resumed = said.at("resumed").get<bool>();
  if (shards_) {
    shards_->read_weights();
    if (!resumed) {
      for (std::size_t i = 0; i < weights_.size(); ++i) averaged_weights_[i].copy_(weights_[i]);
      return;
    }
    const TensorMap none;
    shards_->spread(checkpoint != nullptr ? checkpoint->ema : none, "", averaged_weights_);
    for (const char* kind : AdamW::kKinds) {
      shards_->spread(checkpoint != nullptr ? checkpoint->optimizer : none, fmt::format("{}.", kind),
                      optimizer_->state(kind));
    }
    return;
  }
  if (checkpoint != nullptr) {
    load_state(*averaged_, checkpoint->ema, "checkpoint averaged weights");
    optimizer_->load_state(checkpoint->optimizer, "checkpoint optimiser");
  } else {
    load_state(*averaged_, denoiser_.state(), "initial weights");
  }
  ranks_.copy_from_first(averaged_weights_);
  for (const char* kind : AdamW::kKinds) ranks_.copy_from_first(optimizer_->state(kind));
}

void TrainingState::average(double decay) {
  update_ema(averaged_weights_, weights_, decay);
}

Denoiser TrainingState::averaged() {
  if (averaged_) return *averaged_;
  // Kept only while it is used: it is as large as the weights.
  Denoiser whole = random_denoiser(config_, denoiser_.device(), denoiser_.shared_autoencoder());
  TensorMap state = shards_->gather(averaged_weights_);
  state.merge(denoiser_.state());  // what is not trained
  load_state(whole, state, "averaged weights");
  return whole;
}

CheckpointShare TrainingState::share(std::int64_t step, const TrainingProgress& progress) const {
  CheckpointShare share;
  share.step = step;
  share.progress = progress;
  share.rank = ranks_.rank();
  share.world = ranks_.world();
  if (share.rank == 0) share.weights = denoiser_.state();
  if (shards_) {
    PieceMap averaged = shards_->named("", averaged_weights_);
    if (share.rank == 0) {
      TensorMap frozen = denoiser_.state();
      for (const auto& [name, tensor] : denoiser_.trained_parameters()) frozen.erase(name);
      for (const auto& [name, tensor] : frozen) averaged[name] = {tensor.reshape({-1}), 0, tensor.sizes().vec()};
    }
    share.ema = std::move(averaged);
    PieceMap moments;
    for (const char* kind : AdamW::kKinds)
      moments.merge(shards_->named(fmt::format("{}.", kind), optimizer_->state(kind)));
    share.optimizer = std::move(moments);
  } else if (share.rank == 0) {
    share.ema = averaged_->state();
    share.optimizer = optimizer_->state();
  }
  return share;
}

}  // namespace spinfill
