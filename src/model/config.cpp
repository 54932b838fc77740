// SPDX-License-Identifier: Apache-2.0
#include "model/config.h"

#include <algorithm>
#include <bit>

#include "core/error.h"

namespace spinfill {

void DropoutConfig::bind(Fields& f) {
  f.number("identity", identity, "Probability that a training sample loses its category and identity", 0, 1);
  f.number("references", references, "Probability that a training sample loses its references' pictures", 0, 1);
  f.number("priors", priors, "Probability that a training sample loses its prior maps", 0, 1);
}

namespace {

Json sizes(const std::vector<std::int64_t>& channels, std::int64_t layers, const std::vector<std::int64_t>& attention,
           std::int64_t heads, std::int64_t token_width, std::int64_t norm_groups, std::int64_t pixel_factor) {
  return {{"block_out_channels", channels}, {"layers_per_block", layers},         {"attention_levels", attention},
          {"attention_heads", heads},       {"cross_attention_dim", token_width}, {"norm_num_groups", norm_groups},
          {"pixel_factor", pixel_factor}};
}

}  // namespace

const std::vector<Preset>& model_presets() {
  static const std::vector<Preset> presets = {
      {"tiny", sizes({32, 32, 64}, 1, {0, 0, 1}, 4, 64, 16, 2)},
      {"small", sizes({48, 64, 80}, 1, {0, 0, 1}, 4, 64, 16, 2)},
      {"base", sizes({64, 96, 128, 192}, 1, {0, 0, 1, 1}, 8, 256, 32, 2)},
      {"medium", sizes({128, 192, 256, 320}, 2, {0, 0, 1, 1}, 8, 256, 32, 2)},
      {"large", sizes({192, 320, 512, 640}, 2, {0, 1, 1, 1}, 8, 768, 32, 4)},
      {"sd15", sizes({320, 640, 1280, 1280}, 2, {1, 1, 1, 0}, 8, 768, 32, 8)},
  };
  return presets;
}

void ModelConfig::bind(Fields& f) {
  f.preset("preset", model_presets(), "All sizes of the network in one word; stored as the sizes it stands for");
  f.list("block_out_channels", block_out_channels, "Channels of each resolution level, finest first", 8, 4096);
  f.number("layers_per_block", layers_per_block, "Residual blocks per level", 1, 16);
  f.list("attention_levels", attention_levels, "1 where a level has cross-view attention (the mid block always has)", 0,
         1);
  f.number("transformer_layers_per_block", transformer_layers_per_block, "Transformer layers per block", 1, 16);
  f.number("attention_heads", attention_heads, "Heads of each attention; width per head = channels / heads", 1, 128);
  f.number("cross_attention_dim", cross_attention_dim, "Width of the condition tokens", 8, 4096);
  f.number("norm_num_groups", norm_num_groups, "Groups of the group norms; divides every block's channels", 1, 256);
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
  f.choice("output", output,
           "Output form: prior image + residual_scale x network, sources (the same on a corrected surface), or EDM "
           "preconditioning");
  f.choice("prior_image", prior_image, "Prior image the residual is added to");
  f.number("residual_scale", residual_scale, "Standard deviation of latents minus prior image", 1e-3, 10);
  f.number("residual_margin", residual_margin,
           "Residual within the visual hull widened by this share of the width; 1: everywhere", 0, 1);
  f.flag("blend", blend, "The network also blends background and the other prior image into the base (prior-residual)");
  f.number("correction_limit", correction_limit,
           "Largest correction of the surface's depth along a ray, vehicle lengths (sources)", 0.001, 0.5);
  f.number("sigma_data", sigma_data, "Standard deviation of the latents", 1e-3, 10);
  f.number("sigma_min", sigma_min, "Lowest noise level", 1e-5, 1);
  f.number("sigma_max", sigma_max, "Highest noise level; a step from there is a regression", 1, 1e4);
  f.number("noise_mean", noise_mean, "Mean of ln sigma in training", -10, 10);
  f.number("noise_std", noise_std, "Standard deviation of ln sigma in training", 0, 10);
  f.flag("noise_shift", noise_shift, "Shift ln sigma by half the logarithm of the number of targets");
  f.number("loss_weight_clip", loss_weight_clip, "Largest weight of the network's squared error (prior-residual)", 1,
           1e6);
  f.flag("use_rays", use_rays, "Condition on the views' Pluecker rays");
  f.flag("use_priors", use_priors, "Condition on the prior maps");
  f.flag("use_cue", use_cue, "Condition on the stabilisation cue");
  f.flag("use_category", use_category, "Condition on the vehicle's category");
  f.number("categories", categories, "Number of known categories", 1, 10000);
  f.number("identity_dim", identity_dim, "Width of the identity vector, 0: none", 0, 65536);
  f.group("dropout", dropout, "Conditions dropped per sample in training");

  f.require(!block_out_channels.empty() && block_out_channels.size() <= 8, "block_out_channels needs 1 to 8 levels");
  f.require(attention_levels.size() == block_out_channels.size(),
            "attention_levels needs one entry per entry of block_out_channels");
  f.require(std::ranges::all_of(block_out_channels, [&](auto c) { return c % norm_num_groups == 0; }),
            "norm_num_groups must divide every entry of block_out_channels");
  f.require(std::ranges::all_of(block_out_channels, [&](auto c) { return c % attention_heads == 0; }),
            "attention_heads must divide every entry of block_out_channels");
  f.require(block_out_channels.empty() || block_out_channels.front() % 2 == 0,
            "the first entry of block_out_channels must be even");
  f.require(output != OutputForm::sources || prior_image == PriorImage::prior,
            "output sources is a form of the hull warp: it needs prior_image prior");
  f.require_at("autoencoder_factor", std::has_single_bit(static_cast<std::uint64_t>(autoencoder_factor)),
               "must be 1, 2, 4, 8, …: each level of an autoencoder halves");
  f.require_at("output", output != OutputForm::sources || in_pixels(),
               "sources says where each pixel comes from: it needs the autoencoder pixel");
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

std::int64_t ModelConfig::output_channels() const {
  if (output == OutputForm::sources) return latent_channels() + kSourceFields * latent_weights();
  return latent_channels() + (output == OutputForm::prior_residual && blend ? kBlended * latent_weights() : 0);
}

std::int64_t ModelConfig::input_channels() const {
  return latent_channels() + 1 + (use_rays ? 6 : 0) +
         (use_priors ? kPriorChannels * latent_factor() * latent_factor() : 0) +
         (corrects_prior() ? latent_channels() : 0);
}

}  // namespace spinfill
