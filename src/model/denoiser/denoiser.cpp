// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/denoiser.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/error.h"
#include "data/priors/prior_image.h"
#include "model/autocast.h"
#include "model/denoiser/conditioner.h"
#include "model/device.h"
#include "model/network/parameter_names.h"

namespace spinfill {

namespace {

// Steps of the noise level's sinusoids: c_noise = ¼ ln σ spans about ±1.6, the sinusoids are made for hundreds.
constexpr double kNoiseScale = 100;

at::Tensor per_row(const at::Tensor& values) {
  return values.view({-1, 1, 1, 1});
}

// [B] spread to rows; undefined when nothing is dropped.
at::Tensor dropped_rows(const at::Tensor& drop, const at::Tensor& samples) {
  if (!drop.defined()) return {};
  return drop.index_select(0, samples);
}

at::Tensor without(const at::Tensor& maps, const at::Tensor& dropped) {
  return dropped.defined() ? maps.masked_fill(per_row(dropped), 0) : maps;
}

// Where the network may correct the prior image: the silhouette [N,1,H,W] widened and softened, as weights of latents.
at::Tensor residual_gate(const at::Tensor& silhouette, const ModelConfig& config, const Autoencoder& autoencoder) {
  if (config.residual_margin >= 1) return at::ones({silhouette.size(0), 1, 1, 1}, silhouette.options());
  const auto margin =
      static_cast<std::int64_t>(std::ceil(config.residual_margin * static_cast<double>(silhouette.size(3))));
  const std::int64_t side = 2 * margin + 1;
  const at::Tensor wide = at::max_pool2d(silhouette, {side, side}, {1, 1}, {margin, margin});
  return autoencoder.pixel_weights(at::avg_pool2d(wide, {3, 3}, {1, 1}, {1, 1}, false, /*count_include_pad=*/false));
}

}  // namespace

Denoiser::Denoiser(const ModelConfig& config, std::uint64_t seed, at::Device device)
    : config_(config), autoencoder_(make_autoencoder(config)) {
  const bool nothing = device.is_meta();
  modules_ = std::make_shared<DenoiserModules>(
      config, at::TensorOptions().dtype(at::kFloat).device(nothing ? device : at::Device(at::kCPU)));
  if (nothing) return;
  initialise_weights(*modules_, seed);
  if (!device.is_cpu()) to(device);
}

at::Device Denoiser::device() const {
  return modules_->conditioner->clean_embedding.device();
}
at::ScalarType Denoiser::dtype() const {
  return modules_->conditioner->clean_embedding.scalar_type();
}
void Denoiser::to(at::Device device) {
  modules_->to(device);
}
void Denoiser::to(at::ScalarType dtype) {
  modules_->to(dtype);
}

void Denoiser::set_channels_last(bool on) {
  channels_last_ = on;
  const auto format = on ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  for (at::Tensor& parameter : modules_->parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.data().contiguous(format));
  }
}

std::vector<std::pair<std::string, at::Tensor>> Denoiser::parameters() const {
  std::vector<std::pair<std::string, at::Tensor>> all;
  for (const auto& item : modules_->named_parameters()) all.emplace_back(item.key(), item.value());
  return all;
}

std::vector<std::pair<std::string, at::Tensor>> Denoiser::trained_parameters() const {
  auto trained = parameters();
  std::erase_if(trained, [](const auto& parameter) { return !parameter.second.requires_grad(); });
  return trained;
}

namespace {

std::vector<std::pair<std::string, LinearImpl*>> linears(const DenoiserModules& modules) {
  std::vector<std::pair<std::string, LinearImpl*>> layers;
  for (const auto& item : modules.named_modules("", false)) {
    if (auto* layer = dynamic_cast<LinearImpl*>(item.value().get())) layers.emplace_back(item.key(), layer);
  }
  return layers;
}

}  // namespace

std::vector<std::string> Denoiser::linear_layers() const {
  std::vector<std::string> names;
  for (const auto& [name, layer] : linears(*modules_)) names.push_back(name);
  return names;
}

void Denoiser::add_adapters(const LoraConfig& config, std::uint64_t seed) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : parameters()) names.push_back(name);
  if (const auto problem = unmatched_pattern(config.targets, linear_layers(), "linear layer"))
    fail_usage("train.lora.targets {}", *problem);
  if (const auto problem = unmatched_pattern(config.full, names, "parameter"))
    fail_usage("train.lora.full {}", *problem);
  for (const auto& [name, parameter] : parameters()) {
    at::Tensor(parameter).set_requires_grad(any_names_parameter(config.full, name));
  }
  for (const auto& [name, layer] : linears(*modules_)) {
    if (!any_names_parameter(config.targets, name)) continue;
    layer->add_adapter(config.rank, config.alpha / static_cast<double>(config.rank));
    initialise_adapter(*layer, name, seed);
  }
}

