// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/modules.h"

#include <ATen/ATen.h>

#include "model/denoiser/unet_options.h"

namespace spinfill {

DenoiserModules::DenoiserModules(const ModelConfig& config, const at::TensorOptions& tensors) {
  unet = register_module("unet", UNet(unet_options(config, tensors)));
  conditioner = register_module("conditioner", Conditioner(config, 4 * config.block_out_channels.front(), tensors));
}

}  // namespace spinfill
