// SPDX-License-Identifier: Apache-2.0
#include "train/azimuth/azimuth_trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "core/random.h"
#include "core/side_by_side.h"
#include "train/step/optimizer.h"
#include "train/step/schedule.h"

namespace spinfill {
namespace {

using Part = AzimuthNetworkImpl::Part;
constexpr double kFeatureShare = 1.0 / 3;  // of the head's learning rate
constexpr std::int64_t kAtOnce = 2;        // parts of a batch, fixed: their gradients are added in their order
constexpr std::int64_t kScored = 32;       // windows at a time

std::vector<NamedParameter> trained(const AzimuthNetwork& network, Part part) {
  std::vector<NamedParameter> out;
  for (auto& [name, tensor] : network->part(part)) out.push_back({name, tensor});
  return out;
}

struct Windows {
  at::Tensor windows;
  std::vector<double> azimuths_deg;
};
template <class Sample>
Windows windows_of(std::int64_t first, std::int64_t last, const Sample& sample) {
  std::vector<cv::Mat> pictures;
  Windows out;
  for (std::int64_t i = first; i < last; ++i) {
    AzimuthSample one = sample(i);
    pictures.push_back(std::move(one.window));
    out.azimuths_deg.push_back(one.azimuth_deg);
  }
  out.windows = window_tensor(pictures);
  return out;
}

// Dropout of the hidden layer, a function of the sample's number.
at::Tensor kept(std::uint64_t seed, std::int64_t first, std::int64_t last, double dropout) {
  at::Tensor keep = at::empty({last - first, AzimuthNetworkImpl::kHidden}, at::kFloat);
  auto values = keep.accessor<float, 2>();
  for (std::int64_t i = first; i < last; ++i) {
    Random random(seed, static_cast<std::uint64_t>(i), Stream::dropout);
    for (std::int64_t h = 0; h < AzimuthNetworkImpl::kHidden; ++h)
      values[i - first][h] = random.chance(dropout) ? 0.F : static_cast<float>(1 / (1 - dropout));
  }
  return keep;
}

struct Share {
  double loss;
  std::vector<at::Tensor> gradients;
};

// Logits of all validation views, and their truth.
struct Validation {
  at::Tensor logits;
  std::vector<double> azimuths_deg;
};
Validation validate(const AzimuthModel& model, const AzimuthSamples& samples) {
  const std::int64_t count = samples.views(), parts = (count + kScored - 1) / kScored;
  std::vector<at::Tensor> logits;
  Validation out;
  for (std::int64_t first = 0; first < parts; first += kAtOnce) {
    const auto some = side_by_side(static_cast<std::size_t>(std::min(kAtOnce, parts - first)), [&](std::size_t i) {
      const at::NoGradGuard no_grad;
      const std::int64_t begin = (first + static_cast<std::int64_t>(i)) * kScored;
      const Windows windows =
          windows_of(begin, std::min(begin + kScored, count), [&](std::int64_t view) { return samples.plain(view); });
      AzimuthNetwork network = model.network;
      return std::pair(network->forward(windows.windows), windows.azimuths_deg);
    });
    for (const auto& [part, azimuths] : some) {
      logits.push_back(part);
      out.azimuths_deg.insert(out.azimuths_deg.end(), azimuths.begin(), azimuths.end());
    }
  }
  out.logits = at::cat(logits);
  return out;
}

// The temperature under which the truth is most likely (Guo et al., "On calibration of modern neural networks", ICML
// 2017, §4.2), among steps of 5 %.
double most_likely_temperature(const Validation& validation) {
  double best = 1, lowest = INFINITY;
  for (int i = -30; i <= 45; ++i) {
    const double temperature = std::pow(1.05, i);
    const double loss = azimuth_loss(validation.logits / temperature, validation.azimuths_deg).item<double>();
    if (loss >= lowest) continue;
    lowest = loss;
    best = temperature;
  }
  return best;
}

AzimuthScores score_of(const Validation& validation, double temperature) {
  const at::Tensor shares = at::softmax(validation.logits / temperature, 1);
  std::vector<ScoredAzimuth> azimuths;
  for (std::size_t i = 0; i < validation.azimuths_deg.size(); ++i)
    azimuths.push_back({estimate_of(shares[static_cast<std::int64_t>(i)]), validation.azimuths_deg[i]});
  return azimuth_scores(azimuths);
}

}  // namespace

AzimuthScores train_azimuth(AzimuthModel& model, const AzimuthSamples& samples, const AzimuthSamples& validation,
                            const AzimuthTraining& options, const AzimuthProgress& progress) {
  OptimizerConfig config;
  config.learning_rate = options.learning_rate;
  std::vector<NamedParameter> features = trained(model.network, Part::features),
                              head = trained(model.network, Part::head);
  for (const NamedParameter& still : trained(model.network, Part::early))
    at::Tensor(still.tensor).set_requires_grad(false);
  std::vector<at::Tensor> parameters;
  for (const auto& list : {features, head})
    for (const NamedParameter& parameter : list)
      parameters.push_back(at::Tensor(parameter.tensor).set_requires_grad(true));
  AdamW of_features(features, config), of_head(head, config);

  for (std::int64_t step = 0; step < options.steps; ++step) {
    const std::int64_t part = options.batch / kAtOnce;
    const std::vector<Share> shares = side_by_side(kAtOnce, [&](std::size_t i) {
      const std::int64_t first = step * options.batch + static_cast<std::int64_t>(i) * part;
      const Windows windows = windows_of(first, first + part, [&](std::int64_t sample) { return samples.at(sample); });
      AzimuthNetwork network = model.network;
      const at::Tensor logits =
          network->forward(windows.windows, kept(options.seed, first, first + part, options.dropout));
      const at::Tensor loss = azimuth_loss(logits, windows.azimuths_deg) / static_cast<double>(kAtOnce);
      return Share{loss.item<double>(), torch::autograd::grad({loss}, parameters)};
    });
    double loss = 0;
    of_features.zero_grad();
    of_head.zero_grad();
    for (const Share& share : shares) {
      AdamW::add_gradients(parameters, share.gradients);
      loss += share.loss;
    }
    const double norm = std::hypot(of_features.gradient_norm().item<double>(), of_head.gradient_norm().item<double>());
    if (!std::isfinite(loss) || !std::isfinite(norm))
      fail("the loss is not finite at step {}: give a lower --learning-rate", step);
    const double rate = learning_rate_at(config, step, options.steps);
    for (AdamW* optimizer : {&of_features, &of_head}) {
      optimizer->clip_gradients(norm, config.max_gradient_norm);
      optimizer->step(optimizer == &of_head ? rate : kFeatureShare * rate);
    }
    if (progress) progress(step + 1, loss);
  }
  for (at::Tensor& parameter : parameters) parameter.set_requires_grad(false);
  const Validation seen = validate(model, validation);
  model.temperature = most_likely_temperature(seen);
  return score_of(seen, model.temperature);
}

}  // namespace spinfill
