// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "run/run_config.h"
#include "train/ranks/gradient_reducer.h"
#include "train/ranks/ranks.h"
#include "train/step/weight_shards.h"

namespace spinfill {

// Adds up the gradients of all ranks: in buckets, while backward still runs, or afterwards; or, where weights are
// shared among ranks, for each piece on the rank that holds it.
class GradientExchange {
 public:
  // `overlap`: while backward runs; every parameter must then take part in every step's last micro-batch.
  GradientExchange(Ranks& ranks, std::vector<at::Tensor> parameters, bool overlap = true,
                   WeightShards* shards = nullptr);

  // Backward of a loss; with `last`, for a step's last micro-batch, the gradients of all ranks are added up as well.
  void backward(const at::Tensor& loss, bool last);
  // Adds up gradients that were made without backward().
  void sum_now();
  // The norm of all gradients; `own` is the norm of those in this rank's optimiser.
  double norm(double own) const;
  // After the optimiser's step: where weights are shared, copies its pieces into the weights of all ranks.
  void publish();
  // The factor that turns the gradients into sums: the reducer gives means.
  double factor() const { return reduced_ ? ranks_.world() : 1; }

 private:
  Ranks& ranks_;
  std::vector<at::Tensor> parameters_;
  std::unique_ptr<GradientReducer> reducer_;
  WeightShards* shards_;
  bool reduced_ = false;
};

// Whether ranks may add up gradients while backward runs. Not where a sample may have no reference: the network's part
// for references may then get no gradient. Not with recorded passes: gradients are added up after the last one.
bool exchanges_while_backward(const TrainConfig& train, const DataConfig& data);

}  // namespace spinfill
