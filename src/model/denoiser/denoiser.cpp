// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/denoiser.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "model/autocast.h"
#include "model/denoiser/batch_conditioning.h"
#include "model/denoiser/initialise.h"
#include "model/denoiser/modules.h"
#include "model/denoiser/preconditioning.h"
#include "model/network/parameter_names.h"

namespace spinfill {

Denoiser::Denoiser(const ModelConfig& config, std::uint64_t seed, at::Device device,
                   std::shared_ptr<Autoencoder> autoencoder)
    : config_(config), autoencoder_(std::move(autoencoder)) {
  const bool nothing = device.is_meta();
  if (!autoencoder_) autoencoder_ = make_autoencoder(config, nothing ? device : at::Device(at::kCPU));
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
  autoencoder_->to(device);
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
  return arrange_batch(batch, drop, config_, *autoencoder_);
}

Conditioning Denoiser::condition(const Batch& batch, const Arrangement& arrangement) const {
  Conditioning c = condition_batch(batch, arrangement, config_, *autoencoder_, *modules_->conditioner);
  if (config_.size_embedding_dim == 0) return c;
  // Whole pictures at their own size, and Stable Diffusion XL's pooled text of the empty prompt: zero.
  const auto floats = c.reference_embedding.options().dtype(at::kFloat);
  const at::Tensor height = at::full({1, 1}, batch.colour.size(-2), floats);
  const at::Tensor width = at::full({1, 1}, batch.colour.size(-1), floats), corner = at::zeros({1, 2}, floats);
  const at::Tensor sizes = at::cat({height, width, corner, height, width}, 1);
  const at::Tensor added = modules_->unet->embed_sizes(sizes, at::zeros({1, config_.pooled_text_dim}, floats));
  c.reference_embedding = c.reference_embedding + added;
  c.target_embedding = c.target_embedding + added;
  return c;
}

Conditioning Denoiser::condition(const Batch& batch, const ConditionDrop& drop) const {
  return condition(batch, arrange(batch, drop));
}

at::Tensor Denoiser::for_network(at::Tensor input) const {
  input = input.to(dtype());
  return channels_last_ ? input.contiguous(at::MemoryFormat::ChannelsLast) : input;
}

ReferenceCache Denoiser::encode_references(const Conditioning& c) const {
  ReferenceCache cache;
  UNet& unet = modules_->unet;
  const Autocast autocast({device().type(), autocast_, as_gpu_});
  if (c.layout.references == 0 || !config_.use_reference_attention) {
    cache.layers.resize(static_cast<std::size_t>(unet->cross_view_layers()));
    return cache;
  }
  ViewContext context;
  context.pass = ViewPass::references;
  context.layout = &c.layout;
  context.record = &cache;
  context.last_layer = unet->cross_view_layers() - 1;
  context.recompute = recompute_;
  unet->forward(for_network(c.reference_input), c.reference_embedding, c.reference_tokens, context);
  return cache;
}

at::Tensor Denoiser::denoise(const at::Tensor& x, const at::Tensor& sigma, const Conditioning& c,
                             const ReferenceCache& cache, SourceFields* fields) const {
  UNet& unet = modules_->unet;
  const Autocast autocast({device().type(), autocast_, as_gpu_});
  ViewContext context;
  context.recompute = recompute_;
  context.pass = ViewPass::targets;
  context.layout = &c.layout;
  context.draws = c.layout.draws_of(x);
  context.cache = &cache;
  const OutputParts parts = output_parts(c, context.draws);
  const at::Tensor input = for_network(
      at::cat({scaled_input(x, sigma, parts, config_), c.layout.repeat_draws(c.target_input, context.draws)}, 1));
  const at::Tensor embedding =
      unet->embed_time(noise_level_input(sigma, config_)) + c.layout.repeat_draws(c.target_embedding, context.draws);
  const at::Tensor f =
      unet->forward(input, embedding, c.layout.repeat_draws(c.target_tokens, context.draws), context).to(at::kFloat);
  return denoised(x, f, sigma, parts, config_, *autoencoder_, fields);
}

at::Tensor Denoiser::denoise_joint(const at::Tensor& x, const at::Tensor& sigma, const Conditioning& c,
                                   SourceFields* fields) const {
  UNet& unet = modules_->unet;
  const Autocast autocast({device().type(), autocast_, as_gpu_});
  ViewContext context;
  context.recompute = recompute_;
  context.pass = ViewPass::joint;
  context.attend_references = config_.use_reference_attention;
  context.layout = &c.layout;
  context.draws = c.layout.draws_of(x);
  const OutputParts parts = output_parts(c, context.draws);
  const at::Tensor targets =
      at::cat({scaled_input(x, sigma, parts, config_), c.layout.repeat_draws(c.target_input, context.draws)}, 1);
  const at::Tensor input = for_network(at::cat({c.reference_input, targets}, 0));
  const at::Tensor noise_embedding = unet->embed_time(noise_level_input(sigma, config_));
  const at::Tensor embedding =
      at::cat({c.reference_embedding, noise_embedding + c.layout.repeat_draws(c.target_embedding, context.draws)}, 0);
  const at::Tensor tokens = at::cat({c.reference_tokens, c.layout.repeat_draws(c.target_tokens, context.draws)}, 0);
  const at::Tensor f =
      unet->forward(input, embedding, tokens, context).narrow(0, c.layout.references, x.size(0)).to(at::kFloat);
  return denoised(x, f, sigma, parts, config_, *autoencoder_, fields);
}

at::Tensor Denoiser::loss_weight(const at::Tensor& sigma, const Conditioning& c) const {
  const bool residual = c.scale.defined();
  const at::Tensor scale = residual ? c.layout.repeat_draws(c.scale, c.layout.draws_of(sigma)) : c.scale;
  return squared_error_weight(sigma, scale, config_);
}

}  // namespace spinfill
