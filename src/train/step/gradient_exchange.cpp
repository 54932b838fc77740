// SPDX-License-Identifier: Apache-2.0
#include "train/step/gradient_exchange.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

namespace spinfill {
namespace {

// In place, sent as one tensor.
void sum_together(Ranks& ranks, const std::vector<at::Tensor>& gradients) {
  std::vector<at::Tensor> parts;
  for (const at::Tensor& gradient : gradients) parts.push_back(gradient.reshape({-1}));
  at::Tensor flat = at::cat(parts);
  ranks.sum(flat);
  std::int64_t first = 0;
  for (const at::Tensor& gradient : gradients) {
    gradient.copy_(flat.narrow(0, first, gradient.numel()).view(gradient.sizes()));
    first += gradient.numel();
  }
}

}  // namespace

GradientExchange::GradientExchange(Ranks& ranks, std::vector<at::Tensor> parameters, bool overlap, WeightShards* shards)
    : ranks_(ranks), parameters_(std::move(parameters)), shards_(shards) {
  if (ranks.world() > 1 && overlap && shards == nullptr)
    reducer_ = std::make_unique<GradientReducer>(ranks, parameters_);
}

void GradientExchange::backward(const at::Tensor& loss, bool last) {
  reduced_ = reducer_ && last;
  if (reducer_) return reducer_->backward(loss, last);
  loss.backward();
  if (last) sum_now();
}

void GradientExchange::sum_now() {
  reduced_ = false;
  if (shards_ != nullptr) return shards_->take_gradients();
  if (ranks_.world() == 1) return;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> bucket;
  std::int64_t bytes = 0;
  for (const at::Tensor& parameter : parameters_) {
    at::Tensor& gradient = parameter.mutable_grad();
    if (!gradient.defined()) gradient = at::zeros_like(parameter);
    bucket.push_back(gradient);
    bytes += static_cast<std::int64_t>(gradient.nbytes());
    if (bytes < kBucketBytes) continue;
    sum_together(ranks_, bucket);
    bucket.clear();
    bytes = 0;
  }
  if (!bucket.empty()) sum_together(ranks_, bucket);
}

double GradientExchange::norm(double own) const {
  if (shards_ == nullptr) return own;
  at::Tensor square = at::full({1}, own * own, at::kDouble);
  ranks_.sum(square);
  return std::sqrt(square.item<double>());
}

void GradientExchange::publish() {
  if (shards_ != nullptr) shards_->publish();
}

bool exchanges_while_backward(const TrainConfig& train, const DataConfig& data) {
  return !train.cuda_graphs && std::ranges::count(data.references, 0) + std::ranges::count(data.missing, 8) == 0;
}

}  // namespace spinfill
