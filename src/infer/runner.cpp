// SPDX-License-Identifier: Apache-2.0
#include "infer/runner.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "core/error.h"
#include "core/log.h"
#include "data/batches/make_batch.h"
#include "data/pictures/letterbox.h"
#include "data/sets/categories.h"
#include "data/sets/slots.h"
#include "infer/matte.h"

namespace spinfill {
namespace {

// [4,H,W] → CV_32FC4, premultiplied RGBA.
cv::Mat picture_of(const at::Tensor& rgba) {
  const at::Tensor packed = rgba.permute({1, 2, 0}).to(at::kFloat).contiguous();
  const cv::Mat view(static_cast<int>(packed.size(0)), static_cast<int>(packed.size(1)), CV_32FC4,
                     packed.data_ptr<float>());
  return view.clone();
}

// [H,W] → CV_32FC1.
cv::Mat plane_of(const at::Tensor& map) {
  const at::Tensor packed = map.to(at::kFloat).contiguous();
  return cv::Mat(static_cast<int>(packed.size(0)), static_cast<int>(packed.size(1)), CV_32FC1, packed.data_ptr<float>())
      .clone();
}

void tell_unknown_category(const ViewSet& set, const ModelConfig& model) {
  const std::string& name = set.category;
  if (!model.use_category || name.empty() || name == "unknown") return;
  const auto known = kCategories.begin() + std::min<std::ptrdiff_t>(model.categories, std::ssize(kCategories));
  if (std::find(kCategories.begin(), known, name) != known) return;
  log_info("{}: category '{}' is not among this model's ({}): treated as unknown", set.id, name,
           fmt::join(kCategories.begin(), known, ", "));
}

}  // namespace

GeneratedViews generate_views(const LoadedModel& model, const ViewSet& set, const RunnerOptions& options,
                              const SlotFits* fits) {
  const at::NoGradGuard no_grad;
  const DataSet data{set.folder, {set}};
  const Slots given = set.slots();
  if (given.none()) fail("{}: holds no picture to start from", set.id);
  if (given.all()) return {};
  SampleSpec spec;
  spec.references = given;
  spec.targets = ~given;
  spec.cameras = std::make_shared<const SetCameras>(described_cameras(set, model.config.data.turntable.turntable));
  if (fits != nullptr) spec.fits = std::make_shared<const SlotFits>(*fits);
  Batch batch = make_batch(data, {&spec, 1}, model.config.data).to(model.denoiser.device());
  tell_unknown_category(set, model.config.model);
  batch = batch.known_to(model.config.model.categories);
  batch.priors = compute_priors(batch.prior_inputs(), model.config.data.priors);
  Matted matted;
  if (options.opaque) {
    const at::Tensor all =
        generate(model.denoiser, batch, options.sampler, options.seed, options.progress).to(at::kCPU);
    const at::Tensor pictures = all.index({batch.is_target.to(at::kCPU)});
    matted.rgba = at::cat({pictures, at::ones_like(pictures.narrow(1, 0, 1))}, 1);
  } else {
    matted = generate_matted(model.denoiser, batch, model.config.data.priors, options.sampler, options.seed,
                             options.progress);
  }
  if (!at::isfinite(matted.rgba).all().item<bool>()) fail("{}: the model gave numbers that are not finite", set.id);

  GeneratedViews out;
  out.matte_residual = matted.residual;
  const Letterbox whole =
      fit(set.width, set.height, static_cast<int>(model.config.data.width), static_cast<int>(model.config.data.height));
  std::int64_t row = 0;
  for (int slot = 0; slot < kSlots; ++slot) {
    if (given[static_cast<std::size_t>(slot)]) continue;
    const Letterbox back = (fits != nullptr ? (*fits)[static_cast<std::size_t>(slot)] : whole).inverse();
    out.views.push_back({slot, straight(resample(picture_of(matted.rgba[row]), back))});
    if (matted.correction.defined())
      out.views.back().correction = DepthCorrection{plane_of(matted.correction[row][0]), back.inverse()};
    ++row;
  }
  return out;
}

}  // namespace spinfill
