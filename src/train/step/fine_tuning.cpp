// SPDX-License-Identifier: Apache-2.0
#include "train/step/fine_tuning.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "core/side_by_side.h"
#include "core/signals.h"
#include "train/step/optimizer.h"
#include "train/step/schedule.h"

namespace spinfill {
namespace {

constexpr double kFeatureShare = 1.0 / 3;   // of the head's learning rate
constexpr std::int64_t kPartsOfABatch = 2;  // fixed: their gradients are added in their order

std::vector<NamedParameter> named_part(const torch::nn::Module& network, NetworkPart part) {
  std::vector<NamedParameter> out;
  for (auto& [name, tensor] : parameters_of(network, part)) out.push_back({name, tensor});
  return out;
}

struct PartOfABatch {
  double loss;
  std::vector<at::Tensor> gradients;
};

}  // namespace

std::int64_t fine_tune(const torch::nn::Module& network, const FineTuning& options, const SampleLoss& loss_of,
                       const FineTuningProgress& progress) {
  OptimizerConfig config;
  config.learning_rate = options.learning_rate;
  const std::vector<NamedParameter> features = named_part(network, NetworkPart::features),
                                    head = named_part(network, NetworkPart::head);
  for (const NamedParameter& still : named_part(network, NetworkPart::early))
    at::Tensor(still.tensor).set_requires_grad(false);
  std::vector<at::Tensor> parameters;
  for (const auto& list : {features, head})
    for (const NamedParameter& parameter : list)
      parameters.push_back(at::Tensor(parameter.tensor).set_requires_grad(true));
  AdamW of_features(features, config), of_head(head, config);

  std::int64_t made = 0;
  while (made < options.steps && !StopSignals::requested()) {
    const std::int64_t part = options.batch / kPartsOfABatch;
    const std::vector<PartOfABatch> parts = side_by_side(kPartsOfABatch, [&](std::size_t i) {
      const std::int64_t first = made * options.batch + static_cast<std::int64_t>(i) * part;
      const at::Tensor loss = loss_of(first, first + part) / static_cast<double>(kPartsOfABatch);
      return PartOfABatch{loss.item<double>(), torch::autograd::grad({loss}, parameters)};
    });
    double loss = 0;
    of_features.zero_grad();
    of_head.zero_grad();
    for (const PartOfABatch& one : parts) {
      AdamW::add_gradients(parameters, one.gradients);
      loss += one.loss;
    }
    const double norm = std::hypot(of_features.gradient_norm().item<double>(), of_head.gradient_norm().item<double>());
    if (!std::isfinite(loss) || !std::isfinite(norm))
      fail("the loss is not finite at step {}: give a lower --learning-rate", made);
    const double rate = learning_rate_at(config, made, options.steps);
    for (AdamW* optimizer : {&of_features, &of_head}) {
      optimizer->clip_gradients(norm, config.max_gradient_norm);
      optimizer->step(optimizer == &of_head ? rate : kFeatureShare * rate);
    }
    ++made;
    if (progress) progress(made, loss);
  }
  for (at::Tensor& parameter : parameters) parameter.set_requires_grad(false);
  return made;
}

}  // namespace spinfill
