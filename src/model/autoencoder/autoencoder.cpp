// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/autoencoder.h"

#include <ATen/ATen.h>

#include <bit>

#include "core/error.h"

namespace spinfill {

at::Tensor space_to_depth(const at::Tensor& maps, std::int64_t factor) {
  if (maps.dim() != 4 || maps.size(2) % factor != 0 || maps.size(3) % factor != 0) {
    fail_usage("pictures of {} x {} pixels: width and height must be multiples of {} for this model", maps.size(-1),
               maps.size(-2), factor);
  }
  // Of no pictures at all PyTorch's pixel_unshuffle and pixel_shuffle return the unchanged shape.
  if (maps.size(0) == 0) {
    return maps.new_empty({0, maps.size(1) * factor * factor, maps.size(2) / factor, maps.size(3) / factor});
  }
  return at::pixel_unshuffle(maps, factor);
}

at::Tensor depth_to_space(const at::Tensor& maps, std::int64_t factor) {
  if (maps.size(0) == 0) {
    return maps.new_empty({0, maps.size(1) / (factor * factor), maps.size(2) * factor, maps.size(3) * factor});
  }
  return at::pixel_shuffle(maps, factor);
}

namespace {

class PixelAutoencoder : public Autoencoder {
 public:
  explicit PixelAutoencoder(std::int64_t factor) : factor_(factor) {}
  at::Tensor encode(const at::Tensor& pictures) const override { return space_to_depth(pictures, factor_); }
  at::Tensor decode(const at::Tensor& latents) const override { return depth_to_space(latents, factor_); }
  at::Tensor pixel_weights(const at::Tensor& weights) const override {
    return space_to_depth(weights.expand({weights.size(0), 3, weights.size(2), weights.size(3)}), factor_);
  }
  std::int64_t factor() const override { return factor_; }
  std::int64_t channels() const override { return 3 * factor_ * factor_; }

 private:
  std::int64_t factor_;
};

}  // namespace

std::shared_ptr<Autoencoder> usual_autoencoder(const ModelConfig& config, at::Device device) {
  AutoencoderArchitecture usual = standard_architecture(config.autoencoder, config.autoencoder_channels);
  const auto levels = static_cast<std::size_t>(std::countr_zero(static_cast<std::uint64_t>(config.autoencoder_factor)));
  usual.block_out_channels.resize(levels + 1, usual.block_out_channels.back());
  if (config.autoencoder == AutoencoderKind::tiny) {
    usual.encoder_blocks.resize(levels + 1, usual.encoder_blocks.back());
    usual.decoder_blocks.assign(levels + 1, usual.decoder_blocks.front());
    usual.decoder_blocks.back() = 1;
  }
  return std::make_shared<LatentAutoencoder>(usual, device);
}

std::shared_ptr<Autoencoder> make_autoencoder(const ModelConfig& config, at::Device device) {
  if (config.in_pixels()) return std::make_shared<PixelAutoencoder>(config.pixel_factor);
  const std::string kind = name_of(config.autoencoder);
  if (config.autoencoder_from.empty()) {
    if (device.is_meta()) return usual_autoencoder(config, device);
    fail_usage("model.autoencoder_from is empty: name the weights of the autoencoder {}, a file or folder", kind);
  }
  AutoencoderFile file = read_autoencoder(config.autoencoder_from);
  const AutoencoderArchitecture& a = file.architecture;
  const auto require = [&](bool holds, const std::string& is, const std::string& key, const auto& wanted) {
    if (!holds) fail_usage("model.{} is {}, but {} is of {}: give both alike", key, wanted, file.where, is);
  };
  require(a.kind == config.autoencoder, fmt::format("kind {}", name_of(a.kind)), "autoencoder", kind);
  require(a.latent_channels == config.autoencoder_channels, fmt::format("{} latent channels", a.latent_channels),
          "autoencoder_channels", config.autoencoder_channels);
  require(a.factor() == config.autoencoder_factor, fmt::format("factor {}", a.factor()), "autoencoder_factor",
          config.autoencoder_factor);
  return std::make_shared<LatentAutoencoder>(std::move(file), device);
}

}  // namespace spinfill
