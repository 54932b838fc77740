// SPDX-License-Identifier: Apache-2.0
#include "infer/runner.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include <opencv2/core.hpp>

#include "core/error.h"
#include "core/log.h"
#include "data/batches/make_batch.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/normal_picture.h"
#include "data/sets/categories.h"
#include "data/sets/slots.h"
#include "geometry/camera_tensors.h"
#include "infer/matte.h"
#include "model/sampling/reference_normals.h"

namespace spinfill {
namespace {

void tell_unknown_category(const ViewSet& set, const ModelConfig& model) {
  const std::string& name = set.category;
  if (!model.use_category || name.empty() || name == "unknown") return;
  const auto known = kCategories.begin() + std::min<std::ptrdiff_t>(model.categories, std::ssize(kCategories));
  if (std::find(kCategories.begin(), known, name) != known) return;
  log_info("{}: category '{}' is not among this model's ({}): treated as unknown", set.id, name,
           fmt::join(kCategories.begin(), known, ", "));
}

// The eight slots with the references in theirs, nothing asked for.
Batch given_batch(const LoadedModel& model, const ViewSet& set, const SlotFits& fits) {
  const DataSet data{set.folder, {set}};
  SampleSpec spec;
  spec.references = set.slots();
  spec.cameras = std::make_shared<const SetCameras>(described_cameras(set, model.config.data.turntable.turntable));
  spec.fits = std::make_shared<const SlotFits>(fits);
  PictureCache cache(0, nullptr, model.identity);
  return make_batch(data, {&spec, 1}, model.config.data, &cache);
}

at::Tensor with_row(const at::Tensor& values, const at::Tensor& row) {
  return at::cat({values, row.expand_as(values.narrow(1, 0, 1)).to(values.scalar_type())}, 1);
}

// One vehicle's views as the network is given them, by rows of the batch: the slots first.
class ViewRows {
 public:
  ViewRows(const LoadedModel& model, const ViewSet& set, const SetFraming& framing)
      : model_(model), set_(set), framing_(framing), batch_(given_batch(model, set, framing.given)) {}

  // With these views as targets: in their slots, or behind all slots where a reference is there. `rows` is told where.
  Batch asking(const std::vector<std::size_t>& missing, std::vector<std::int64_t>& rows) const {
    Batch out = batch_;
    for (at::Tensor* own : {&out.is_target, &out.azimuth_deg, &out.vehicle_from_camera, &out.intrinsics, &out.cue})
      *own = own->clone();
    rows.clear();
    for (const std::size_t view : missing) {
      std::int64_t row = set_.missing[view].slot();
      if (out.is_reference[0][row].item<bool>()) row = append(out);
      place(view, row, out);
      out.is_target[0][row] = true;
      rows.push_back(row);
    }
    return out;
  }

  bool lacks_normals(const SamplerConfig& sampler) const {
    return lacks_reference_normals(batch_, sampler, model_.config.model);
  }
  // References get normals from their pictures.
  void find_normals(const RunnerOptions& options, const std::function<void()>& evaluated) {
    Batch batch = batch_.to(model_.denoiser.device()).known_to(model_.config.model.categories);
    batch.priors = compute_priors(batch.prior_inputs(), model_.config.data.priors);
    batch = with_reference_normals(model_.denoiser, batch, options.sampler, options.seed, evaluated);
    batch_.normals = batch.normals.to(at::kCPU);
    batch_.normals_given = batch.normals_given.to(at::kCPU);
  }

  // From now on a reference; its slot has none. rgba [4,H,W] premultiplied, normals [3,H,W] where there are any.
  void give(std::size_t view, const at::Tensor& rgba, const at::Tensor& normals) {
    const std::int64_t slot = set_.missing[view].slot();
    place(view, slot, batch_);
    const at::Tensor alpha = rgba.narrow(0, 3, 1);
    batch_.alpha[0][slot] = alpha;
    batch_.colour[0][slot] = rgba.narrow(0, 0, 3) + (1 - alpha) * batch_.background[0].view({3, 1, 1});
    batch_.is_reference[0][slot] = true;
    if (!normals.defined()) return;
    if (!batch_.normals.defined()) {
      batch_.normals = at::zeros_like(batch_.colour);
      batch_.normals_given = at::zeros_like(batch_.is_reference, at::kFloat);
    }
    batch_.normals[0][slot] = normals;
    batch_.normals_given[0][slot] = 1;
  }