void Denoiser::freeze(const std::vector<std::string>& patterns) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : parameters()) names.push_back(name);
  if (const auto problem = unmatched_pattern(patterns, names, "parameter")) fail_usage("train.freeze {}", *problem);
  for (const auto& [name, parameter] : parameters()) {
    if (any_names_parameter(patterns, name)) at::Tensor(parameter).set_requires_grad(false);
  }
  if (trained_parameters().empty()) fail_usage("train.freeze leaves nothing to train: name fewer parts");
}

std::int64_t Denoiser::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& parameter : modules_->parameters()) count += parameter.numel();
  return count;
}

TensorMap Denoiser::state() const {
  TensorMap map;
  for (const auto& [name, parameter] : parameters()) map[name] = parameter.detach();
  for (const auto& item : modules_->named_buffers()) map[item.key()] = item.value();
  return map;
}

Arrangement Denoiser::arrange(const Batch& batch, const ConditionDrop& drop) const {
  const bool residual = config_.output == OutputForm::prior_residual;
  if ((config_.use_priors || residual) && !batch.priors.warped.defined()) {
    fail("the batch has no prior maps: compute them before conditioning");
  }
  const std::int64_t factor = autoencoder_->factor();
  if (batch.colour.size(-2) % factor != 0 || batch.colour.size(-1) % factor != 0) {
    fail_usage("pictures of {} x {} pixels: width and height must be multiples of {} for this model",
               batch.colour.size(-1), batch.colour.size(-2), factor);
  }
  const at::Tensor category = batch.category + 1;
  if (config_.use_category && category.numel() > 0 &&
      (category.min().item<std::int64_t>() < 0 || category.max().item<std::int64_t>() > config_.categories)) {
    fail("category index outside -1 ... {}: this model knows {} categories", config_.categories - 1,
         config_.categories);
  }
  const at::Device device = batch.colour.device();
  const auto there = [&](const at::Tensor& mask) { return mask.defined() ? sent(mask, device) : mask; };
  return {make_view_layout(batch.is_reference, batch.is_target, device),
          {there(drop.identity), there(drop.references), there(drop.priors)},
          sent(category, device)};
}

Conditioning Denoiser::condition(const Batch& batch, const ConditionDrop& drop) const {
  return condition(batch, arrange(batch, drop));
}

