// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/config.h"
#include "model/network/unet_options.h"

namespace spinfill {

// The network of a configuration.
UNetOptions unet_options(const ModelConfig& config, const at::TensorOptions& tensors = {});

}  // namespace spinfill
