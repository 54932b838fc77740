// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/autoencoder.h"

#include <ATen/ATen.h>

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
  // PyTorch's pixel_unshuffle in one strided copy, which takes a third of its time on a processor.
  const std::int64_t n = maps.size(0), c = maps.size(1), h = maps.size(2) / factor, w = maps.size(3) / factor;
  return maps.view({n, c, h, factor, w, factor}).permute({0, 1, 3, 5, 2, 4}).reshape({n, c * factor * factor, h, w});
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
  return std::make_shared<LatentAutoencoder>(
      usual_architecture(config.autoencoder, config.autoencoder_channels, config.autoencoder_factor), device);
}

std::shared_ptr<Autoencoder> make_autoencoder(const ModelConfig& config, at::Device device) {
  if (config.in_pixels()) return std::make_shared<PixelAutoencoder>(config.pixel_factor);
  const std::string kind = name_of(config.autoencoder);
  if (config.autoencoder_from.empty()) {
    if (device.is_meta()) return usual_autoencoder(config, device);
    fail_usage("model.autoencoder_from is empty: name the weights of the autoencoder {}, a file or folder", kind);
  }
  AutoencoderFile file = read_autoencoder(config.autoencoder_from);
  require_sizes(file, config.autoencoder, config.autoencoder_channels, config.autoencoder_factor);
  return std::make_shared<LatentAutoencoder>(std::move(file), device);
}

}  // namespace spinfill
