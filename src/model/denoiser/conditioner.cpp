// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/conditioner.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <string>

#include "core/error.h"
#include "core/random.h"

namespace spinfill {

ConditionerImpl::ConditionerImpl(const ModelConfig& config, std::int64_t embedding, const at::TensorOptions& tensors)
    : config_(config) {
  const std::int64_t width = config.cross_attention_dim;
  clean_embedding = register_parameter("clean_embedding", at::empty({embedding}, tensors));
  null_reference_ = register_parameter("null_reference", at::empty({config.latent_channels()}, tensors));
  if (config.use_cue) {
    cue_embedding_ = register_module("cue_embedding", EmbeddingMlp(Batch::kCueSize, embedding, tensors));
  }
  if (config.use_category) {
    category_embedding_ = register_parameter("category_embedding", at::empty({config.categories + 1, width}, tensors));
  }
  if (config.identity_dim > 0) {
    identity_projection_ = register_module("identity_projection", Linear(config.identity_dim, width, true, tensors));
    null_identity_ = register_parameter("null_identity", at::empty({width}, tensors));
  }
  null_token_ = register_parameter("null_token", at::empty({width}, tensors));
}

at::Tensor ConditionerImpl::tokens(const Batch& batch, const Arrangement& arrangement) {
  const at::Tensor& drop = arrangement.drop.identity;
  std::vector<at::Tensor> tokens;
  const std::int64_t samples = batch.is_reference.size(0);
  if (config_.use_category) {
    const at::Tensor& row = arrangement.category_rows;
    tokens.push_back(category_embedding_.index_select(0, drop.defined() ? row.masked_fill(drop, 0) : row));
  }
  if (config_.identity_dim > 0) {
    at::Tensor identity = batch.identity;
    at::Tensor unknown = drop.defined() ? drop : at::zeros({samples}, batch.colour.options().dtype(at::kBool));
    if (!identity.defined()) {
      identity = at::zeros({samples, config_.identity_dim}, null_identity_.options());
      unknown = at::ones_like(unknown);
    }
    if (identity.dim() != 2 || identity.size(1) != config_.identity_dim) {
      fail("identity vectors have {} values, this model takes {}", identity.size(-1), config_.identity_dim);
    }
    const at::Tensor known = identity_projection_->forward(identity.to(null_identity_.scalar_type()));
    tokens.push_back(at::where(unknown.unsqueeze(1), null_identity_.unsqueeze(0), known));
  }
  // Always there: attention over a single token could not weigh it, and its queries and keys would never be trained.
  tokens.push_back(null_token_.unsqueeze(0).expand({samples, -1}));
  return at::stack(tokens, 1);
}

at::Tensor ConditionerImpl::cue(const Batch& batch, const at::Tensor& rows) {
  if (!config_.use_cue) return at::zeros({rows.size(0), clean_embedding.size(0)}, clean_embedding.options());
  return cue_embedding_->forward(take_views(batch.cue, rows).to(clean_embedding.scalar_type()));
}

at::Tensor ConditionerImpl::reference_latents(const at::Tensor& latents, const at::Tensor& dropped) {
  const at::Tensor null = null_reference_.to(latents.scalar_type()).view({1, -1, 1, 1});
  return at::where(dropped.view({-1, 1, 1, 1}), null, latents);
}

UNetOptions unet_options(const ModelConfig& config, const at::TensorOptions& tensors) {
  UNetOptions options;
  options.in_channels = config.input_channels();
  options.out_channels = config.output_channels();
  options.block_out_channels = config.block_out_channels;
  options.layers_per_block = config.layers_per_block;
  options.attention_levels = config.attention_levels;
  options.transformer_layers_per_block = config.transformer_layers_per_block;
  options.attention_heads = config.attention_heads;
  options.cross_attention_dim = config.cross_attention_dim;
  options.norm_num_groups = config.norm_num_groups;
  options.tensors = tensors;
  return options;
}

DenoiserModules::DenoiserModules(const ModelConfig& config, const at::TensorOptions& tensors) {
  unet = register_module("unet", UNet(unet_options(config, tensors)));
  conditioner = register_module("conditioner", Conditioner(config, 4 * config.block_out_channels.front(), tensors));
}

namespace {

std::uint64_t name_hash(const std::string& name) {  // FNV-1a
  std::uint64_t hash = 14695981039346656037ull;
  for (unsigned char c : name) hash = (hash ^ c) * 1099511628211ull;
  return hash;
}

at::Generator generator_of(std::uint64_t seed, const std::string& name) {
  return at::make_generator<at::CPUGeneratorImpl>(Random(seed, name_hash(name), Stream::weights).bits64());
}

}  // namespace

void initialise_weights(DenoiserModules& modules, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  auto generator = [&](const std::string& name) { return generator_of(seed, name); };
  // Drawn on the CPU in float32, so that they do not depend on the device.
  auto uniform = [&](const std::string& name, at::Tensor parameter, double bound) {
    if (!parameter.defined()) return;
    parameter.copy_(at::empty(parameter.sizes(), at::kFloat).uniform_(-bound, bound, generator(name)));
  };
  for (const auto& item : modules.named_modules("", false)) {
    const auto& name = item.key();
    if (auto* conv = dynamic_cast<Conv2dImpl*>(item.value().get())) {
      const double bound = 1 / std::sqrt(static_cast<double>(conv->weight.numel() / conv->weight.size(0)));
      uniform(name + ".weight", conv->weight, bound);
      uniform(name + ".bias", conv->bias, bound);
    } else if (auto* linear = dynamic_cast<LinearImpl*>(item.value().get())) {
      const double bound = 1 / std::sqrt(static_cast<double>(linear->weight.size(1)));
      uniform(name + ".weight", linear->weight, bound);
      uniform(name + ".bias", linear->bias, bound);
    } else if (auto* group = dynamic_cast<GroupNormImpl*>(item.value().get())) {
      group->weight.fill_(1);
      group->bias.zero_();
    } else if (auto* layer = dynamic_cast<LayerNormImpl*>(item.value().get())) {
      layer->weight.fill_(1);
      layer->bias.zero_();
    }
  }
  for (auto& item : modules.conditioner->named_parameters(false)) {
    const double deviation = item.key() == "category_embedding" ? 1.0 : 0.02;
    item.value().copy_(
        at::empty(item.value().sizes(), at::kFloat).normal_(0, deviation, generator("conditioner." + item.key())));
  }
  for (auto& item : modules.unet->named_parameters()) {
    if (item.key() == "conv_out.weight" || item.key() == "conv_out.bias") item.value().zero_();
  }
}

void initialise_adapter(LinearImpl& layer, const std::string& name, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  if (layer.lora_a.is_meta()) return;
  const double bound = 1 / std::sqrt(static_cast<double>(layer.lora_a.size(1)));
  layer.lora_a.copy_(
      at::empty(layer.lora_a.sizes(), at::kFloat).uniform_(-bound, bound, generator_of(seed, name + ".lora_A")));
  layer.lora_b.zero_();
}

}  // namespace spinfill
