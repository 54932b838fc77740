// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "model/denoiser/denoiser.h"
#include "model/denoiser/loss.h"
#include "model/distillation/distillation.h"
#include "run/run_config.h"
#include "train/step/optimizer.h"

namespace spinfill {

// How a network is made ready for training.

// The run's network with random weights by its seed, adapters and frozen parts; train.init_from is not read.
// `autoencoder`, where there is one already, is shared; where none is named either, usual_autoencoder() stands for it.
Denoiser random_denoiser(const RunConfig& config, at::Device device,
                         const std::shared_ptr<Autoencoder>& autoencoder = nullptr);

// Adds adapters and freezes parts, as train.lora and train.freeze say. Call it after loading the initial weights.
void choose_trained(Denoiser& denoiser, const TrainConfig& train, std::uint64_t seed);

// How the denoiser computes, as train.channels_last, train.precision and train.gradient_checkpointing say.
void set_up_for_training(Denoiser& denoiser, const TrainConfig& train);

// A teacher with these weights that computes as the student does, where the run distils; else nothing. Without `state`:
// random weights, for plans and benchmarks.
std::optional<Teacher> make_teacher(const RunConfig& config, at::Device device, const TensorMap* state,
                                    const std::shared_ptr<Autoencoder>& autoencoder);

std::vector<at::Tensor> trained_tensors(const Denoiser& denoiser);
std::vector<NamedParameter> named_parameters(const Denoiser& denoiser);  // the same, for the optimiser

// LPIPS where loss.lpips asks for it, else nothing. No weights, or pictures too small for them: an error (exit 2).
PerceptualDistance perceptual_distance(const RunConfig& config, at::Device device);

}  // namespace spinfill
