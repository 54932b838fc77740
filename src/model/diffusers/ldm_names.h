// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace spinfill {

// The names of a UNet's parameters in single files (CompVis' latent-diffusion, Stability's generative-models:
// "input_blocks.4.1.proj_in.weight") as those of diffusers ("down_blocks.1.attentions.0.proj_in.weight"), for Stable
// Diffusion 1, 2 and XL. `names` are all of the UNet's, without "model.diffusion_model."; those that such a UNet does
// not have are left out.
std::map<std::string, std::string> diffusers_names(const std::vector<std::string>& names);

}  // namespace spinfill
