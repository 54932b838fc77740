// SPDX-License-Identifier: Apache-2.0
#include "train/step/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"

namespace spinfill {

AdamW::AdamW(std::vector<NamedParameter> parameters, const OptimizerConfig& config)
    : config_(config), count_(parameters.size()) {
  groups_.push_back({config.weight_decay, {}, {}, {}, {}, {}, {}});
  groups_.push_back({0.0, {}, {}, {}, {}, {}, {}});
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, tensor, decays] = parameters[i];
    Group& group = groups_[decays ? 0 : 1];
    group.names.push_back(name);
    group.places.push_back(i);
    group.parameters.push_back(tensor);
    group.exp_avgs.push_back(at::zeros_like(tensor));
    group.exp_avg_sqs.push_back(at::zeros_like(tensor));
    group.steps.push_back(at::zeros({}, tensor.options().dtype(at::kFloat)));
  }
}

void AdamW::zero_grad() {
  for (Group& group : groups_) {
    for (at::Tensor& parameter : group.parameters) parameter.mutable_grad().reset();
  }
}

void AdamW::add_gradients(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!gradients[i].defined()) continue;
    at::Tensor& sum = parameters[i].mutable_grad();
    // A copy of its own in the parameter's layout: the fused kernel reads both by position, and gradients may share
    // memory.
    if (!sum.defined()) {
      sum = at::empty_like(parameters[i]).copy_(gradients[i]);
    } else {
      sum.add_(gradients[i]);
    }
  }
}

std::vector<at::Tensor> AdamW::gradients(const Group& group) const {
  std::vector<at::Tensor> list;
  for (const at::Tensor& parameter : group.parameters) {
    if (!parameter.grad().defined()) parameter.mutable_grad() = at::zeros_like(parameter);
    list.push_back(parameter.grad());
  }
  return list;
}

void AdamW::scale_gradients(double factor) {
  const at::NoGradGuard no_grad;
  for (const Group& group : groups_) {
    if (auto list = gradients(group); !list.empty()) at::_foreach_mul_(list, factor);
  }
}

at::Tensor AdamW::gradient_norm() const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> norms;
  for (const Group& group : groups_) {
    auto list = gradients(group);
    if (list.empty()) continue;
    for (at::Tensor& norm : at::_foreach_norm(list)) norms.push_back(norm);
  }
  if (norms.empty()) return at::zeros({}, at::kFloat);
  return at::stack(norms).norm();
}

void AdamW::clip_gradients(double norm, double max_norm) {
  if (norm > max_norm) scale_gradients(max_norm / (norm + 1e-6));
}

void AdamW::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  for (Group& group : groups_) {
    if (group.parameters.empty()) continue;
    auto list = gradients(group);
    at::_foreach_add_(group.steps, 1);  // the fused kernel reads the count and does not advance it
    at::_fused_adamw_(group.parameters, list, group.exp_avgs, group.exp_avg_sqs, {}, group.steps, learning_rate,
                      config_.beta1, config_.beta2, group.weight_decay, config_.epsilon, /*amsgrad=*/false,
                      /*maximize=*/false);
  }
}

TensorMap AdamW::state() const {
  TensorMap state;
  for (const Group& group : groups_) {
    for (std::size_t i = 0; i < group.names.size(); ++i) {
      state["exp_avg." + group.names[i]] = group.exp_avgs[i];
      state["exp_avg_sq." + group.names[i]] = group.exp_avg_sqs[i];
      state["step." + group.names[i]] = group.steps[i];
    }
  }
  return state;
}

std::vector<at::Tensor> AdamW::state(const std::string& kind) const {
  std::vector<at::Tensor> list(count_);
  for (const Group& group : groups_) {
    const auto& values = kind == kKinds[0] ? group.exp_avgs : kind == kKinds[1] ? group.exp_avg_sqs : group.steps;
    for (std::size_t i = 0; i < values.size(); ++i) list[group.places[i]] = values[i];
  }
  return list;
}

void AdamW::load_state(const TensorMap& state, const std::string& where) {
  const at::NoGradGuard no_grad;
  TensorMap own = this->state();
  for (const auto& [name, tensor] : state) {
    if (own.count(name) == 0) fail("{}: unexpected optimiser state '{}'", where, name);
  }
  for (auto& [name, tensor] : own) {
    const auto found = state.find(name);
    if (found == state.end()) fail("{}: optimiser state '{}' is missing", where, name);
    if (found->second.sizes() != tensor.sizes()) fail("{}: optimiser state '{}' has another shape", where, name);
    tensor.copy_(found->second);
  }
}

void update_ema(const std::vector<at::Tensor>& ema, const std::vector<at::Tensor>& weights, double decay) {
  const at::NoGradGuard no_grad;
  at::_foreach_lerp_(ema, weights, 1.0 - decay);
}

}  // namespace spinfill
