// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/generate.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/random.h"

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

// g of each target row [ΣT]: from guidance at a reference's own azimuth to guidance_far half a turn from the nearest
// reference, or where there is none (a triangle over the spin as in SV3D, Voleti et al. 2024, §3.2, by the references
// that there are). On the processor, as the layout is; batches without memory (at::kMeta) have no azimuths.
at::Tensor guidance_scales(const SamplerConfig& config, const Batch& batch, const ViewLayout& layout) {
  if (batch.azimuth_deg.is_meta()) return at::ones({layout.targets});
  const double far = config.guidance_far > 0 ? config.guidance_far : config.guidance;
  const at::Tensor azimuth = batch.azimuth_deg.to(at::kCPU).to(at::kDouble);
  const at::Tensor turn = (azimuth.unsqueeze(2) - azimuth.unsqueeze(1)).abs().remainder(360);
  const at::Tensor apart = at::minimum(turn, 360 - turn) / 180;  // [B,V,V]
  const at::Tensor given = batch.is_reference.to(at::kCPU).unsqueeze(1);
  const at::Tensor share = apart.masked_fill(given.logical_not(), 1).amin(2);
  const at::Tensor scale = share * (far - config.guidance) + config.guidance;
  return scale.to(at::kFloat).flatten().index_select(0, layout.target_rows);
}

// D of all targets, guided: D = D_∅ + g·(D_c − D_∅) (Ho & Salimans 2022), the two branches computed one after the
// other, each with a cache of the references; between two noise levels alone where they are given (Kynkäänniemi et al.
// 2024, "Applying guidance in a limited interval").
class GuidedDenoiser {
 public:
  GuidedDenoiser(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config)
      : denoiser_(denoiser), config_(config) {
    branches_.push_back(make_branch(batch, {}));
    if (!config.guided()) return;
    branches_.push_back(make_branch(batch, drop_everything(batch.size())));
    const ViewLayout here = make_view_layout(batch.is_reference, batch.is_target);
    scales_ = guidance_scales(config, batch, here).to(batch.colour.device()).view({-1, 1, 1, 1});
  }
  const Conditioning& conditioning() const { return branches_.front().conditioning; }
  const SourceFields& fields() const { return fields_; }  // of the last evaluation, with all conditions
  at::Tensor operator()(const at::Tensor& x, double sigma) {
    const at::Tensor levels = at::full({x.size(0)}, sigma, x.options());
    const at::Tensor d = evaluate(branches_.front(), x, levels, &fields_);
    const bool without = sigma < config_.guidance_min || (config_.guidance_max > 0 && sigma > config_.guidance_max);
    if (branches_.size() == 1 || without) return d;
    const at::Tensor unconditional = evaluate(branches_.back(), x, levels, nullptr);
    return unconditional + (d - unconditional) * scales_;
  }

 private:
  struct Branch {
    Conditioning conditioning;
    ReferenceCache cache;
  };
  Branch make_branch(const Batch& batch, const ConditionDrop& drop) const {
    Branch branch{denoiser_.condition(batch, drop), {}};
    if (config_.cache) branch.cache = denoiser_.encode_references(branch.conditioning);
    return branch;
  }
  at::Tensor evaluate(const Branch& branch, const at::Tensor& x, const at::Tensor& sigma, SourceFields* fields) const {
    return config_.cache ? denoiser_.denoise(x, sigma, branch.conditioning, branch.cache, fields)
                         : denoiser_.denoise_joint(x, sigma, branch.conditioning, fields);
  }
  const Denoiser& denoiser_;
  const SamplerConfig& config_;
  std::vector<Branch> branches_;
  at::Tensor scales_;  // [ΣT,1,1,1]
  SourceFields fields_;
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
  GuidedDenoiser guided(denoiser, batch, config);
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
  if (config.guided()) {
    const DropoutConfig& dropout = denoiser.config().dropout;
    if (dropout.identity + dropout.references + dropout.priors == 0) {
      fail_usage("guidance {} needs a model trained with dropped conditions; this one has none (model.dropout)",
                 config.guidance != 1 ? config.guidance : config.guidance_far);
    }
  }
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
