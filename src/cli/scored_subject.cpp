// SPDX-License-Identifier: Apache-2.0
#include "cli/scored_subject.h"

#include <ATen/ATen.h>

#include <memory>
#include <utility>

#include "cli/options.h"
#include "core/error.h"
#include "core/log.h"
#include "infer/load_model.h"
#include "infer/photo_views.h"
#include "model/sampling/generate.h"

namespace spinfill {
namespace {

constexpr std::string_view kBaseline = "baseline:";

using SharedModel = std::shared_ptr<const LoadedModel>;

Predictor model_predictor(const SharedModel& model, const SamplerConfig& sampler, std::uint64_t seed,
                          at::Device device) {
  return [model, sampler, seed, device](const Batch& batch) {
    const Batch known = batch.known_to(model->config.model.categories);
    TargetFields fields;
    const at::Tensor pictures = generate(model->denoiser, known.to(device), sampler, seed, {}, &fields).to(at::kCPU);
    return Prediction(pictures, fields.normals.defined() ? fields.normals.to(at::kCPU) : fields.normals);
  };
}

// The true views as the model's autoencoder alone brings them back: the others stay as they are.
Predictor oracle_of(const SharedModel& model, at::Device device) {
  return [model, device](const Batch& batch) {
    const Autoencoder& autoencoder = model->denoiser.autoencoder();
    at::Tensor pictures = batch.colour.cpu().clone();
    const at::Tensor is_target = batch.is_target.cpu();
    const at::Tensor given = pictures.index({is_target}).to(device);
    const at::Tensor shown = (autoencoder.decode(autoencoder.encode(given * 2 - 1)) + 1) / 2;
    pictures.index_put_({is_target}, shown.clamp(0, 1).cpu());
    return pictures;
  };
}

PhotoPredictor photo_predictor(const SharedModel& model, const SamplerConfig& sampler, std::uint64_t seed) {
  return [model, sampler, seed](const PhotoSample& sample, const PhotoGeometry& geometry) {
    RunnerOptions options;
    options.sampler = sampler;
    options.seed = seed;
    options.weights = sample.weights;
    SlotPictures pictures, shares;
    const auto keep = [&](const GeneratedView& view) {
      const auto slot = static_cast<std::size_t>(nearest_slot(view.azimuth_deg));
      pictures[slot] = view.picture;
      if (view.evidence) shares[slot] = view.evidence->shares;
    };
    photo_views(*model, sample.set, sample.pictures, options, keep, &geometry);
    return PhotoPrediction(std::move(pictures), std::move(shares));
  };
}

}  // namespace

bool is_baseline(const std::string& model) {
  return model.starts_with(kBaseline);
}

Subject open_subject(const EvaluateArguments& arguments, at::Device device) {
  const std::vector<Override> overrides = parse_overrides(arguments.set);
  Subject subject;
  if (is_baseline(arguments.model)) {
    if (!arguments.config.empty()) {
      subject.config = load_config<RunConfig>(arguments.config, overrides);
    } else {
      read_config_text("", "defaults", overrides, [&](Fields& f) { subject.config.bind(f); });
    }
    subject.config.data.identity = {};  // a baseline takes no part of it
    const std::string name = arguments.model.substr(kBaseline.size());
    const auto count = static_cast<std::size_t>(arguments.samples);
    subject.samples.assign(count, baseline_predictor(name));
    subject.photo_samples.assign(count, photo_baseline(name));
    subject.description = {{"source", "baseline"}, {"name", name}};
    return subject;
  }
  if (!arguments.config.empty()) fail_usage("--config is for baselines; a model brings its own configuration");
  LoadedModel loaded = load_model(arguments.model, arguments.choice, device);
  compute_in(loaded, arguments.precision);
  const auto model = std::make_shared<const LoadedModel>(std::move(loaded));
  // The model's stored configuration, with what the command line overrides.
  read_config_text(to_yaml(model->config, false), arguments.model, overrides,
                   [&](Fields& f) { subject.config.bind(f); });
  if (to_json(subject.config.model) != to_json(model->config.model)) {
    fail_usage("--set cannot change a trained model (model.…)");
  }
  if (to_json(subject.config.data.identity) != to_json(model->config.data.identity)) {
    fail_usage("--set cannot change the network of a trained model's identity vectors (data.identity.…)");
  }
  if (arguments.at == ScoredAt::photo && (subject.config.data.width != model->config.data.width ||
                                          subject.config.data.height != model->config.data.height)) {
    fail_usage(
        "--at photo: the network's view has the size that it was trained at ({}x{} px), which data.width and "
        "data.height cannot change",
        model->config.data.width, model->config.data.height);
  }
  SamplerConfig& sampler = subject.config.sampler;
  if (arguments.steps > 0) sampler.steps = arguments.steps;
  if (!arguments.solver.empty()) sampler.solver = *value_named<Solver>(arguments.solver);
  for (std::int64_t k = 0; k < arguments.samples; ++k) {
    const auto seed = static_cast<std::uint64_t>(arguments.seed + k);
    subject.samples.push_back(model_predictor(model, sampler, seed, device));
    subject.photo_samples.push_back(photo_predictor(model, sampler, seed));
  }
  if (!model->config.model.in_pixels()) subject.oracle = oracle_of(model, device);
  subject.description = model->provenance;
  log_info("scoring {}", describe(*model));
  return subject;
}

}  // namespace spinfill
