// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/config.h"

namespace spinfill {

// Pictures to latents: `pixel` is a space-to-depth by pixel_factor, lossless; `tiny` and `kl` are trained networks
// (model/autoencoder/network.h), frozen here.
enum class AutoencoderKind { pixel, tiny, kl };
template <>
inline constexpr Named<AutoencoderKind> kNamesOf<AutoencoderKind>[] = {
    {AutoencoderKind::pixel, "pixel"}, {AutoencoderKind::tiny, "tiny"}, {AutoencoderKind::kl, "kl"}};

// Karras et al. 2022, table 1; or D = base + g·(s·F + blends); or the same with the hull warp for base, looked up on a
// surface that the network corrects and cut by a coverage that it gives (model/denoiser/source_fields.h). epsilon and
// v: what Stable Diffusion's networks predict (model/denoiser/preconditioning.h).
enum class OutputForm { prior_residual, sources, edm, epsilon, v };
template <>
inline constexpr Named<OutputForm> kNamesOf<OutputForm>[] = {{OutputForm::prior_residual, "prior-residual"},
                                                             {OutputForm::sources, "sources"},
                                                             {OutputForm::edm, "edm"},
                                                             {OutputForm::epsilon, "epsilon"},
                                                             {OutputForm::v, "v"}};

// How the noise level enters: 25 ln σ, or the t of Stable Diffusion's schedule that has this σ.
enum class NoiseInput { log_sigma, timestep };
template <>
inline constexpr Named<NoiseInput> kNamesOf<NoiseInput>[] = {{NoiseInput::log_sigma, "log-sigma"},
                                                             {NoiseInput::timestep, "timestep"}};

// What the network is told of each ray: Plücker coordinates [d ; o×d], or the camera's position and the direction [o ;
// d] (model/denoiser/conditioning.h).
enum class RayKind { pluecker, origin_direction };
template <>
inline constexpr Named<RayKind> kNamesOf<RayKind>[] = {{RayKind::pluecker, "pluecker"},
                                                       {RayKind::origin_direction, "origin-direction"}};

// The base of prior-residual: the flipped mirror view where there is one, else the hull warp, or the hull warp alone.
enum class PriorImage { mirror_or_prior, prior };
template <>
inline constexpr Named<PriorImage> kNamesOf<PriorImage>[] = {{PriorImage::mirror_or_prior, "mirror-or-prior"},
                                                             {PriorImage::prior, "prior"}};

// Probabilities with which a sample loses a condition in training, each drawn on its own per sample.
struct DropoutConfig {
  double identity = 0.1;    // category and identity tokens become the learned null token
  double references = 0.0;  // the references' latents become the learned null latent, their mask channel 0
  double priors = 0.0;      // prior maps become 0, the prior image leaves the output
  double normals = 0.5;     // model.normals: the references' normals become 0, their mask channel 0
  void bind(Fields& f);
};

// The denoising network and what surrounds it. Level 0 is the latents' resolution, each further level halves it.
struct ModelConfig {
  // UNet, block structure and parameter names of diffusers' UNet2DConditionModel
  std::vector<std::int64_t> block_out_channels = {48, 64, 80};
  std::int64_t layers_per_block = 1;
  std::vector<std::int64_t> attention_levels = {0, 0, 1};  // 1: that level has transformer blocks; the mid block always
  PerLevel transformer_layers_per_block = 1;
  PerLevel attention_heads = 4;           // per transformer block; head width = channels / heads
  std::int64_t cross_attention_dim = 64;  // width of the condition tokens
  std::int64_t norm_num_groups = 16;
  bool linear_projection = false;       // into and out of transformer blocks: linear layers, else 1×1 convolutions
  std::int64_t size_embedding_dim = 0;  // of each of the six picture sizes in SDXL's added embedding, 0: no such
  std::int64_t pooled_text_dim = 0;     // of the pooled text in it, which is always zero here

  AutoencoderKind autoencoder = AutoencoderKind::pixel;
  std::int64_t pixel_factor = 2;
  std::string autoencoder_from;           // tiny, kl: file or folder of its weights (model/autoencoder/files.h)
  std::int64_t autoencoder_channels = 4;  // tiny, kl: channels of its latents
  std::int64_t autoencoder_factor = 8;    // tiny, kl: pixels along a latent's side

  // Denoiser
  bool normals = false;  // the vehicle's normals are generated with each picture, as a second group of C latents
  OutputForm output = OutputForm::prior_residual;
  PriorImage prior_image = PriorImage::mirror_or_prior;
  double residual_scale = 0.15;   // s, standard deviation of latents − base
  double residual_margin = 0.04;  // F acts within the visual hull widened by this share of the width; 1: everywhere
  bool blend = true;              // prior-residual: the network also blends background and the other image into base
  double correction_limit = 0.1;  // sources: largest correction of the surface's depth, vehicle lengths
  double sigma_data = 0.5;        // σ_d, standard deviation of the latents; 1 with epsilon and v
  NoiseInput noise_input = NoiseInput::log_sigma;
  double sigma_min = 0.002, sigma_max = 80;   // range of noise levels
  double noise_mean = -1.2, noise_std = 1.2;  // P_mean, P_std of ln σ in training
  bool noise_shift = true;                    // ln σ + ½ ln N for N targets
  double loss_weight_clip = 5;                // prior-residual: largest weight of F's squared error

  // Conditions
  bool use_rays = true;
  RayKind rays = RayKind::pluecker;
  std::int64_t ray_bands = 0;  // L: sines and cosines of 2^l·π times each coordinate, l < L, beside it
  bool use_priors = true;
  bool use_reference_attention = true;  // false: targets attend to targets alone (ablation)
  bool use_cue = true;
  bool use_category = true;
  std::int64_t categories = 7;       // known ones, in data's order
  std::int64_t identity_dim = 0;     // width of the identity vector, 0: none
  std::int64_t identity_tokens = 1;  // tokens of cross-attention that it becomes
  DropoutConfig dropout;

  void bind(Fields& f);

  // Pictures that `blend` can mix in: background, the prior image that is not the base.
  static constexpr std::int64_t kBlended = 2;
  // Fields of `sources`, each one value a pixel, also with latents: what is taken away, the correction.
  static constexpr std::int64_t kSourceFields = 2;
  // Prior maps, and the hull's normals in the camera's frame (prior_channels in model/denoiser/conditioning.h).
  static constexpr std::int64_t kPriorChannels = 23;
  bool in_pixels() const { return autoencoder == AutoencoderKind::pixel; }
  std::int64_t latent_factor() const;    // H / h
  std::int64_t latent_channels() const;  // C
  std::int64_t state_channels() const;   // S, of what is generated: C, or 2C with normals after the picture
  std::int64_t latent_weights() const;   // numbers that give each pixel (pixel) or each latent position one
  std::int64_t ray_channels() const;     // of rays with their bands
  std::int64_t input_channels() const;   // S + masks + rays + prior maps + S of the prior image, of conv_in
  std::int64_t output_channels() const;  // S + weights of the blended pictures or source fields, of conv_out
  bool corrects_prior() const { return output == OutputForm::prior_residual || output == OutputForm::sources; }
};

// What the names of `model.preset` stand for, smallest first: "tiny" (1 M parameters), "small" (2 M, the default),
// "base" (12 M), "medium" (57 M), "large" (231 M), and with the UNets of Stable Diffusion 1.5, 2.1 and XL "sd15" (867
// M), "sd21" (875 M), "sdxl" (2.6 G). docs/model.md has the table.
const std::vector<Preset>& model_presets();

}  // namespace spinfill