 private:
  static std::int64_t append(Batch& batch) {
    batch.colour = with_row(batch.colour, batch.background.view({1, 1, 3, 1, 1}));
    for (at::Tensor* values : {&batch.alpha, &batch.is_reference, &batch.is_target, &batch.azimuth_deg,
                               &batch.vehicle_from_camera, &batch.intrinsics, &batch.cue})
      *values = with_row(*values, at::zeros({}));
    for (at::Tensor* values : {&batch.normals, &batch.normals_given})
      if (values->defined()) *values = with_row(*values, at::zeros({}));
    return batch.colour.size(1) - 1;
  }

  void place(std::size_t missing, std::int64_t row, Batch& batch) const {
    const Frame& view = set_.missing[missing];
    if (!view.camera) fail("{}: the missing view at {} degrees has no camera", set_.id, view.azimuth_deg);
    const DataConfig& data = model_.config.data;
    const Camera camera = framing_.missing[missing].camera(*view.camera);
    batch.azimuth_deg[0][row] = view.azimuth_deg;
    CameraTensors tensors(1, 1);
    tensors.put(0, 0, camera);
    batch.vehicle_from_camera[0][row] = tensors.vehicle_from_camera[0][0];
    batch.intrinsics[0][row] = tensors.intrinsics[0][0];
    if (!data.cues) return;
    const std::array<float, 6> cue = stabilisation_cue(camera, view.slot(), data.turntable.turntable);
    for (std::size_t i = 0; i < cue.size(); ++i) batch.cue[0][row][static_cast<std::int64_t>(i)] = cue[i];
  }

