// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string>

#include "core/files/content_store.h"
#include "model/autoencoder/files.h"
#include "model/config.h"

namespace spinfill {

// Pictures to latents and back, with weights that are not trained. N pictures of H×W, latents of C channels and h×w.
class Autoencoder {
 public:
  virtual ~Autoencoder() = default;
  virtual at::Tensor encode(const at::Tensor& pictures) const = 0;  // [N,3,H,W] in [−1,1] → [N,C,h,w]
  virtual at::Tensor decode(const at::Tensor& latents) const = 0;   // [N,C,h,w] → [N,3,H,W] in about [−1,1]
  // encode() of pictures that come again and again: kept, where keep_latents() was given a store.
  virtual at::Tensor encode_kept(const at::Tensor& pictures) const { return encode(pictures); }
  // Weight of each latent value from a weight per pixel: [N,1,H,W] → broadcastable to [N,C,h,w].
  virtual at::Tensor pixel_weights(const at::Tensor& weights) const = 0;
  virtual std::int64_t factor() const = 0;    // H / h
  virtual std::int64_t channels() const = 0;  // C
  virtual void to(at::Device) {}
  virtual const AutoencoderFile* file() const { return nullptr; }  // what it was read from; the pixel autoencoder: none
};

// A trained one. Everything is computed in float32. Without gradients pictures are computed one after the other, so
// that memory, and on a processor the last bit of each, do not depend on how many there are.
class LatentAutoencoder : public Autoencoder {
 public:
  // Errors (exit 3) name file.where: weights that are not those of the architecture. On kMeta nothing is allocated.
  explicit LatentAutoencoder(AutoencoderFile file, at::Device device = at::kCPU);
  ~LatentAutoencoder() override;
  // All weights zero.
  LatentAutoencoder(const AutoencoderArchitecture& architecture, at::Device device);

  at::Tensor encode(const at::Tensor& pictures) const override { return encode(pictures, 0); }
  at::Tensor decode(const at::Tensor& latents) const override { return decode(latents, 0); }
  // tile > 0: in tiles of so many pixels, equal but for rounding, in memory that grows with the latents more than with
  // the pictures (model/autoencoder/tiles.h). Errors (exit 2): sides that are no multiples of the factor.
  at::Tensor encode(const at::Tensor& pictures, std::int64_t tile) const;
  at::Tensor decode(const at::Tensor& latents, std::int64_t tile) const;
  at::Tensor pixel_weights(const at::Tensor& weights) const override;  // the mean of the pixels under a latent
  std::int64_t factor() const override { return file_.architecture.factor(); }
  std::int64_t channels() const override { return file_.architecture.latent_channels; }
  // Latents in `store`, found by the content of picture and weights: on a processor the same bits as computed anew, on
  // a GPU to rounding.
  void keep_latents(std::shared_ptr<ContentStore> store);
  at::Tensor encode_kept(const at::Tensor& pictures) const override;
  void to(at::Device device) override;
  const AutoencoderFile* file() const override { return &file_; }
  std::int64_t parameter_count() const;

 private:
  AutoencoderFile file_;
  std::shared_ptr<class AutoencoderNetwork> network_;
  std::shared_ptr<ContentStore> store_;
  std::string weights_key_;  // content_hash() of file_
};

// A picture whose sides are no multiples of `multiple` px, with its last row and column repeated: [1,3,H,W].
at::Tensor padded_to_multiple(const at::Tensor& picture, std::int64_t multiple);
// A picture of any size through an autoencoder and back, without gradients: [1,3,H,W] in [0,1], the same out.
at::Tensor there_and_back(const LatentAutoencoder& autoencoder, const at::Tensor& picture);

// Of a trained one that is not at hand: the usual sizes with the configuration's latents, all weights zero, to measure
// time and memory with.
std::shared_ptr<Autoencoder> usual_autoencoder(const ModelConfig& config, at::Device device);

// The one that the configuration names; a trained one is read from config.autoencoder_from. On kMeta sizes alone: those
// of that file, or where none is named usual_autoencoder()'s. Errors (exit 2): no file is named, or its latents are not
// those of the configuration.
std::shared_ptr<Autoencoder> make_autoencoder(const ModelConfig& config, at::Device device = at::kCPU);

// [N,C,H,W] → [N,C·f²,H/f,W/f], bit for bit invertible; H and W must be multiples of f.
at::Tensor space_to_depth(const at::Tensor& maps, std::int64_t factor);
at::Tensor depth_to_space(const at::Tensor& maps, std::int64_t factor);

}  // namespace spinfill
