// SPDX-License-Identifier: Apache-2.0
#include "train/azimuth/azimuth_trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "core/side_by_side.h"
#include "data/pictures/picture_tensor.h"

namespace spinfill {
namespace {

constexpr std::int64_t kAtOnce = 2;   // parts of the validation views
constexpr std::int64_t kScored = 32;  // windows at a time

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
  out.windows = picture_tensor(pictures);
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
                            const AzimuthTraining& options, const FineTuningProgress& progress) {
  fine_tune(
      *model.network, options,
      [&](std::int64_t first, std::int64_t last) {
        const Windows windows = windows_of(first, last, [&](std::int64_t sample) { return samples.at(sample); });
        AzimuthNetwork network = model.network;
        const at::Tensor logits = network->forward(windows.windows, kept(options.seed, first, last, options.dropout));
        return azimuth_loss(logits, windows.azimuths_deg);
      },
      progress);
  const Validation seen = validate(model, validation);
  model.temperature = most_likely_temperature(seen);
  return score_of(seen, model.temperature);
}

}  // namespace spinfill
