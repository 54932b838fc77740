// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/tensors/safetensors.h"
#include "model/autoencoder/autoencoder.h"
#include "model/config.h"
#include "model/denoiser/conditioning.h"
#include "model/denoiser/source_fields.h"
#include "model/network/lora.h"
#include "model/network/reference_cache.h"

namespace spinfill {

struct DenoiserModules;

// The denoiser D(x; σ, conditions): network, conditioning and preconditioning. Copying one copies a handle.
//
// A step of training:  auto c = denoiser.condition(batch, drop);  auto cache = denoiser.encode_references(c);
//                      auto d = denoiser.denoise(x, sigma, c, cache);
class Denoiser {
 public:
  // Initial weights are a function of (config, seed) alone. On at::kMeta nothing is allocated. `autoencoder`, where it
  // is at hand already, is shared; else it is make_autoencoder()'s.
  Denoiser(const ModelConfig& config, std::uint64_t seed, at::Device device = at::kCPU,
           std::shared_ptr<Autoencoder> autoencoder = nullptr);

  const ModelConfig& config() const { return config_; }
  const Autoencoder& autoencoder() const { return *autoencoder_; }
  const std::shared_ptr<Autoencoder>& shared_autoencoder() const { return autoencoder_; }
  at::Device device() const;
  at::ScalarType dtype() const;  // of the network's weights; latents outside of it are float32

  void to(at::Device device);
  void to(at::ScalarType dtype);    // float32, bfloat16 or float16; the autoencoder's stay float32
  void set_channels_last(bool on);  // memory layout of the convolutions; results agree to rounding

  // Products of the network in this dtype (kBFloat16), with weights that stay float32; kFloat: all in float32. as_gpu:
  // of a denoiser without memory (at::kMeta), what a GPU casts.
  void set_autocast(at::ScalarType dtype, bool as_gpu = false) {
    autocast_ = dtype;
    as_gpu_ = as_gpu;
  }
  // Backward runs each layer again instead of keeping what it needs of it: less memory, up to a third more time, the
  // same gradients.
  void set_gradient_checkpointing(bool on) { recompute_ = on; }

  // Every parameter, by name ("unet.…" as in diffusers, "conditioner.…"), in a fixed order. Each takes part in every
  // step that has a reference and a target.
  std::vector<std::pair<std::string, at::Tensor>> parameters() const;
  std::vector<std::pair<std::string, at::Tensor>> trained_parameters() const;  // those that are not frozen
  std::int64_t parameter_count() const;
  TensorMap state() const;  // all of them as detached aliases, and what adapters are scaled by

  std::vector<std::string> linear_layers() const;  // names of those that can have adapters
  // Freezes all parameters and puts an adapter beside every linear layer that config.targets names, A drawn as a
  // function of (seed, its name); they and config.full are trained. Errors (exit 2): a pattern that names nothing.
  void add_adapters(const LoraConfig& config, std::uint64_t seed);
  // These are no longer trained. Errors (exit 2): a pattern that names nothing; nothing is left to train.
  void freeze(const std::vector<std::string>& patterns);

  // The processor's part of condition(). Errors: pictures that are no multiples of the autoencoder's factor (exit 2),
  // no prior maps where the model needs them, a category that it does not know.
  Arrangement arrange(const Batch& batch, const ConditionDrop& drop = {}) const;
  // Reads neither colour, alpha nor normals of targets.
  Conditioning condition(const Batch& batch, const Arrangement& arrangement) const;
  Conditioning condition(const Batch& batch, const ConditionDrop& drop = {}) const;
  // The network over the references alone (clean, unit scale), as far as its last cross-view attention.
  ReferenceCache encode_references(const Conditioning& conditioning) const;
  // x [ΣT·M,S,h,w] noisy latents, sigma [ΣT·M] → D, float32. M noise draws share the references.
  // `fields`: with OutputForm::sources, where D's pixels are from.
  at::Tensor denoise(const at::Tensor& x, const at::Tensor& sigma, const Conditioning& conditioning,
                     const ReferenceCache& cache, SourceFields* fields = nullptr) const;
  // The same without a cache, references and targets in one pass through the whole network: for tests and benchmarks.
  at::Tensor denoise_joint(const at::Tensor& x, const at::Tensor& sigma, const Conditioning& conditioning,
                           SourceFields* fields = nullptr) const;

  // Weight λ(σ) of the squared error of D, [ΣT·M], for targets whose output scale is conditioning.scale.
  at::Tensor loss_weight(const at::Tensor& sigma, const Conditioning& conditioning) const;

  DenoiserModules& modules() const { return *modules_; }

 private:
  at::Tensor for_network(at::Tensor input) const;  // in the weights' dtype and memory layout

  ModelConfig config_;
  std::shared_ptr<Autoencoder> autoencoder_;
  std::shared_ptr<DenoiserModules> modules_;
  bool channels_last_ = false, recompute_ = false;
  at::ScalarType autocast_ = at::kFloat;
  bool as_gpu_ = false;
};

}  // namespace spinfill
