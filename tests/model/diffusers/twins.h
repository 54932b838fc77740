// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/files/json.h"
#include "core/tensors/safetensors.h"
#include "model/config.h"
#include "model/diffusers/unet_config.h"
#include "model/filling.h"
#include "model/network/unet.h"
#include "support/support.h"

namespace spinfill::test {

// Small UNets of the structures of Stable Diffusion 1.5, 2.1 and XL ("sd15", "sd21", "sdxl") with twelve latent
// channels, and what diffusers computes with them: tests/fixtures/model/make_unets.py made both.
inline const Json& unets() {
  static const Json json = read_json(fixture("model/unets.json"));
  return json;
}
inline const Json& twin(const std::string& name) {
  return unets().at("twins").at(name);
}
inline const TensorMap& unet_references() {
  static const TensorMap map = read_safetensors(fixture("model/unets.safetensors")).tensors;
  return map;
}

// The weights that the references were made with, by diffusers' names, of a file's dtype.
inline TensorMap twin_weights(const std::string& name, at::ScalarType dtype = at::kFloat) {
  UNetOptions options = read_unet_config(twin(name).at("config"), name);
  options.tensors = at::TensorOptions().device(at::kMeta);
  TensorMap weights;
  for (const auto& item : UNet(options)->named_parameters())
    weights[item.key()] = prepared(item.key(), item.value().sizes()).to(dtype);
  return weights;
}

// A model whose latents have twelve channels, too, and many further inputs.
inline ModelConfig twin_config(const std::string& name, std::int64_t pixel_factor = 2) {
  std::string yaml = fmt::format("pixel_factor: {}\n", pixel_factor);
  for (const auto& [key, value] : size_keys(read_unet_config(twin(name).at("config"), name)))
    yaml += fmt::format("{}: {}\n", key, value);
  ModelConfig config;
  read_config_text(yaml, name, {}, [&](Fields& f) { config.bind(f); });
  return config;
}

// A folder as diffusers writes it: FOLDER/unet/config.json and one file of weights.
inline void write_twin(const fs::path& folder, const std::string& name, at::ScalarType dtype = at::kFloat,
                       const std::string& file = "diffusion_pytorch_model.safetensors") {
  make_folder(folder / "unet");
  write_json_atomic(folder / "unet" / "config.json", twin(name).at("config"));
  write_safetensors(folder / "unet" / file, twin_weights(name, dtype), {{"format", "pt"}});
}

// The same as a single file, with the autoencoder's and text encoder's tensors that such files have.
inline TensorMap single_file(const std::string& name, at::ScalarType dtype = at::kFloat) {
  const TensorMap weights = twin_weights(name, dtype);
  const auto names = twin(name).at("single_file").get<std::vector<std::string>>();
  TensorMap file = {{"first_stage_model.decoder.conv_in.weight", at::zeros({2, 2})},
                    {"cond_stage_model.transformer.text_model.final_layer_norm.bias", at::zeros({3})},
                    {"betas", at::zeros({5}, at::kDouble)}};
  std::size_t i = 0;
  for (const auto& [key, tensor] : weights) file[names.at(i++)] = tensor;
  return file;
}

}  // namespace spinfill::test
