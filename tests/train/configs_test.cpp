// SPDX-License-Identifier: Apache-2.0
// The files in configs/ that are ready to use: what they describe, what they need, and that a small twin trains.
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>

#include "core/tensors/safetensors.h"
#include "train/autoencoder/config.h"
#include "train/plan/plan.h"
#include "train/tiny_run.h"

namespace spinfill {
namespace {

struct Ready {
  const char* name;
  const char* preset;
  int gpus;
  std::int64_t gib;
};

RunConfig read(const std::string& name) {
  return load_config<RunConfig>(test::fixture("../../configs") / (name + ".yaml"));
}

// The same structure, a few thousand weights, tiny pictures, a step on the processor.
RunConfig shrunken(RunConfig config, const fs::path& data) {
  ModelConfig& model = config.model;
  const std::int64_t by = model.block_out_channels.front() / 8;
  for (std::int64_t& channels : model.block_out_channels) channels /= by;
  std::vector<std::int64_t> heads = model.attention_heads.values();
  for (std::int64_t& count : heads) count = model.attention_heads.same_for_all() ? 2 : count / 5;
  model.attention_heads = heads;
  model.norm_num_groups = 4;
  model.cross_attention_dim = 16;
  model.size_embedding_dim = std::min<std::int64_t>(4, model.size_embedding_dim);
  model.pooled_text_dim = std::min<std::int64_t>(6, model.pooled_text_dim);
  const bool square = config.data.width == config.data.height;
  config.data.path = data.string();
  config.data.width = square ? 64 : 32;
  config.data.height = square ? 64 : 20;
  config.data.priors.grid = 16;
  config.data.loader.threads = 1;
  config.data.loader.cache_mib = 64;
  TrainConfig& train = config.train;
  train.steps = 1;
  train.batch_sets = train.micro_batch_sets = 1;
  train.validate_every = 0;
  train.checkpoint_every = 1;
  train.device = DeviceChoice::cpu;
  return config;
}

// Random weights of a small AutoencoderKL with 4 latent channels at a quarter of the width, as diffusers writes it.
void write_autoencoder(const fs::path& folder) {
  const Json described = read_json(test::fixture("model/autoencoders.json")).at("kl");
  auto generator = at::make_generator<at::CPUGeneratorImpl>(1);
  TensorMap tensors;
  for (const auto& [name, sizes] : described.at("keys").items()) {
    const auto shape = sizes.get<std::vector<std::int64_t>>();
    tensors[name] = at::empty(shape, at::kFloat).normal_(0, shape.size() > 1 ? 0.1 : 0.5, generator);
  }
  make_folder(folder);
  write_json_atomic(folder / "config.json", described.at("config"));
  write_safetensors(folder / "diffusion_pytorch_model.safetensors", tensors);
}

class ReadyConfigs : public test::TinyRuns, public ::testing::WithParamInterface<Ready> {
 protected:
  void SetUp() override { test::write_tiny_data_set(folder_ / "data", 3, {.normals = true}); }
};

TEST_P(ReadyConfigs, FitTheMachineTheyAreFor) {
  const RunConfig config = read(GetParam().name);
  const Json sizes = std::ranges::find(model_presets(), std::string(GetParam().preset), &Preset::name)->values;
  for (const auto& [key, value] : sizes.items()) EXPECT_EQ(to_json(config.model)[key], value) << key;
  PlanTarget target{.gpu = true, .processes = GetParam().gpus};
  target.memory = static_cast<std::uint64_t>(GetParam().gib) << 30;
  target.flops_per_second = 989e12;
  const Plan plan = plan_training(config, target);
  EXPECT_EQ(plan.parameters, Denoiser(config.model, 0, at::kMeta).parameter_count());
  EXPECT_EQ(plan.fits, true) << plan.needed_bytes;
  ASSERT_TRUE(plan.seconds.has_value());
  // The comment's first lines quote these.
  const std::string comment = read_file(test::fixture("../../configs") / (std::string(GetParam().name) + ".yaml"));
  const std::string memory = fmt::format("{:.1f} GiB", static_cast<double>(plan.needed_bytes) / (1 << 30));
  EXPECT_NE(comment.find(memory), std::string::npos) << memory;
}

TEST_P(ReadyConfigs, ASmallTwinTrains) {
  RunConfig config = shrunken(read(GetParam().name), folder_ / "data");
  if (!config.model.in_pixels()) {
    write_autoencoder(folder_ / "vae");
    config.model.autoencoder_from = (folder_ / "vae").string();
    config.model.autoencoder_factor = 4;
  }
  const TrainResult result = train(config, folder_ / "run", false);
  EXPECT_EQ(result.step, 1);
  const TensorMap before = Denoiser(config.model, static_cast<std::uint64_t>(config.seed)).state();
  const TensorMap after = last("run").weights;
  ASSERT_EQ(before.size(), after.size());
  // At the first step only what conv_out is made of moves: it begins with zeros.
  EXPECT_FALSE(at::equal(before.at("unet.conv_out.weight"), after.at("unet.conv_out.weight")));
  for (const auto& [name, tensor] : after) EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << name;
}

TEST(ReadyConfigFiles, AutoencodersAreRead) {
  const auto config = load_config<AutoencoderRunConfig>(test::fixture("../../configs/taesd-decoder.yaml"));
  EXPECT_EQ(config.train.part, AutoencoderPart::decoder);
  EXPECT_EQ(config.train.micro_batches(), 2);
  // Sizes are TAESD's.
  EXPECT_EQ(to_json(config.model.architecture()), to_json(standard_architecture(AutoencoderKind::tiny, 4)));
}

INSTANTIATE_TEST_SUITE_P(Files, ReadyConfigs,
                         ::testing::Values(Ready{"scratch-128", "base", 1, 24}, Ready{"scratch-256", "medium", 1, 24},
                                           Ready{"sd15-512", "sd15", 8, 24}, Ready{"sd21-768", "sd21", 8, 24},
                                           Ready{"sdxl-1024", "sdxl", 8, 80},
                                           Ready{"spinmeround-stage1", "sd15", 8, 24},
                                           Ready{"spinmeround-stage2", "sd15", 8, 24}),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace spinfill
