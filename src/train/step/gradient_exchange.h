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

// Adds up the gradients of all ranks: in buckets, while backward still runs, or at once; or, where weights are shared
// among ranks, for each piece on the rank that holds it.
class GradientExchange {
 public:
  // `overlap`: while backward runs, for which every parameter must take part in every last micro-batch.
  GradientExchange(Ranks& ranks, std::vector<at::Tensor> parameters, bool overlap = true,
                   WeightShards* shards = nullptr);

  // Backward of a loss; with `last`, of a step's last micro-batch, the gradients of all ranks are added up on the way.
  void backward(const at::Tensor& loss, bool last);
  // Adds up gradients that were made without backward().
  void sum_now();
  // The norm of all gradients, of that of those which the optimiser of this rank has.
  double norm(double own) const;
  // After the optimiser's step: its pieces become all ranks' weights, where they are shared.
  void publish();
  // By what the gradients must be multiplied to be sums: the reducer gives means.
  double factor() const { return reduced_ ? ranks_.world() : 1; }

 private:
  Ranks& ranks_;
  std::vector<at::Tensor> parameters_;
  std::unique_ptr<GradientReducer> reducer_;
  WeightShards* shards_;
  bool reduced_ = false;
};

// Whether ranks may add up gradients while backward runs: where a sample may have no reference, the network's share for
// references may have no gradient. Recorded passes do it behind the last one.
bool exchanges_while_backward(const TrainConfig& train, const DataConfig& data);

}  // namespace spinfill
