// SPDX-License-Identifier: Apache-2.0
#include "train/step/set_up.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "metrics/lpips.h"
#include "metrics/picture_size.h"
#include "model/denoiser/weights.h"

namespace spinfill {

Denoiser random_denoiser(const RunConfig& config, at::Device device, const std::shared_ptr<Autoencoder>& autoencoder) {
  const auto seed = static_cast<std::uint64_t>(config.seed);
  // Planning needs no weights of the autoencoder, nor where they are.
  const bool unknown = !autoencoder && !config.model.in_pixels() && config.model.autoencoder_from.empty();
  Denoiser denoiser(config.model, seed, device, unknown ? usual_autoencoder(config.model, device) : autoencoder);
  choose_trained(denoiser, config.train, seed);
  return denoiser;
}

void choose_trained(Denoiser& denoiser, const TrainConfig& train, std::uint64_t seed) {
  if (train.lora.rank > 0) denoiser.add_adapters(train.lora, seed);
  if (!train.freeze.empty()) denoiser.freeze(train.freeze);
}

void set_up_for_training(Denoiser& denoiser, const TrainConfig& train) {
  denoiser.set_channels_last(train.channels_last);
  denoiser.set_autocast(dtype_of(train.precision));
  denoiser.set_gradient_checkpointing(train.gradient_checkpointing);
  // On a GPU, attention that no fused kernel (flash, cuDNN, memory-efficient) takes fails; else it would be 10× slower.
  if (denoiser.device().is_cuda()) at::globalContext().setSDPUseMath(false);
}

std::optional<Teacher> make_teacher(const RunConfig& config, at::Device device, const TensorMap* state,
                                    const std::shared_ptr<Autoencoder>& autoencoder) {
  if (!config.distils()) return std::nullopt;
  Denoiser denoiser(config.model, 0, device, autoencoder);
  if (state != nullptr) load_state(denoiser, *state, config.distill.teacher);
  set_up_for_training(denoiser, config.train);
  return Teacher(denoiser, config.sampler, config.distill);
}

std::vector<at::Tensor> trained_tensors(const Denoiser& denoiser) {
  std::vector<at::Tensor> list;
  for (const auto& [name, tensor] : denoiser.trained_parameters()) list.push_back(tensor);
  return list;
}

std::vector<NamedParameter> named_parameters(const Denoiser& denoiser) {
  std::vector<NamedParameter> list;
  for (const auto& [name, tensor] : denoiser.trained_parameters()) list.push_back({name, tensor});
  return list;
}

PerceptualDistance perceptual_distance(const RunConfig& config, at::Device device) {
  if (config.loss.lpips <= 0 && config.loss.close_up_lpips <= 0) return {};
  const LpipsChoice choice = choose_lpips(config.evaluation.lpips, device);
  const std::string problem =
      choice.lpips ? too_small_for(*choice.lpips, config.data.width, config.data.height) : choice.absent;
  if (!problem.empty())
    fail_usage("loss.lpips is {}, loss.close_up_lpips {}: {}", config.loss.lpips, config.loss.close_up_lpips, problem);
  return [lpips = choice.lpips](const at::Tensor& pictures, const at::Tensor& truths) {
    return lpips->differentiable_distance(pictures, truths);
  };
}

}  // namespace spinfill