Conditioning Denoiser::condition(const Batch& batch, const Arrangement& arrangement) const {
  Conditioner& learned = modules_->conditioner;
  const std::int64_t factor = autoencoder_->factor();
  const bool residual = config_.output == OutputForm::prior_residual;
  const ConditionDrop& drop = arrangement.drop;
  Conditioning c;
  c.layout = arrangement.layout;
  const ViewLayout& layout = c.layout;
  const std::int64_t height = batch.colour.size(-2) / factor, width = batch.colour.size(-1) / factor;

  // What references and targets are told alike, row by row.
  const at::Tensor rays = config_.use_rays ? view_rays(batch, height, width) : at::Tensor();
  const at::Tensor priors = config_.use_priors ? prior_channels(batch) : at::Tensor();
  at::Tensor image, other;  // the two prior images: the one that is corrected and the one that can be blended in
  if (residual) {
    image = prior_image(batch.priors, batch.background);
    other = flipped_or(batch.priors, image);
    if (config_.prior_image == PriorImage::mirror_or_prior) std::swap(image, other);
  }
  auto maps_of = [&](const at::Tensor& rows, const at::Tensor& samples, const at::Tensor& mask,
                     const at::Tensor& base) {
    const at::Tensor dropped = dropped_rows(drop.priors, samples);
    std::vector<at::Tensor> maps = {mask};
    if (config_.use_rays) maps.push_back(take_views(rays, rows));
    if (config_.use_priors) maps.push_back(without(space_to_depth(take_views(priors, rows), factor), dropped));
    if (residual) maps.push_back(base);
    return maps;
  };
  auto base_of = [&](const at::Tensor& rows, const at::Tensor& samples) {
    if (!residual) return at::Tensor();
    return without(autoencoder_->encode(take_views(image, rows) * 2 - 1), dropped_rows(drop.priors, samples));
  };

  at::Tensor unseen = dropped_rows(drop.references, layout.reference_samples);
  if (!unseen.defined()) unseen = at::zeros({layout.references}, batch.colour.options().dtype(at::kBool));
  const at::Tensor latents =
      learned->reference_latents(view_latents(batch, layout.reference_rows, *autoencoder_), unseen);
  const at::Tensor seen = per_row(1 - unseen.to(at::kFloat)).expand({layout.references, 1, height, width});
  std::vector<at::Tensor> maps = maps_of(layout.reference_rows, layout.reference_samples, seen,
                                         base_of(layout.reference_rows, layout.reference_samples));
  maps.insert(maps.begin(), latents);
  c.reference_input = at::cat(maps, 1);

  c.base = base_of(layout.target_rows, layout.target_samples);
  c.target_input = at::cat(maps_of(layout.target_rows, layout.target_samples,
                                   at::zeros({layout.targets, 1, height, width}, latents.options()), c.base),
                           1);
  if (residual) {
    c.scale = at::full({layout.targets}, config_.residual_scale, c.base.options());
    const at::Tensor dropped = dropped_rows(drop.priors, layout.target_samples);
    if (config_.blend) {
      const at::Tensor background =
          batch.background.to(image.scalar_type()).view({-1, 1, 3, 1, 1}).expand(image.sizes());
      const auto beside_base = [&](const at::Tensor& picture) {
        return without(autoencoder_->encode(take_views(picture, layout.target_rows) * 2 - 1) - c.base, dropped);
      };
      c.blend = at::stack({beside_base(background), beside_base(other)}, 1);
    }
    if (dropped.defined()) c.scale.masked_fill_(dropped, config_.sigma_data);
    c.gate = residual_gate(take_views(batch.priors.silhouette, layout.target_rows), config_, *autoencoder_);
    if (dropped.defined()) c.gate = c.gate.masked_fill(per_row(dropped), 1);
  }

  c.reference_embedding = learned->cue(batch, layout.reference_rows) + learned->clean_embedding;
  c.target_embedding = learned->cue(batch, layout.target_rows);
  const at::Tensor tokens = learned->tokens(batch, arrangement);
  c.reference_tokens = tokens.index_select(0, layout.reference_samples);
  c.target_tokens = tokens.index_select(0, layout.target_samples);
  return c;
}

namespace {

// Noisy latents as the network sees them. EDM: c_in·x, c_in = 1/√(σ² + σ_d²) (Karras et al. 2022, table 1).
// prior-residual: the same of the residual x − base with its own scale s for σ_d; at σ_max, where x says nothing of
// the picture, zero, so that a single step is a function of the conditions alone.
at::Tensor scaled_input(const at::Tensor& x, const at::Tensor& sigma, const at::Tensor& base, const at::Tensor& scale,
                        const ModelConfig& config) {
  if (!base.defined()) return x * per_row(at::rsqrt(sigma.square() + config.sigma_data * config.sigma_data));
  const at::Tensor c_in = at::rsqrt(sigma.square() + scale.square());
  return (x - base) * per_row(c_in.masked_fill(sigma >= config.sigma_max * (1 - 1e-6), 0));
}

// Σ_k m_k·(picture_k − base): m [N,K·f²,h,w] one weight per pixel, pictures [N,K,C,h,w] → [N,C,h,w].
at::Tensor blended(const at::Tensor& m, const at::Tensor& pictures) {
  const std::int64_t N = pictures.size(0), K = pictures.size(1), C = pictures.size(2);
  const std::int64_t h = pictures.size(3), w = pictures.size(4), pixels = m.size(1) / K;
  const at::Tensor weights = m.view({N, K, 1, pixels, h, w});
  return (weights * pictures.view({N, K, C / pixels, pixels, h, w})).sum(1).view({N, C, h, w});
}

// What D is made of beside the network's output, of every row.
struct Output {
  at::Tensor base, scale, blend, gate;
};

Output output_of(const Conditioning& c, std::int64_t draws) {
  const auto rows = [&](const at::Tensor& targets) { return c.layout.repeat_draws(targets, draws); };
  return {rows(c.base), rows(c.scale), rows(c.blend), rows(c.gate)};
}

// D from the network's output F. EDM: c_skip·x + c_out·F with c_skip = σ_d²/(σ² + σ_d²), c_out = σ·σ_d/√(σ² + σ_d²).
// prior-residual: base + g·(s·F + Σ m·(picture − base)), m the channels after F's.
at::Tensor denoised(const at::Tensor& x, const at::Tensor& network, const at::Tensor& sigma, const Output& out,
                    const ModelConfig& config) {
  const at::Tensor f = network.narrow(1, 0, x.size(1));
  if (out.base.defined()) {
    at::Tensor change = per_row(out.scale) * f;
    if (out.blend.defined())
      change = change + blended(network.narrow(1, f.size(1), network.size(1) - f.size(1)), out.blend);
    return out.base + out.gate * change;
  }
  const double data = config.sigma_data;
  const at::Tensor total = sigma.square() + data * data;
  return per_row(data * data / total) * x + per_row(sigma * data * at::rsqrt(total)) * f;
}

}  // namespace

