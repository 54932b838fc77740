// SPDX-License-Identifier: Apache-2.0
#include "infer/runner.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <array>
#include <memory>

#include "core/error.h"
#include "data/batches/make_batch.h"
#include "data/pictures/letterbox.h"
#include "data/sets/slots.h"

namespace spinfill {
namespace {

// Cut off at both ends of the matte: the network's noise where all should be fully clear or fully covered.
constexpr double kMatteFloor = 0.04, kMatteCeiling = 0.96;

// [3,H,W] and [1,H,W] premultiplied → CV_32FC4 premultiplied RGBA.
cv::Mat picture_of(const at::Tensor& colour, const at::Tensor& alpha) {
  const at::Tensor packed = at::cat({colour, alpha}, 0).permute({1, 2, 0}).to(at::kFloat).contiguous();
  const cv::Mat view(static_cast<int>(packed.size(0)), static_cast<int>(packed.size(1)), CV_32FC4,
                     packed.data_ptr<float>());
  return view.clone();
}

struct Matte {
  at::Tensor colour;  // [N,3,H,W] premultiplied
  at::Tensor alpha;   // [N,1,H,W]
  double residual;
};

Matte difference_matte(const at::Tensor& on_white, const at::Tensor& on_black) {
  const at::Tensor clear = on_white - on_black;  // 1 − α in every channel
  const at::Tensor mean = clear.mean(1, /*keepdim=*/true);
  const double residual = (clear - mean).abs().mean().item<double>();
  const at::Tensor alpha = ((1 - mean - kMatteFloor) / (kMatteCeiling - kMatteFloor)).clamp(0, 1);
  const at::Tensor colour = at::minimum(((on_white + on_black - mean) / 2).clamp(0, 1), alpha);
  return {colour, alpha, residual};
}

}  // namespace

GeneratedViews generate_views(const LoadedModel& model, const ViewSet& set, const RunnerOptions& options) {
  const at::NoGradGuard no_grad;
  const DataSet data{set.folder, {set}};
  const Slots given = set.slots();
  if (given.none()) fail("{}: holds no picture to start from", set.id);
  if (given.all()) return {};
  SampleSpec spec;
  spec.references = given;
  spec.targets = ~given;
  spec.cameras = std::make_shared<const SetCameras>(described_cameras(set, model.config.data.turntable.turntable));
  std::vector<SampleSpec> specs = {spec};
  if (!options.opaque) {
    // The same sample index gives both the same noise.
    specs.push_back(spec);
    specs[0].augmentation.background = {1.0F, 1.0F, 1.0F};
    specs[1].augmentation.background = {0.0F, 0.0F, 0.0F};
  }
  PictureCache cache(std::int64_t{1} << 30);
  Batch batch = make_batch(data, specs, model.config.data, &cache).to(model.denoiser.device());
  batch.category = batch.category.clamp_max(model.config.model.categories - 1);
  batch.priors = compute_priors(batch.prior_inputs(), model.config.data.priors);
  const at::Tensor all = generate(model.denoiser, batch, options.sampler, options.seed, options.progress).to(at::kCPU);
  if (!at::isfinite(all).all().item<bool>()) fail("{}: the model gave numbers that are not finite", set.id);

  GeneratedViews out;
  const at::Tensor wanted = batch.is_target[0].to(at::kCPU);
  const at::Tensor first = all[0].index({wanted});
  Matte matte{first, at::ones_like(first.narrow(1, 0, 1)), 0};
  if (!options.opaque) matte = difference_matte(first, all[1].index({wanted}));
  out.matte_residual = matte.residual;
  const Letterbox back =
      fit(set.width, set.height, static_cast<int>(model.config.data.width), static_cast<int>(model.config.data.height))
          .inverse();
  std::int64_t row = 0;
  for (int slot = 0; slot < kSlots; ++slot) {
    if (given[static_cast<std::size_t>(slot)]) continue;
    out.views.push_back({slot, straight(resample(picture_of(matte.colour[row], matte.alpha[row]), back))});
    ++row;
  }
  return out;
}

}  // namespace spinfill
