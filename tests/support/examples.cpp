// SPDX-License-Identifier: Apache-2.0
#include "support/examples.h"

#include <ATen/ATen.h>

#include <cmath>
#include <stdexcept>

#include "metrics/report.h"

namespace spinfill {

at::Tensor sequence(std::uint32_t which, const std::vector<std::int64_t>& shape) {
  at::Tensor values = at::empty(shape, at::kDouble);
  double* const data = values.data_ptr<double>();
  std::uint32_t x = 12345 + which;
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    x = 1664525 * x + 1013904223;
    data[i] = (x >> 8) / 16777216.0;
  }
  return values;
}

at::Tensor picture(std::uint32_t which, std::int64_t height, std::int64_t width) {
  const at::Tensor x = at::arange(width, at::kDouble).view({1, 1, 1, width}) / static_cast<double>(width - 1);
  const at::Tensor y = at::arange(height, at::kDouble).view({1, 1, height, 1}) / static_cast<double>(height - 1);
  const at::Tensor ramp = 0.6 * x + 0.4 * y;
  return ((0.25 * sequence(which, {1, 3, height, width}) + 0.75 * ramp) * 255).round() / 255;
}

at::Tensor coverage(std::uint32_t which, std::int64_t height, std::int64_t width) {
  return (sequence(which, {1, 1, height, width}) * 255).round() / 255;
}

const Json& reference() {
  static const Json loaded = read_json(test::fixture("metrics/reference.json"));
  return loaded;
}

const Json& lpips_reference(const std::string& net) {
  static const Json shift_tolerant = read_json(test::fixture("metrics/st_lpips.json"));
  for (const Json* cases : {&reference()["lpips"], &shift_tolerant["lpips"]})
    for (const Json& entry : *cases)
      if (entry["net"] == net) return entry;
  throw std::logic_error("no reference for " + net);
}

TensorMap example_lpips_weights(const std::string& net) {
  TensorMap tensors;
  std::uint32_t which = 1000;
  for (const auto& [key, shape] : lpips_reference(net)["keys"].items()) {  // sorted by name
    const auto sizes = shape.get<std::vector<std::int64_t>>();
    at::Tensor values = sequence(which++, sizes);
    if (key.ends_with(".bias")) {
      values = 0.1 * (values - 0.5);
    } else if (key.starts_with("lin")) {
      values = values / 10;
    } else {
      values = (values - 0.5) * 2 * std::sqrt(9.0 / static_cast<double>(sizes[1] * sizes[2] * sizes[3]));
    }
    tensors[key] = values.to(at::kFloat);
  }
  return tensors;
}

Batch example_batch(const std::vector<std::int64_t>& samples, const std::vector<std::vector<std::int64_t>>& missing,
                    std::int64_t height, std::int64_t width) {
  constexpr std::int64_t V = Batch::kViews;
  const auto B = static_cast<std::int64_t>(samples.size());
  Batch batch;
  batch.samples = samples;
  batch.background = at::ones({B, 3}, at::kFloat);
  batch.is_reference = at::ones({B, V}, at::kBool);
  batch.is_target = at::zeros({B, V}, at::kBool);
  batch.azimuth_deg = (at::arange(V, at::kDouble) * 45).expand({B, V}).contiguous();
  batch.vehicle_from_camera = at::eye(4, at::kDouble).expand({B, V, 4, 4}).contiguous();
  batch.intrinsics = at::ones({B, V, 4}, at::kDouble);
  batch.cue = at::zeros({B, V, Batch::kCueSize}, at::kFloat);
  batch.category = at::zeros({B}, at::kLong);
  const at::Tensor x = at::linspace(-1, 1, width).view({1, width}), y = at::linspace(-1, 1, height).view({height, 1});
  const at::Tensor ellipse = (x * x + y * y < 0.6).to(at::kFloat);
  batch.alpha = ellipse.expand({B, V, 1, height, width}).contiguous();
  std::vector<at::Tensor> colours, warped, mirrored;
  for (std::int64_t b = 0; b < B; ++b) {
    batch.ids.push_back(fmt::format("car-{}", samples[b]));
    batch.category[b] = samples[b] % 3;
    for (const std::int64_t v : missing[b]) {
      batch.is_reference[b][v] = false;
      batch.is_target[b][v] = true;
    }
    const auto which = static_cast<std::uint32_t>(samples[b] * 10);
    const auto shape = std::vector<std::int64_t>{V, 3, height, width};
    colours.push_back(sequence(which, shape).to(at::kFloat) * ellipse + (1 - ellipse));
    warped.push_back(sequence(which + 5, shape).to(at::kFloat));
    mirrored.push_back(sequence(which + 6, shape).to(at::kFloat));
  }
  batch.colour = at::stack(colours);
  PriorMaps& p = batch.priors;
  const auto map = [&](std::int64_t channels) { return at::zeros({B, V, channels, height, width}); };
  p.silhouette = batch.alpha.clone();
  p.depth = map(1);
  p.normal = map(3);
  p.canonical = map(3);
  p.warped = at::stack(warped);
  p.warped_confidence = at::ones_like(p.silhouette);
  p.mirrored = at::stack(mirrored);
  p.mirrored_confidence = map(1);
  p.flipped = at::ones_like(p.warped);
  p.flipped_validity = map(1);
  for (std::int64_t b = 0; b < B; ++b) {
    for (std::int64_t v = 0; v < V; ++v) {
      const std::int64_t m = mirrored_slot(v);
      if (m == v || !batch.is_reference[b][m].item<bool>()) continue;
      p.flipped[b][v] = batch.colour[b][m].flip({2});
      p.flipped_validity[b][v].fill_(1);
    }
  }
  return batch;
}

Predictor example_model(double noise) {
  return [noise](const Batch& batch) { return batch.colour + noise * (batch.priors.mirrored - 0.5); };
}

NextBatch batches_of(std::vector<Batch> batches) {
  auto at = std::make_shared<std::size_t>(0);
  auto kept = std::make_shared<std::vector<Batch>>(std::move(batches));
  return [at, kept]() -> std::optional<Batch> {
    if (*at == kept->size()) return std::nullopt;
    return (*kept)[(*at)++];
  };
}

std::string text_of(const EvaluationReport& report) {
  return report_to_json(report).dump();
}

}  // namespace spinfill