ReferenceCache Denoiser::encode_references(const Conditioning& c) const {
  ReferenceCache cache;
  UNet& unet = modules_->unet;
  const Autocast autocast({device().type(), autocast_, as_gpu_});
  if (c.layout.references == 0) {
    cache.layers.resize(static_cast<std::size_t>(unet->cross_view_layers()));
    return cache;
  }
  ViewContext context;
  context.pass = ViewPass::references;
  context.layout = &c.layout;
  context.record = &cache;
  context.last_layer = unet->cross_view_layers() - 1;
  context.recompute = recompute_;
  at::Tensor input = c.reference_input.to(dtype());
  if (channels_last_) input = input.contiguous(at::MemoryFormat::ChannelsLast);
  unet->forward(input, c.reference_embedding, c.reference_tokens, context);
  return cache;
}

at::Tensor Denoiser::denoise(const at::Tensor& x, const at::Tensor& sigma, const Conditioning& c,
                             const ReferenceCache& cache) const {
  UNet& unet = modules_->unet;
  const Autocast autocast({device().type(), autocast_, as_gpu_});
  ViewContext context;
  context.recompute = recompute_;
  context.pass = ViewPass::targets;
  context.layout = &c.layout;
  context.draws = c.layout.draws_of(x);
  context.cache = &cache;
  const Output out = output_of(c, context.draws);
  at::Tensor input = at::cat(
      {scaled_input(x, sigma, out.base, out.scale, config_), c.layout.repeat_draws(c.target_input, context.draws)}, 1);
  input = input.to(dtype());
  if (channels_last_) input = input.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor embedding =
      unet->embed_time(at::log(sigma) * (kNoiseScale / 4)) + c.layout.repeat_draws(c.target_embedding, context.draws);
  const at::Tensor f =
      unet->forward(input, embedding, c.layout.repeat_draws(c.target_tokens, context.draws), context).to(at::kFloat);
  return denoised(x, f, sigma, out, config_);
}

at::Tensor Denoiser::denoise_joint(const at::Tensor& x, const at::Tensor& sigma, const Conditioning& c) const {
  UNet& unet = modules_->unet;
  const Autocast autocast({device().type(), autocast_, as_gpu_});
  ViewContext context;
  context.recompute = recompute_;
  context.pass = ViewPass::joint;
  context.layout = &c.layout;
  context.draws = c.layout.draws_of(x);
  const Output out = output_of(c, context.draws);
  const at::Tensor targets = at::cat(
      {scaled_input(x, sigma, out.base, out.scale, config_), c.layout.repeat_draws(c.target_input, context.draws)}, 1);
  at::Tensor input = at::cat({c.reference_input, targets}, 0).to(dtype());
  if (channels_last_) input = input.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor noise_embedding = unet->embed_time(at::log(sigma) * (kNoiseScale / 4));
  const at::Tensor embedding =
      at::cat({c.reference_embedding, noise_embedding + c.layout.repeat_draws(c.target_embedding, context.draws)}, 0);
  const at::Tensor tokens = at::cat({c.reference_tokens, c.layout.repeat_draws(c.target_tokens, context.draws)}, 0);
  const at::Tensor f =
      unet->forward(input, embedding, tokens, context).narrow(0, c.layout.references, x.size(0)).to(at::kFloat);
  return denoised(x, f, sigma, out, config_);
}

at::Tensor Denoiser::loss_weight(const at::Tensor& sigma, const Conditioning& c) const {
  // EDM: λ = (σ² + σ_d²)/(σ·σ_d)², so that F's squared error has weight 1.
  if (!c.scale.defined()) return sigma.square().reciprocal() + 1 / (config_.sigma_data * config_.sigma_data);
  // prior-residual: the same with s for σ_d, which gives F's squared error the weight 1 + s²/σ²; clipped.
  const at::Tensor scale = c.layout.repeat_draws(c.scale, c.layout.draws_of(sigma));
  const at::Tensor of_network = at::clamp_max(1 + (scale / sigma).square(), config_.loss_weight_clip);
  return of_network / scale.square();
}

}  // namespace spinfill
