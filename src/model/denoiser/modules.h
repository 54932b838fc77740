// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include "model/config.h"
#include "model/denoiser/conditioner.h"
#include "model/network/unet.h"

namespace spinfill {

// The root of the parameters' names.
struct DenoiserModules : public torch::nn::Module {
  DenoiserModules(const ModelConfig& config, const at::TensorOptions& tensors);
  UNet unet{nullptr};
  Conditioner conditioner{nullptr};
};

}  // namespace spinfill
