// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/target_latents.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <utility>
#include <vector>

#include "core/random.h"
#include "model/sampling/guided_denoiser.h"

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

}  // namespace

TargetLatents sample_targets(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config,
                             const TargetSampling& how) {
  const ModelConfig& model = denoiser.config();
  GuidedDenoiser guided(denoiser, batch, denoiser.arrange(batch), config.guided(), config.cache);
  const at::Tensor& rows = guided.conditioning().layout.target_rows;
  const std::int64_t factor = denoiser.autoencoder().factor(), picture = denoiser.autoencoder().channels();
  RowNoise noise(make_view_layout(batch.is_reference, batch.is_target), batch, how,
                 {(model.normals ? 2 : 1) * picture, batch.colour.size(-2) / factor, batch.colour.size(-1) / factor});
  at::Tensor known;
  if (how.pictures_known) known = view_latents(batch, rows, denoiser.autoencoder());
  const auto [regression, sigmas] = noise_schedule(model, config);
  const DenoiseFunction denoise = [&](const at::Tensor& x, double sigma) {
    at::Tensor d = guided(x, sigma);
    if (known.defined()) d = at::cat({known, d.narrow(1, picture, picture)}, 1);
    if (how.evaluated) how.evaluated();
    return d;
  };
  at::Tensor x = noise();
  if (regression) {
    x = denoise(x, model.sigma_max) + x * sigmas.front();  // at the model's sigma_max D ignores x
  } else {
    x = x * sigmas.front();
    // σ·ε at the highest level, too, holds what is known.
    if (known.defined()) x.narrow(1, 0, picture).add_(known);
  }
  switch (config.solver) {
    case Solver::dpmpp_2m: x = sample_dpmpp_2m(x, sigmas, denoise); break;
    case Solver::heun: x = sample_heun(x, sigmas, denoise, config, [&] { return noise(); }); break;
    case Solver::euler: x = sample_euler(x, sigmas, denoise); break;
  }
  return {x, rows, guided.fields()};
}

}  // namespace spinfill
