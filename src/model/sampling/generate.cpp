// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/generate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "model/sampling/guided_denoiser.h"
#include "model/sampling/reference_normals.h"
#include "model/sampling/target_latents.h"
#include "model/sampling/unseen.h"

namespace spinfill {

namespace {

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
  const TargetLatents sampled =
      sample_targets(denoiser, batch, config, {seed, /*pictures_known=*/false, [&] { counter.add(); }});
  const Autoencoder& autoencoder = denoiser.autoencoder();
  const std::int64_t C = autoencoder.channels();
  const at::Tensor x = sampled.latents.narrow(1, 0, C);
  const at::Tensor generated = at::clamp((autoencoder.decode(x) + 1) * 0.5, 0, 1);
  const auto put = [&](const at::Tensor& rows, at::Tensor& all) {
    all.flatten(0, 1).index_copy_(0, sampled.rows, rows.to(all.scalar_type()));
  };
  put(generated, out.pictures);
  if (denoiser.config().normals)
    put(autoencoder.decode(sampled.latents.narrow(1, C, C)).clamp(-1, 1), out.fields.normals);
  const SourceFields& fields = sampled.fields;
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

// normals_given [B,V] once the targets of the round are generated, which have normals like them.
at::Tensor with_generated(const Batch& round) {
  const at::Tensor made = round.is_target.to(round.colour.device(), round.colour.scalar_type());
  return round.normals_given.defined() ? at::maximum(round.normals_given, made) : made;
}

// Evaluations of the network for a batch, each of which is for all of its samples.
std::int64_t evaluations_of(const Batch& batch, const SamplerConfig& config, const ModelConfig& model) {
  const auto most = batch.is_target.sum(1).max().item<std::int64_t>();
  if (most == 0 || !lacks_reference_normals(batch, config, model)) return evaluations(most, config, model);
  SamplerConfig of_normals = config;  // which are sampled everywhere
  of_normals.places = SampledPlaces::everywhere;
  return evaluations(most, config, model) + evaluations(1, of_normals, model);
}

Generated generate_together(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config,
                            std::uint64_t seed, Counter& counter) {
  const at::Tensor reference = batch.is_reference.view({batch.is_reference.size(0), -1, 1, 1, 1}).to(denoiser.device());
  Generated out{at::where(reference, batch.colour, at::zeros_like(batch.colour)).contiguous(),
                {at::zeros_like(batch.alpha), at::zeros_like(batch.alpha), {}}};
  if (denoiser.config().normals) {
    const at::Tensor none = at::zeros_like(batch.colour);
    out.fields.normals = batch.normals.defined() ? at::where(reference, batch.normals, none).contiguous() : none;
  }
  if (!batch.is_target.any().item<bool>()) return out;
  if (config.mode == SamplingMode::joint) {
    generate_targets(denoiser, batch, config, seed, counter, out);
    return out;
  }
  // Each round generates one target of every sample that has any left; it then is a reference like the given ones.
  Batch round = batch;
  round.colour = out.pictures;
  if (denoiser.config().normals) round.normals = out.fields.normals;
  at::Tensor left = batch.is_target;
  while (left.any().item<bool>()) {
    round.is_target = next_targets(round.is_reference, left);
    generate_targets(denoiser, round, config, seed, counter, out);
    left = at::logical_and(left, at::logical_not(round.is_target));
    round.is_reference = at::logical_or(round.is_reference, round.is_target);
    if (denoiser.config().normals) round.normals_given = with_generated(round);
  }
  return out;
}

}  // namespace

std::int64_t evaluations(std::int64_t targets, const SamplerConfig& config, const ModelConfig& model) {
  if (targets == 0) return 0;
  const auto [regression, sigmas] = noise_schedule(model, config);
  std::int64_t once = evaluations(config.solver, static_cast<std::int64_t>(sigmas.size()) - 1) + (regression ? 1 : 0);
  if (regression && config.places == SampledPlaces::unseen) once += config.seen_steps - 1;
  return config.mode == SamplingMode::joint ? once : once * targets;
}

at::Tensor generate(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config, std::uint64_t seed,
                    const SamplerProgress& progress, TargetFields* fields) {
  const at::NoGradGuard no_grad;
  if (batch.colour.device() != denoiser.device()) fail("generate: the batch is not on the model's device");
  require_guidable(denoiser.config(), config.guided());
  require_places(denoiser.config(), config);
  std::vector<Batch> parts = {batch};
  // Windows are of one size for all views that are computed together.
  const bool windows = config.places == SampledPlaces::unseen && config.steps > 1;
  if ((denoiser.device().is_cpu() || windows) && batch.size() > 1) {
    parts.clear();
    for (std::int64_t b = 0; b < batch.size(); ++b) parts.push_back(batch.one(b));
  }
  Counter counter{progress};
  for (const Batch& part : parts) counter.total += evaluations_of(part, config, denoiser.config());
  std::vector<at::Tensor> pictures, corrections, coverages;
  std::vector<at::Tensor> normals;
  for (Batch& part : parts) {
    if (part.is_target.any().item<bool>() && lacks_reference_normals(part, config, denoiser.config()))
      part = with_reference_normals(denoiser, part, config, seed, [&] { counter.add(); });
    const Generated made = generate_together(denoiser, part, config, seed, counter);
    pictures.push_back(made.pictures);
    corrections.push_back(made.fields.correction);
    coverages.push_back(made.fields.coverage);
    if (denoiser.config().normals) normals.push_back(made.fields.normals);
  }
  if (fields != nullptr && denoiser.config().output == OutputForm::sources)
    *fields = {at::cat(corrections), at::cat(coverages), {}};
  if (fields != nullptr && denoiser.config().normals) fields->normals = at::cat(normals);
  return at::cat(pictures);
}

}  // namespace spinfill
