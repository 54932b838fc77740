// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "infer/bundle_export.h"
#include "infer/loaded_model.h"

namespace spinfill {

// The model's UNet as a folder that Python diffusers loads (UNet2DConditionModel.from_pretrained(OUT,
// subfolder="unet")), and what diffusers has no place for beside it:
//   unet/config.json, unet/diffusion_pytorch_model.safetensors   diffusers' own names
//   spinfill.safetensors                                         the conditioner's parameters
//   spinfill.yaml                                                the configuration, for import-weights
//   provenance.json, README.md
// The folder appears whole or not at all; read back by import_unet() it gives the same weights bit for bit (fp32),
// which is checked before it appears. Returns its bytes. Errors: exit 2 when `out` may not be written.
std::uint64_t export_diffusers(const LoadedModel& source, const std::filesystem::path& out,
                               const ExportOptions& options = {});

}  // namespace spinfill
