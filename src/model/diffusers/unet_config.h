// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/files/json.h"
#include "model/network/unet_options.h"

namespace spinfill {

// config.json of diffusers' UNet2DConditionModel, and the network that it describes.

// Errors (exit 3) name `where` and the field: another class, a structure that this network does not have. Fields that a
// file of an older diffusers leaves out have diffusers' defaults.
UNetOptions read_unet_config(const Json& config, const std::string& where);

// What diffusers reads and would itself write, fields in its order.
Json write_unet_config(const UNetOptions& unet);

// The network's sizes as keys of the section `model` of a configuration: "attention_heads: [5, 10, 20]", all of them
// but channels in and out, which follow from other keys.
std::vector<std::pair<std::string, std::string>> size_keys(const UNetOptions& unet);

}  // namespace spinfill
