// SPDX-License-Identifier: Apache-2.0
#include "train/step/recorded_pass.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include <utility>

#include <torch/csrc/autograd/autograd.h>

#include "core/log.h"
#include "train/step/optimizer.h"

namespace spinfill {
namespace {

std::string shape_text(const ViewLayout& layout) {
  std::vector<std::string> parts;
  for (const ViewGroup& group : layout.groups) {
    parts.push_back(fmt::format("{} × {} references and {} targets", group.samples, group.references, group.targets));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string key_of(const Batch& batch, const TrainingDraw& draw, const LossOptions& options) {
  std::string key = fmt::format("{} {} {}", fmt::join(batch.colour.sizes(), ","),
                                fmt::join(draw.noise.noise.sizes(), ","), to_json(options).dump());
  return key + shape_text(draw.arrangement.layout);
}

// Everything on the device that a pass reads.
std::vector<at::Tensor*> inputs_of(Batch& batch, TrainingDraw& draw) {
  std::vector<at::Tensor*> inputs = batch.on_device();
  ViewLayout& layout = draw.arrangement.layout;
  ConditionDrop& drop = draw.arrangement.drop;
  for (at::Tensor* tensor :
       {&layout.reference_rows, &layout.target_rows, &layout.reference_samples, &layout.target_samples,
        &layout.targets_per_sample, &drop.identity, &drop.references, &drop.priors, &drop.normals,
        &draw.arrangement.category_rows, &draw.noise.sigma, &draw.noise.noise, &draw.noise.rolled}) {
    inputs.push_back(tensor);
  }
  return inputs;
}

}  // namespace

RecordedPasses::RecordedPasses(const Denoiser& denoiser, MakeRecording make, std::size_t most)
    : denoiser_(denoiser), make_(std::move(make)), most_(most) {
  for (const auto& [name, tensor] : denoiser_.trained_parameters()) {
    parameters_.push_back(tensor);
    gradients_.push_back(at::zeros_like(tensor));
  }
}

void RecordedPasses::begin_step() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    gradients_[i].zero_();
    parameters_[i].mutable_grad() = gradients_[i];
  }
}

TrainingLoss RecordedPasses::pass(const Batch& batch, const TrainingDraw& draw, const LossOptions& options) {
  TrainingLoss loss = training_loss(denoiser_, batch, draw, options);
  const std::vector<at::Tensor> gradients =
      torch::autograd::grad({loss.sum}, parameters_, {}, {}, false, /*allow_unused=*/true);
  AdamW::add_gradients(parameters_, gradients);
  loss.sum = loss.sum.detach();
  return loss;
}

TrainingLoss RecordedPasses::add(const Batch& batch, const TrainingDraw& draw, const LossOptions& options) {
  const std::string key = key_of(batch, draw, options);
  const auto found = shapes_.find(key);
  if (found == shapes_.end()) {
    // Not recorded the first time: libraries choose their kernels then.
    if (shapes_.size() < most_) shapes_.emplace(key, nullptr);
    return pass(batch, draw, options);
  }
  const at::NoGradGuard no_grad;
  if (!found->second) {
    auto shape = std::make_unique<Shape>(Shape{batch, draw, {}, make_()});
    for (at::Tensor* input : inputs_of(shape->batch, shape->draw)) {
      if (input->defined()) *input = input->clone();
    }
    Shape& own = *shape;
    own.recording->record([&] {
      const at::AutoGradMode with_gradients(true);
      own.loss = pass(own.batch, own.draw, options);
    });
    log_info("recorded for replay: a pass over {}", shape_text(draw.arrangement.layout));
    found->second = std::move(shape);
  } else {
    Batch given = batch;
    TrainingDraw drawn = draw;
    const std::vector<at::Tensor*> from = inputs_of(given, drawn);
    const std::vector<at::Tensor*> to = inputs_of(found->second->batch, found->second->draw);
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (to[i]->defined()) to[i]->copy_(*from[i], /*non_blocking=*/true);
    }
  }
  Shape& shape = *found->second;
  shape.recording->replay();
  // The next replay overwrites these.
  return {shape.loss.sum.clone(), shape.loss.count, shape.loss.squared_error.clone()};
}

}  // namespace spinfill
