// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/generate.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/random.h"
#include "model/sampling/guided_denoiser.h"

namespace spinfill {

namespace {

// Unit noise per target row from a generator of its own, a function of (seed, sample, slot). The layout is one on the
// processor.
class RowNoise {
 public:
  RowNoise(const ViewLayout& layout, const Batch& batch, std::uint64_t seed, std::vector<std::int64_t> shape)
      : shape_(std::move(shape)), device_(batch.colour.device()) {
    const at::Tensor& rows = layout.target_rows;
    for (std::int64_t i = 0; i < rows.size(0); ++i) {
      const std::int64_t row = rows.const_data_ptr<std::int64_t>()[i];
      const std::int64_t sample = batch.samples.at(static_cast<std::size_t>(row / layout.views));
      const auto index = static_cast<std::uint64_t>(sample * layout.views + row % layout.views);
      generators_.push_back(at::make_generator<at::CPUGeneratorImpl>(Random(seed, index, Stream::sampling).bits64()));
    }
  }
  at::Tensor operator()() {
    std::vector<std::int64_t> shape = shape_;
    shape.insert(shape.begin(), static_cast<std::int64_t>(generators_.size()));
    const at::Tensor noise = at::empty(shape, at::kFloat);
    for (std::size_t i = 0; i < generators_.size(); ++i) {
      noise.select(0, static_cast<std::int64_t>(i)).normal_(0, 1, generators_[i]);
    }
    return noise.to(device_);
  }