  const LoadedModel& model_;
  const ViewSet& set_;
  const SetFraming& framing_;
  Batch batch_;
};

// Deviation and covered mean of what was drawn of the targets, [T,3,H,W] each, the first of them `rgba` [T,4,H,W].
std::vector<Spread> spreads_of(const std::vector<at::Tensor>& drawn, const at::Tensor& rgba) {
  const at::Tensor variance = at::var(at::stack(drawn), 0, /*unbiased=*/true).mean(1);  // [T,H,W]
  std::vector<Spread> out;
  for (std::int64_t t = 0; t < variance.size(0); ++t) {
    const at::Tensor alpha = rgba[t][3].to(at::kFloat), own = variance[t];
    Spread spread{mat_of(own.sqrt().unsqueeze(0)), 0};
    spread.rms = std::sqrt((own * alpha).sum().item<double>() / std::max(alpha.sum().item<double>(), 1e-9));
    out.push_back(std::move(spread));
  }
  return out;
}

// How often the network generates a pass.
std::int64_t rounds_of(const LoadedModel& model, bool opaque, const RunnerOptions& options) {
  const bool twice = !opaque && model.config.model.output != OutputForm::sources;  // infer/matte.h
  return options.draws + (twice ? 1 : 0);
}

// The targets of one pass, on the model's device; the results lie on the CPU.
struct Pass {
  Matted matted;
  std::vector<Spread> spreads;  // of several draws
};
Pass run_pass(const LoadedModel& model, const Batch& rows, bool opaque, const RunnerOptions& options,
              const SamplerProgress& progress) {
  Batch batch = rows.to(model.denoiser.device()).known_to(model.config.model.categories);
  batch.priors = compute_priors(batch.prior_inputs(), model.config.data.priors);
  const at::Tensor is_target = batch.is_target.to(at::kCPU);
  std::int64_t before = 0, done = 0;
  const SamplerProgress counted = [&](std::int64_t evaluated, std::int64_t total) {
    done = before + evaluated;
    progress(done, total);
  };
  TargetFields fields;
  const auto drawn = [&](std::int64_t draw) {
    before = done;
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(draw);
    return generate(model.denoiser, batch, options.sampler, seed, counted, draw == 0 ? &fields : nullptr)
        .to(at::kCPU)
        .index({is_target});
  };
  Pass pass;
  if (opaque) {
    const at::Tensor pictures = drawn(0);
    pass.matted.rgba = at::cat({pictures, at::ones_like(pictures.narrow(1, 0, 1))}, 1);
    if (fields.normals.defined()) pass.matted.normals = fields.normals.to(at::kCPU).index({is_target});
  } else {
    pass.matted =
        generate_matted(model.denoiser, batch, model.config.data.priors, options.sampler, options.seed, counted);
  }
  if (options.draws == 1) return pass;
  const at::Tensor& rgba = pass.matted.rgba;
  const at::Tensor alpha = rgba.narrow(1, 3, 1), ground = target_backgrounds(batch).view({-1, 3, 1, 1});
  std::vector<at::Tensor> all = {(rgba.narrow(1, 0, 3) + (1 - alpha) * ground).to(at::kFloat)};
  for (std::int64_t draw = 1; draw < options.draws; ++draw) all.push_back(drawn(draw));
  pass.spreads = spreads_of(all, rgba);
  return pass;
}

cv::Mat normals_mat(const at::Tensor& normals) {
  const at::Tensor pixels = normals.permute({1, 2, 0}).to(at::kFloat).contiguous();
  return cv::Mat(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_32FC3, pixels.data_ptr<float>())
      .clone();
}

at::Tensor made_opaque(const at::Tensor& rgba, const at::Tensor& background) {
  const at::Tensor alpha = rgba.narrow(0, 3, 1);
  return at::cat({rgba.narrow(0, 0, 3) + (1 - alpha) * background.view({3, 1, 1}), at::ones_like(alpha)});
}

}  // namespace

std::vector<std::vector<std::size_t>> passes_of(const std::vector<Frame>& missing, std::size_t anchors) {
  std::vector<std::vector<std::size_t>> passes;
  const auto add = [&](std::size_t begin, std::size_t end) {
    const std::size_t first = passes.size();
    std::array<std::size_t, kSlots> so_many{};  // of each slot
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t pass = first + so_many[static_cast<std::size_t>(missing[i].slot())]++;
      if (pass == passes.size()) passes.emplace_back();
      passes[pass].push_back(i);
    }
  };
  add(0, anchors);
  add(anchors, missing.size());
  return passes;
}

