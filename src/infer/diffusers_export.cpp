// SPDX-License-Identifier: Apache-2.0
#include "infer/diffusers_export.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/tensors/safetensors.h"
#include "infer/bundle_manifest.h"
#include "model/autoencoder/files.h"
#include "model/denoiser/unet_options.h"
#include "model/denoiser/weights.h"
#include "model/diffusers/unet_config.h"
#include "model/diffusers/unet_import.h"

namespace spinfill {
namespace {

constexpr const char* kReadme = R"(# A UNet of spinfill for diffusers

    from diffusers import UNet2DConditionModel
    unet = UNet2DConditionModel.from_pretrained("THIS FOLDER", subfolder="unet")

`unet/` has diffusers' own names and shapes. What the network means by them:

- `conv_in` takes {in} channels: {latents} of latents, then mask, rays, prior maps and the prior image's latents, as far as
  `spinfill.yaml` switches them on. `conv_out` gives {out}: {latents} of the network's output F, then the further ones of
  `model.output`.
- `attn1` attends across the views of a vehicle. In diffusers it attends within one picture, so that outputs agree
  for a single view alone.
- Its time is {time}; references have the learned `conditioner.clean_embedding` in place of its embedding.

`spinfill.safetensors` holds the parameters that diffusers has no place for, `spinfill.yaml` the configuration.
{autoencoder}Back into spinfill, bit for bit (from fp32):

    spinfill import-weights THIS_FOLDER --config THIS_FOLDER/spinfill.yaml --out weights.safetensors
)";

std::string readme(const ModelConfig& config) {
  std::string text = kReadme;
  const auto put = [&](const std::string& name, std::int64_t value) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name))
      text.replace(at, name.size(), std::to_string(value));
  };
  const bool steps = config.noise_input == NoiseInput::timestep;
  const std::string latents =
      config.in_pixels()
          ? std::string()
          : fmt::format("`{}` is the autoencoder of its latents, for model.autoencoder_from.\n", kBundleAutoencoder);
  text.replace(text.find("{autoencoder}"), 13, latents);
  text.replace(text.find("{time}"), 6, steps ? "Stable Diffusion's, 0 ... 999" : "25 ln sigma, not one of 0 ... 999");
  put("{in}", config.input_channels());
  put("{out}", config.output_channels());
  put("{latents}", config.state_channels());
  return text;
}

// The written folder, read as everyone reads it.
void check_written(const fs::path& folder, const ModelConfig& config, const TensorMap& expected) {
  const ImportedWeights read = import_unet(read_unet_source(folder), config, 0);
  for (const auto& [name, tensor] : expected) {
    const auto found = read.state.find(name);
    if (found == read.state.end() || !at::equal(found->second, tensor.to(at::kFloat)))
      fail_check("export: the written folder does not give back '{}'; nothing was exported", name);
  }
}

}  // namespace

std::uint64_t export_diffusers(const LoadedModel& source, const fs::path& out, const ExportOptions& options) {
  const ModelConfig& config = source.config.model;
  TensorMap unet, own;
  const TensorMap state = cast_state(source.denoiser.state(), parse_dtype(name_of(options.dtype)));
  for (const auto& [name, tensor] : state) {
    if (name.starts_with("unet.")) {
      unet[name.substr(5)] = tensor.cpu();
    } else {
      own[name] = tensor.cpu();
    }
  }
  RunConfig travelling;  // of the run, what import-weights needs; no path of this machine
  travelling.seed = source.config.seed;
  travelling.model = config;
  travelling.model.autoencoder_from.clear();

  AtomicFolder folder(bundle_folder(out, options));
  make_folder(folder.path() / "unet");
  write_json_atomic(folder.path() / "unet" / "config.json", write_unet_config(unet_options(config)));
  write_safetensors(folder.path() / "unet" / "diffusion_pytorch_model.safetensors", unet, {{"format", "pt"}});
  write_safetensors(folder.path() / kOwnWeights, own, {{"format", "pt"}});
  if (const AutoencoderFile* file = source.denoiser.autoencoder().file())
    save_autoencoder(folder.path() / kBundleAutoencoder, *file);
  write_file_atomic(folder.path() / "spinfill.yaml", to_yaml(travelling));
  write_json_atomic(folder.path() / "provenance.json",
                    {{"training", source.provenance}, {"exported_by", "spinfill " + options.version}});
  write_file_atomic(folder.path() / "README.md", readme(config));
  check_written(folder.path(), config, state);
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  folder.commit();
  return bytes;
}

}  // namespace spinfill