 private:
  std::vector<std::int64_t> shape_;
  at::Device device_;
  std::vector<at::Generator> generators_;
};

// What is generated of a batch.
struct Generated {
  at::Tensor pictures;  // [B,V,3,H,W]
  TargetFields fields;
};

struct Counter {
  const SamplerProgress& report;
  std::int64_t done = 0, total = 0;
  void add() {
    ++done;
    if (report) report(done, total);
  }
};

// Writes what is generated of the batch's targets into `out`.
void generate_targets(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config, std::uint64_t seed,
                      Counter& counter, Generated& out) {
  const ModelConfig& model = denoiser.config();
  GuidedDenoiser guided(denoiser, batch, denoiser.arrange(batch), config.guided(), config.cache);
  const ViewLayout& layout = guided.conditioning().layout;
  const std::int64_t factor = denoiser.autoencoder().factor();
  RowNoise noise(make_view_layout(batch.is_reference, batch.is_target), batch, seed,
                 {denoiser.autoencoder().channels(), batch.colour.size(-2) / factor, batch.colour.size(-1) / factor});
  const auto [regression, sigmas] = noise_schedule(model, config);
  const DenoiseFunction denoise = [&](const at::Tensor& x, double sigma) {
    at::Tensor d = guided(x, sigma);
    counter.add();
    return d;
  };
  at::Tensor x = noise();
  // At the model's sigma_max D ignores x.
  x = regression ? denoise(x, model.sigma_max) + x * sigmas.front() : x * sigmas.front();
  switch (config.solver) {
    case Solver::dpmpp_2m: x = sample_dpmpp_2m(x, sigmas, denoise); break;
    case Solver::heun: x = sample_heun(x, sigmas, denoise, config, [&] { return noise(); }); break;
    case Solver::euler: x = sample_euler(x, sigmas, denoise); break;
  }
  const at::Tensor generated = at::clamp((denoiser.autoencoder().decode(x) + 1) * 0.5, 0, 1);
  const auto put = [&](const at::Tensor& rows, at::Tensor& all) {
    all.flatten(0, 1).index_copy_(0, layout.target_rows, rows.to(all.scalar_type()));
  };
  put(generated, out.pictures);
  const SourceFields& fields = guided.fields();
  if (!fields.correction.defined()) return;
  put(fields.correction, out.fields.correction);
  put(fields.coverage.clamp(0, 1), out.fields.coverage);
}

// The next target of each sample [B,V]: the one whose slot is nearest to a reference, the lowest slot among equals.
at::Tensor next_targets(const at::Tensor& is_reference, const at::Tensor& is_target) {
  const at::Tensor references = is_reference.to(at::kCPU), targets = is_target.to(at::kCPU);
  at::Tensor next = at::zeros_like(targets);
  const std::int64_t views = targets.size(1);
  for (std::int64_t b = 0; b < targets.size(0); ++b) {
    std::int64_t best = -1, best_distance = views + 1;
    for (std::int64_t v = 0; v < views; ++v) {
      if (!targets[b][v].item<bool>()) continue;
      std::int64_t distance = views;
      for (std::int64_t r = 0; r < views; ++r) {
        if (!references[b][r].item<bool>()) continue;
        const std::int64_t apart = std::abs(v - r);
        distance = std::min(distance, std::min(apart, views - apart));
      }
      if (distance < best_distance) {
        best = v;
        best_distance = distance;
      }
    }
    if (best >= 0) next[b][best] = true;
  }
  return next.to(is_target.device());
}

// Evaluations of the network for a batch, each of which is for all of its samples.
std::int64_t evaluations_of(const Batch& batch, const SamplerConfig& config, const ModelConfig& model) {
  return evaluations(batch.is_target.sum(1).max().item<std::int64_t>(), config, model);
}

Generated generate_together(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config,
                            std::uint64_t seed, Counter& counter) {
  const at::Tensor reference = batch.is_reference.view({batch.is_reference.size(0), -1, 1, 1, 1}).to(denoiser.device());
  Generated out{at::where(reference, batch.colour, at::zeros_like(batch.colour)).contiguous(),
                {at::zeros_like(batch.alpha), at::zeros_like(batch.alpha)}};
  if (!batch.is_target.any().item<bool>()) return out;
  if (config.mode == SamplingMode::joint) {
    generate_targets(denoiser, batch, config, seed, counter, out);
    return out;
  }
  // Each round generates one target of every sample that has any left; it then is a reference like the given ones.
  Batch round = batch;
  round.colour = out.pictures;
  at::Tensor left = batch.is_target;
  while (left.any().item<bool>()) {
    round.is_target = next_targets(round.is_reference, left);
    generate_targets(denoiser, round, config, seed, counter, out);
    left = at::logical_and(left, at::logical_not(round.is_target));
    round.is_reference = at::logical_or(round.is_reference, round.is_target);
  }
  return out;
}

}  // namespace

std::int64_t evaluations(std::int64_t targets, const SamplerConfig& config, const ModelConfig& model) {
  if (targets == 0) return 0;
  const auto [regression, sigmas] = noise_schedule(model, config);
  const std::int64_t once =
      evaluations(config.solver, static_cast<std::int64_t>(sigmas.size()) - 1) + (regression ? 1 : 0);
  return config.mode == SamplingMode::joint ? once : once * targets;
}

at::Tensor generate(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config, std::uint64_t seed,
                    const SamplerProgress& progress, TargetFields* fields) {
  const at::NoGradGuard no_grad;
  if (batch.colour.device() != denoiser.device()) fail("generate: the batch is not on the model's device");
  require_guidable(denoiser.config(), config.guided());
  std::vector<Batch> parts = {batch};
  if (denoiser.device().is_cpu() && batch.size() > 1) {
    parts.clear();
    for (std::int64_t b = 0; b < batch.size(); ++b) parts.push_back(batch.one(b));
  }
  Counter counter{progress};
  for (const Batch& part : parts) counter.total += evaluations_of(part, config, denoiser.config());
  std::vector<at::Tensor> pictures, corrections, coverages;
  for (const Batch& part : parts) {
    const Generated made = generate_together(denoiser, part, config, seed, counter);
    pictures.push_back(made.pictures);
    corrections.push_back(made.fields.correction);
    coverages.push_back(made.fields.coverage);
  }
  if (fields != nullptr && denoiser.config().output == OutputForm::sources)
    *fields = {at::cat(corrections), at::cat(coverages)};
  return at::cat(pictures);
}

}  // namespace spinfill