GeneratedViews generate_views(const LoadedModel& model, const ViewSet& set, const SetFraming& framing,
                              const RunnerOptions& options) {
  const at::NoGradGuard no_grad;
  if (set.frames.empty()) fail("{}: holds no picture to start from", set.id);
  GeneratedViews out;
  out.views.resize(set.missing.size());
  const std::vector<std::vector<std::size_t>> passes = passes_of(set.missing, options.anchors);
  if (passes.empty()) return out;
  tell_unknown_category(set, model.config.model);
  ViewRows views(model, set, framing);
  // What is to be given again needs its coverage.
  const bool opaque = options.opaque && options.anchors == 0;
  std::int64_t done = 0, total = 0;
  check_draws(model.config.model, options.sampler, options.draws);
  for (const auto& pass : passes)
    total += rounds_of(model, opaque, options) * evaluations(std::ssize(pass), options.sampler, model.config.model);
  const bool normals_first = views.lacks_normals(options.sampler);
  if (normals_first) {
    total += evaluations(1, options.sampler, model.config.model);
    views.find_normals(options, [&] {
      if (options.progress) options.progress(++done, total);
    });
  }
  for (const std::vector<std::size_t>& pass : passes) {
    std::vector<std::int64_t> rows;
    const Batch batch = views.asking(pass, rows);
    std::int64_t before = done;
    const SamplerProgress progress = [&](std::int64_t evaluated, std::int64_t) {
      done = before + evaluated;
      if (options.progress) options.progress(done, total);
    };
    const auto [matted, spreads] = run_pass(model, batch, opaque, options, progress);
    if (!at::isfinite(matted.rgba).all().item<bool>()) fail("{}: the model gave numbers that are not finite", set.id);
    for (std::size_t i = 0; i < pass.size(); ++i) {
      // Targets come in the order of their rows.
      const auto at = std::ranges::count_if(rows, [&](std::int64_t row) { return row < rows[i]; });
      const at::Tensor rgba = matted.rgba[at];
      const at::Tensor normals = matted.normals.defined() ? matted.normals[at] : at::Tensor();
      if (pass[i] < options.anchors) views.give(pass[i], rgba, normals);
      if (normals.defined()) {
        out.normals.resize(out.views.size());
        out.normals[pass[i]] = normals_mat(normals);
      }
      if (!spreads.empty()) {
        out.spreads.resize(out.views.size());
        out.spreads[pass[i]] = spreads[static_cast<std::size_t>(at)];
      }
      if (matted.correction.defined()) {
        out.corrections.resize(out.views.size());
        out.corrections[pass[i]] = mat_of(matted.correction[at]);
      }
      out.views[pass[i]] =
          mat_of(options.opaque && !opaque ? made_opaque(rgba, target_backgrounds(batch)[0].to(at::kFloat)) : rgba);
    }
    out.matte_residual += matted.residual * static_cast<double>(pass.size()) / static_cast<double>(out.views.size());
  }
  return out;
}

void check_draws(const ModelConfig& model, const SamplerConfig& sampler, std::int64_t draws) {
  if (draws > 1 && sampler.steps == 1 && model.corrects_prior())
    fail_usage(
        "{} draws: one step of this model is a regression, which knows no noise, so all would be the same: ask for "
        "more sampling steps",
        draws);
}

cv::Mat at_set_size(const cv::Mat& view, const Letterbox& fitted) {
  return straight(resample(view, fitted.inverse()));
}

cv::Mat at_set_size(const cv::Mat& normals, const Letterbox& fitted, const cv::Mat& rgba) {
  constexpr float kLeast = 0.05F;  // length of what points anywhere
  cv::Mat colours(normals.size(), CV_32FC4);
  for (int y = 0; y < normals.rows; ++y) {
    for (int x = 0; x < normals.cols; ++x) {
      const auto& n = normals.at<cv::Vec3f>(y, x);
      const auto length = static_cast<float>(cv::norm(n));
      const float share = length < kLeast ? 0 : std::min(length, 1.0F);
      auto& to = colours.at<cv::Vec4f>(y, x);
      for (int c = 0; c < 3; ++c) to[c] = share == 0 ? 0 : share * (n[c] / length + 1) / 2;
      to[3] = share;
    }
  }
  cv::Mat out = normals_of_colours(resample(colours, fitted.inverse()));
  for (int y = 0; y < out.rows; ++y) {
    for (int x = 0; x < out.cols; ++x) {
      auto& n = out.at<cv::Vec3f>(y, x);
      const auto length = static_cast<float>(cv::norm(n));
      const bool covered = 2 * rgba.at<cv::Vec4b>(y, x)[3] >= 255;
      n = covered && length >= kLeast ? cv::Vec3f(n / length) : cv::Vec3f(0, 0, 0);
    }
  }
  return out;
}

Spread at_set_size(const Spread& spread, const Letterbox& fitted) {
  cv::Mat opaque, deviation;
  const cv::Mat& d = spread.deviation;
  cv::merge(std::vector<cv::Mat>{d, d, d, cv::Mat(d.size(), CV_32F, cv::Scalar(1))}, opaque);
  cv::extractChannel(resample(opaque, fitted.inverse()), deviation, 0);
  return {deviation, spread.rms};
}

}  // namespace spinfill
