// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/target_latents.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <utility>
#include <vector>

#include "core/random.h"
#include "model/sampling/guided_denoiser.h"
#include "model/sampling/unseen.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kOfNormals = std::uint64_t{1} << 62;  // beyond all samples

// Unit noise per target row from a generator of its own, a function of (seed, sample, slot). The layout is one on the
// processor.
class RowNoise {
 public:
  RowNoise(const ViewLayout& layout, const Batch& batch, const TargetSampling& how, std::vector<std::int64_t> shape)
      : shape_(std::move(shape)), device_(batch.colour.device()) {
    const at::Tensor& rows = layout.target_rows;
    for (std::int64_t i = 0; i < rows.size(0); ++i) {
      const std::int64_t row = rows.const_data_ptr<std::int64_t>()[i];
      const std::int64_t sample = batch.samples.at(static_cast<std::size_t>(row / layout.views));
      auto index = static_cast<std::uint64_t>(sample * layout.views + row % layout.views);
      if (how.pictures_known) index += kOfNormals;
      generators_.push_back(
          at::make_generator<at::CPUGeneratorImpl>(Random(how.seed, index, Stream::sampling).bits64()));
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

// Sampling of one batch's targets.
class TargetSampler {
 public:
  TargetSampler(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config, const TargetSampling& how)
      : denoiser_(denoiser),
        batch_(batch),
        config_(config),
        how_(how),
        picture_(denoiser.autoencoder().channels()),
        guided_(denoiser, batch, denoiser.arrange(batch), config.guided(), config.cache),
        rows_(guided_.conditioning().layout.target_rows),
        noise_(make_view_layout(batch.is_reference, batch.is_target), batch, how, latent_shape(denoiser, batch)),
        schedule_(noise_schedule(denoiser.config(), config)) {
    if (how.pictures_known) known_ = view_latents(batch, rows_, denoiser.autoencoder());
  }

  TargetLatents sample() {
    at::Tensor x = noise_();
    if (!schedule_.regression) {
      x = x * schedule_.sigmas.front();
      // σ·ε at the highest level, too, holds what is known.
      if (known_.defined()) x.narrow(1, 0, picture_).add_(known_);
      return {solve(x), rows_, guided_.fields()};
    }
    const at::Tensor regression = evaluate(x, denoiser_.config().sigma_max);  // at the model's sigma_max D ignores x
    if (config_.places == SampledPlaces::unseen && !how_.pictures_known) return sample_unseen(regression, x);
    x = regression + x * schedule_.sigmas.front();
    return {solve(x), rows_, guided_.fields()};
  }

 private:
  static std::vector<std::int64_t> latent_shape(const Denoiser& denoiser, const Batch& batch) {
    const std::int64_t factor = denoiser.autoencoder().factor();
    return {denoiser.config().state_channels(), batch.colour.size(-2) / factor, batch.colour.size(-1) / factor};
  }

  at::Tensor evaluate(const at::Tensor& x, double sigma) {
    at::Tensor d = guided_(x, sigma);
    if (known_.defined()) d = at::cat({known_, d.narrow(1, picture_, picture_)}, 1);
    // Sampled where it may be: elsewhere D is what is held, which solvers end at.
    if (weight_.defined()) d = held_ + weight_ * (d - held_);
    if (how_.evaluated) how_.evaluated();
    return d;
  }

  at::Tensor fresh_noise() { return windows_.count() > 0 ? windows_.of(noise_()) : noise_(); }

  at::Tensor solve(const at::Tensor& x) {
    const DenoiseFunction denoise = [&](const at::Tensor& at, double sigma) { return evaluate(at, sigma); };
    switch (config_.solver) {
      case Solver::heun: return sample_heun(x, schedule_.sigmas, denoise, config_, [&] { return fresh_noise(); });
      case Solver::euler: return sample_euler(x, schedule_.sigmas, denoise);
      case Solver::dpmpp_2m: break;
    }
    return sample_dpmpp_2m(x, schedule_.sigmas, denoise);
  }

  TargetLatents sample_unseen(const at::Tensor& regression, const at::Tensor& noise) {
    const std::int64_t factor = denoiser_.autoencoder().factor();
    const auto levels = static_cast<std::int64_t>(denoiser_.config().block_out_channels.size());
    const UnseenPlaces places =
        unseen_places(batch_, rows_, denoiser_.config(), factor, std::int64_t{1} << (levels - 1));
    SourceFields fields = guided_.fields();
    at::Tensor seen = regression;
    if (config_.seen_steps > 1) {
      seen = evaluate(regression + noise * schedule_.sigmas.front(), schedule_.sigmas.front());
      fields = guided_.fields();
    }
    if (places.windows.count() == 0) {
      const auto skipped = evaluations(config_.solver, static_cast<std::int64_t>(schedule_.sigmas.size()) - 1);
      for (std::int64_t i = 0; i < skipped && how_.evaluated; ++i) how_.evaluated();
      return {seen, rows_, fields};
    }
    windows_ = places.windows;
    held_ = windows_.of(seen);
    weight_ = windows_.of(places.weight);
    guided_.look_through(windows_);
    const at::Tensor x = solve(windows_.of(regression + noise * schedule_.sigmas.front()));
    if (fields.correction.defined()) {
      const at::Tensor share = places.weight.repeat_interleave(factor, 2).repeat_interleave(factor, 3);
      for (at::Tensor SourceFields::*field :
           {&SourceFields::correction, &SourceFields::taken, &SourceFields::coverage, &SourceFields::picture}) {
        const at::Tensor all = windows_.put(fields.*field, guided_.fields().*field, factor);
        fields.*field = fields.*field + share * (all - fields.*field);
      }
    }
    return {windows_.put(seen, x), rows_, fields};
  }

  const Denoiser& denoiser_;
  const Batch& batch_;
  const SamplerConfig& config_;
  const TargetSampling& how_;
  std::int64_t picture_;  // channels of the picture
  GuidedDenoiser guided_;
  at::Tensor rows_;
  RowNoise noise_;
  NoiseSchedule schedule_;
  at::Tensor known_;          // of pictures, where they are
  TargetWindows windows_;     // with SampledPlaces::unseen, after the regression
  at::Tensor held_, weight_;  // what is made of seen places in them; 1 where is sampled
};

}  // namespace

TargetLatents sample_targets(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config,
                             const TargetSampling& how) {
  return TargetSampler(denoiser, batch, config, how).sample();
}

}  // namespace spinfill
