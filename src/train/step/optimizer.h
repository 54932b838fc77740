// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensors/safetensors.h"
#include "run/run_config.h"

namespace spinfill {

struct NamedParameter {
  std::string name;
  at::Tensor tensor;
  bool decays = tensor.dim() >= 2;  // matrices and kernels; not biases, norms and embeddings of one axis
};

// Decoupled weight decay (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2) through
// LibTorch's fused list kernel.
class AdamW {
 public:
  AdamW(std::vector<NamedParameter> parameters, const OptimizerConfig& config);

  void zero_grad();
  // Adds to the parameters' gradients; an undefined one adds nothing.
  static void add_gradients(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients);
  void scale_gradients(double factor);
  // Global L2 norm of all gradients (0-dim tensor on the device); a parameter without a gradient counts as zero.
  at::Tensor gradient_norm() const;
  // Scales the gradients so that their global norm is at most max_norm. `norm` is the value of gradient_norm().
  void clip_gradients(double norm, double max_norm);
  void step(double learning_rate);

  // Moments and step counts, named "exp_avg.NAME", "exp_avg_sq.NAME", "step.NAME".
  TensorMap state() const;
  void load_state(const TensorMap& state, const std::string& where);
  // One kind of them ("exp_avg", "exp_avg_sq" or "step"), in the order of the parameters.
  static constexpr const char* kKinds[] = {"exp_avg", "exp_avg_sq", "step"};
  std::vector<at::Tensor> state(const std::string& kind) const;

 private:
  struct Group {
    double weight_decay;
    std::vector<std::string> names;
    std::vector<std::size_t> places;  // among all parameters
    std::vector<at::Tensor> parameters, exp_avgs, exp_avg_sqs, steps;
  };
  std::vector<at::Tensor> gradients(const Group& group) const;
  OptimizerConfig config_;
  std::vector<Group> groups_;
  std::size_t count_;
};

// Exponential moving average of the weights, kept apart and never swapped in: ema ← ema + (1 − decay)·(weights − ema).
void update_ema(const std::vector<at::Tensor>& ema, const std::vector<at::Tensor>& weights, double decay);

}  // namespace spinfill
