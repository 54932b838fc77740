// SPDX-License-Identifier: Apache-2.0
#include "model/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "core/error.h"

namespace spinfill {

void DropoutConfig::bind(Fields& f) {
  f.number("identity", identity, "Probability that a training sample loses its category and identity", 0, 1);
  f.number("references", references, "Probability that a training sample loses its references' pictures", 0, 1);
  f.number("priors", priors, "Probability that a training sample loses its prior maps", 0, 1);
  f.number("normals", normals, "Probability that a training sample loses its references' normals (model.normals)", 0,
           1);
}

namespace {

struct Sizes {
  std::vector<std::int64_t> channels;
  std::int64_t layers = 1;
  std::vector<std::int64_t> attention;
  PerLevel transformer_layers = 1;
  PerLevel heads = 8;
  std::int64_t token_width = 0, norm_groups = 32, pixel_factor = 2;
  bool linear_projection = false;
  std::int64_t size_embedding = 0, pooled_text = 0;
};

// Every key of the sizes, so that a preset leaves none as another one made it.
Preset preset(const char* name, const Sizes& s) {
  const auto number = [](const PerLevel& value) {
    return value.same_for_all() ? Json(value.at(0)) : Json(value.values());
  };
  return {name,
          {{"block_out_channels", s.channels},
           {"layers_per_block", s.layers},
           {"attention_levels", s.attention},
           {"transformer_layers_per_block", number(s.transformer_layers)},
           {"attention_heads", number(s.heads)},
           {"cross_attention_dim", s.token_width},
           {"norm_num_groups", s.norm_groups},
           {"linear_projection", s.linear_projection},
           {"size_embedding_dim", s.size_embedding},
           {"pooled_text_dim", s.pooled_text},
           {"pixel_factor", s.pixel_factor}}};
}

}  // namespace

const std::vector<Preset>& model_presets() {
  static const std::vector<Preset> presets = {
      preset("tiny", {{32, 32, 64}, 1, {0, 0, 1}, 1, 4, 64, 16}),
      preset("small", {{48, 64, 80}, 1, {0, 0, 1}, 1, 4, 64, 16}),
      preset("base", {{64, 96, 128, 192}, 1, {0, 0, 1, 1}, 1, 8, 256}),
      preset("medium", {{128, 192, 256, 320}, 2, {0, 0, 1, 1}, 1, 8, 256}),
      preset("large", {{192, 320, 512, 640}, 2, {0, 1, 1, 1}, 1, 8, 768, 32, 4}),
      preset("sd15", {{320, 640, 1280, 1280}, 2, {1, 1, 1, 0}, 1, 8, 768, 32, 8}),
      preset("sd21", {{320, 640, 1280, 1280}, 2, {1, 1, 1, 0}, 1, {{5, 10, 20, 20}}, 1024, 32, 8, true}),
      preset("sdxl", {{320, 640, 1280}, 2, {0, 1, 1}, {{1, 2, 10}}, {{5, 10, 20}}, 2048, 32, 8, true, 256, 1280}),
  };
  return presets;
}

void ModelConfig::bind(Fields& f) {
  f.preset("preset", model_presets(), "All sizes of the network in one word; stored as the sizes it stands for");
  f.list("block_out_channels", block_out_channels, "Channels of each resolution level, finest first", 8, 4096);
  f.number("layers_per_block", layers_per_block, "Residual blocks per level", 1, 16);
  f.list("attention_levels", attention_levels, "1 where a level has cross-view attention (the mid block always has)", 0,
         1);
  f.number("transformer_layers_per_block", transformer_layers_per_block, "Transformer layers per block, of each level",
           1, 16);
  f.number("attention_heads", attention_heads,
           "Heads of each attention, of each level; width per head = channels / heads", 1, 128);
  f.number("cross_attention_dim", cross_attention_dim, "Width of the condition tokens", 8, 4096);
  f.number("norm_num_groups", norm_num_groups, "Groups of the group norms; divides every block's channels", 1, 256);
  f.flag("linear_projection", linear_projection,
         "Linear layers into and out of transformer blocks, as in Stable Diffusion 2 and XL, not 1x1 convolutions");
  f.number("size_embedding_dim", size_embedding_dim,
           "Width of each of the six picture sizes in Stable Diffusion XL's added embedding, 0: no such embedding", 0,
           4096);
  f.number("pooled_text_dim", pooled_text_dim,
           "Width of the pooled text in that embedding; there is no text here, so it is always zero", 0, 65536);
  f.choice(
      "autoencoder", autoencoder,
      "Pictures to latents: pixel = lossless space-to-depth, or a trained network: tiny = diffusers' AutoencoderTiny "
      "(TAESD), kl = AutoencoderKL (Stable Diffusion's)");
  f.number("pixel_factor", pixel_factor, "Space-to-depth factor of the pixel autoencoder", 1, 16);
  f.text(
      "autoencoder_from", autoencoder_from,
      "Weights of the autoencoder tiny or kl, which are not trained: a folder as diffusers writes it, one with TAESD's "
      "two files, or a file; RUN/autoencoder.safetensors keeps them");
  f.number("autoencoder_channels", autoencoder_channels, "Channels of the latents of the autoencoder tiny or kl", 1,
           256);
  f.number("autoencoder_factor", autoencoder_factor, "Pixels along a latent's side of the autoencoder tiny or kl", 1,
           64);
  f.flag("normals", normals, "Generate the vehicle's normals with each picture; training reads data.normals");
  f.choice("output", output,
           "Output form: prior image + residual_scale x network, sources (the same on a corrected surface), EDM "
           "preconditioning, or what Stable Diffusion's networks predict: epsilon (1.5, XL), v (2.1)");
  f.choice("prior_image", prior_image, "Prior image the residual is added to");
  f.number("residual_scale", residual_scale, "Standard deviation of latents minus prior image", 1e-3, 10);
  f.number("residual_margin", residual_margin,
           "Residual within the visual hull widened by this share of the width; 1: everywhere", 0, 1);
  f.flag("blend", blend, "The network also blends background and the other prior image into the base (prior-residual)");
  f.number("correction_limit", correction_limit,
           "Largest correction of the surface's depth along a ray, vehicle lengths (sources)", 0.001, 0.5);
  f.number("sigma_data", sigma_data, "Standard deviation of the latents", 1e-3, 10);
  f.choice("noise_input", noise_input,
           "How the noise level enters: 25 ln sigma, or the timestep 0 to 999 of Stable Diffusion's schedule");
  f.number("sigma_min", sigma_min, "Lowest noise level", 1e-5, 1);
  f.number("sigma_max", sigma_max, "Highest noise level; a step from there is a regression", 1, 1e4);
  f.number("noise_mean", noise_mean, "Mean of ln sigma in training", -10, 10);
  f.number("noise_std", noise_std, "Standard deviation of ln sigma in training", 0, 10);
  f.flag("noise_shift", noise_shift, "Shift ln sigma by half the logarithm of the number of targets");
  f.number("loss_weight_clip", loss_weight_clip, "Largest weight of the network's squared error (prior-residual)", 1,
           1e6);
  f.flag("use_rays", use_rays, "Condition on the views' Pluecker rays");
  f.choice("rays", rays,
           "What the network is told of a ray: Pluecker coordinates, or the camera's position and the direction");
  f.number("ray_bands", ray_bands,
           "Frequencies: sines and cosines of 2^l pi times each of the six coordinates, l below this, beside them", 0,
           12);
  f.flag("use_priors", use_priors, "Condition on the prior maps");
  f.flag("use_reference_attention", use_reference_attention, "Targets attend to the references, too");
  f.flag("use_cue", use_cue, "Condition on the stabilisation cue");
  f.flag("use_category", use_category, "Condition on the vehicle's category");
  f.number("categories", categories, "Number of known categories", 1, 10000);
  f.number("identity_dim", identity_dim, "Width of the identity vector, 0: none", 0, 65536);
  f.number("identity_tokens", identity_tokens, "Tokens of cross-attention that the identity vector becomes", 1, 256);
  f.group("dropout", dropout, "Conditions dropped per sample in training");

  f.require(!block_out_channels.empty() && block_out_channels.size() <= 8, "block_out_channels needs 1 to 8 levels");
  f.require(attention_levels.size() == block_out_channels.size(),
            "attention_levels needs one entry per entry of block_out_channels");
  f.require(std::ranges::all_of(block_out_channels, [&](auto c) { return c % norm_num_groups == 0; }),
            "norm_num_groups must divide every entry of block_out_channels");
  for (const auto& [key, value] : {std::pair<const char*, const PerLevel&>("attention_heads", attention_heads),
                                   {"transformer_layers_per_block", transformer_layers_per_block}}) {
    f.require(value.fits(block_out_channels.size()),
              fmt::format("{} needs one number, or one per entry of block_out_channels", key));
  }
  bool divides = true;
  for (std::size_t level = 0; level < block_out_channels.size() && attention_heads.fits(block_out_channels.size());
       ++level) {
    divides &= block_out_channels[level] % attention_heads.at(level) == 0;
  }
  f.require(divides, "attention_heads must divide the entries of block_out_channels");
  f.require(size_embedding_dim % 2 == 0, "size_embedding_dim must be even");
  f.require(pooled_text_dim == 0 || size_embedding_dim > 0,
            "pooled_text_dim is a part of the added embedding: it needs size_embedding_dim");
  f.require(block_out_channels.empty() || block_out_channels.front() % 2 == 0,
            "the first entry of block_out_channels must be even");
  f.require(output != OutputForm::sources || prior_image == PriorImage::prior,
            "output sources is a form of the hull warp: it needs prior_image prior");
  f.require_at("normals", !normals || output != OutputForm::sources,
               "are not generated by output sources, which looks its pixels up in photographs: choose prior-residual");
  f.require_at("autoencoder_factor", std::has_single_bit(static_cast<std::uint64_t>(autoencoder_factor)),
               "must be 1, 2, 4, 8, …: each level of an autoencoder halves");
  f.require(cross_attention_dim > 0 && sigma_min < sigma_max, "sigma_min must be below sigma_max");
}

std::int64_t ModelConfig::latent_factor() const {
  return in_pixels() ? pixel_factor : autoencoder_factor;
}

std::int64_t ModelConfig::latent_channels() const {
  return in_pixels() ? 3 * pixel_factor * pixel_factor : autoencoder_channels;
}

std::int64_t ModelConfig::latent_weights() const {
  return in_pixels() ? pixel_factor * pixel_factor : 1;
}

std::int64_t ModelConfig::state_channels() const {
  return (normals ? 2 : 1) * latent_channels();
}

std::int64_t ModelConfig::output_channels() const {
  if (output == OutputForm::sources) return latent_channels() + kSourceFields * latent_factor() * latent_factor();
  return state_channels() + (output == OutputForm::prior_residual && blend ? kBlended * latent_weights() : 0);
}

std::int64_t ModelConfig::ray_channels() const {
  return 6 * (1 + 2 * ray_bands);
}

std::int64_t ModelConfig::input_channels() const {
  return state_channels() + (normals ? 2 : 1) + (use_rays ? ray_channels() : 0) +
         (use_priors ? kPriorChannels * latent_factor() * latent_factor() : 0) +
         (corrects_prior() ? state_channels() : 0);
}

}  // namespace spinfill
