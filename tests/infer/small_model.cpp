// SPDX-License-Identifier: Apache-2.0
#include "infer/small_model.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include "core/files/json.h"
#include "core/files/sha256.h"
#include "model/denoiser/weights.h"

namespace spinfill::test {

RunConfig small_config() {
  RunConfig config;
  config.seed = 7;
  config.data.path = "somewhere/tiny-vehicles";
  config.data.width = 48;
  config.data.height = 32;
  config.data.priors.grid = 24;
  config.model.block_out_channels = {16, 32};
  config.model.attention_levels = {0, 1};
  config.model.attention_heads = 2;
  config.model.cross_attention_dim = 16;
  config.model.norm_num_groups = 4;
  config.model.pixel_factor = 4;
  return config;
}

RunConfig small_sources_config() {
  RunConfig config = small_config();
  config.model.output = OutputForm::sources;
  config.model.prior_image = PriorImage::prior;
  return config;
}

LoadedModel small_model(std::uint64_t seed, double loudness, std::int64_t categories) {
  RunConfig config = small_config();
  config.model.categories = categories;
  return small_model_of(config, seed, loudness);
}

LoadedModel small_model_of(const RunConfig& config, std::uint64_t seed, double loudness) {
  Denoiser denoiser(config.model, seed);
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : denoiser.parameters()) {
    if (name.find("conv_out") != name.npos && name.find("norm") == name.npos)
      at::Tensor(parameter).normal_(0, loudness, generator);
  }
  Json provenance = {{"source", "run"},
                     {"name", "small"},
                     {"run", "small"},
                     {"step", 3},
                     {"weights", "ema"},
                     {"weights_sha256", "abc"},
                     {"data_set", "tiny-vehicles"}};
  return {std::move(denoiser), config, std::move(provenance)};
}

void write_small_run(const fs::path& run, const std::vector<std::int64_t>& steps, std::int64_t best_step) {
  make_folder(run / "checkpoints");
  write_file_atomic(run / "config.yaml", to_yaml(small_config()));
  for (const std::int64_t step : steps) {
    const fs::path folder = run / "checkpoints" / fmt::format("step-{}", step);
    make_folder(folder);
    write_safetensors(folder / "weights.safetensors", small_model(static_cast<std::uint64_t>(step)).denoiser.state());
    write_safetensors(folder / "ema.safetensors",
                      small_model(static_cast<std::uint64_t>(step) + 1000).denoiser.state());
    Json hashes;
    for (const char* name : {"weights.safetensors", "ema.safetensors"}) hashes[name] = sha256_file(folder / name);
    write_json_atomic(folder / "state.json", {{"format", 1},
                                              {"step", step},
                                              {"progress", {{"best_step", best_step}, {"best_psnr", 21.5}}},
                                              {"hashes", hashes}});
  }
}

bool equal_weights(const Denoiser& a, const Denoiser& b) {
  const TensorMap left = a.state(), right = b.state();
  if (left.size() != right.size()) return false;
  for (const auto& [name, tensor] : left) {
    if (!right.contains(name) || !at::equal(tensor, right.at(name))) return false;
  }
  return true;
}

}  // namespace spinfill::test
