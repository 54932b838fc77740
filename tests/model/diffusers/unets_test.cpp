// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include "core/files/sha256.h"
#include "model/denoiser/preconditioning.h"
#include "model/denoiser/unet_options.h"
#include "model/diffusers/twins.h"
#include "model/tiny.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::fill;

using test::unet_references;
using test::unets;

void expect_near(const at::Tensor& ours, const at::Tensor& theirs, const std::string& what) {
  ASSERT_EQ(ours.sizes(), theirs.sizes()) << what;
  const double scale = std::max(1.0, theirs.abs().max().item<double>());
  EXPECT_LT(test::max_difference(ours, theirs), 1e-6 * scale) << what;
}

// Outputs and gradients of the structures of Stable Diffusion 1.5, 2.1 and XL, small.
void compare_twin(const std::string& name) {
  UNetOptions options = read_unet_config(unets()["twins"][name]["config"], name);
  options.tensors = at::TensorOptions().dtype(at::kDouble);
  UNet unet(options);
  test::prepare(*unet);
  const bool added = options.size_embedding_dim > 0;
  std::vector<at::Tensor> in = {fill(name + ".x", {2, 12, 10, 7}), fill(name + ".tokens", {2, 3, 10})};
  if (added) in.push_back(fill(name + ".pooled", {2, 6}));
  for (at::Tensor& input : in) input.requires_grad_();

  const ViewLayout layout = make_view_layout(at::zeros({2, 1}, at::kBool), at::ones({2, 1}, at::kBool));
  ViewContext context;
  context.layout = &layout;
  // diffusers' sinusoids are float32.
  at::Tensor embedding = unet->embed_time(unet_references().at("times").to(at::kFloat));
  if (added) embedding = embedding + unet->embed_sizes(unet_references().at(name + ".sizes").to(at::kFloat), in[2]);
  const at::Tensor output = unet->forward(in[0], embedding, in[1], context);
  expect_near(output, unet_references().at(name + ".output"), name + ".output");

  (output * fill(name + ".probe", output.sizes())).sum().backward();
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::string key = fmt::format("{}.grad{}", name, i);
    expect_near(in[i].grad(), unet_references().at(key), key);
  }
  const at::Tensor& theirs = unet_references().at(name + ".params");
  std::map<std::string, at::Tensor> sorted;
  for (const auto& item : unet->named_parameters()) sorted[item.key()] = item.value();
  ASSERT_EQ(theirs.numel(), static_cast<std::int64_t>(sorted.size()));
  std::int64_t i = 0;
  for (const auto& [key, parameter] : sorted) {
    ASSERT_TRUE(parameter.grad().defined()) << key;
    expect_near((parameter.grad() * fill(key + ".probe", parameter.sizes())).sum(), theirs[i++], key);
  }
}

TEST(DiffusersUNets, StableDiffusion15) {
  compare_twin("sd15");
}
TEST(DiffusersUNets, StableDiffusion21) {
  compare_twin("sd21");
}
TEST(DiffusersUNets, StableDiffusionXl) {
  compare_twin("sdxl");
}

// With Stable Diffusion's timestep and prediction D is the original's clean picture: that of diffusers' DDIMScheduler.
TEST(DiffusersUNets, DenoiseAsTheSchedulerDoes) {
  for (const auto& [name, output] : {std::pair("sd15", OutputForm::epsilon), std::pair("sd21", OutputForm::v)}) {
    ModelConfig config = test::twin_config(name);
    config.output = output;
    config.noise_input = NoiseInput::timestep;
    UNetOptions options = read_unet_config(unets()["twins"][name]["config"], name);
    options.tensors = at::TensorOptions().dtype(at::kDouble);
    UNet unet(options);
    test::prepare(*unet);
    const at::NoGradGuard no_grad;
    for (at::Tensor& parameter : unet->parameters()) parameter.copy_(parameter.to(at::kFloat));  // as in a file
    const at::Tensor& sigma = unet_references().at("sigmas");
    const at::Tensor t = noise_level_input(sigma, config);
    EXPECT_LT(test::max_difference(t, unet_references().at("steps")), 1e-3);

    // The stored picture is √ᾱ·(clean + σ·noise).
    const at::Tensor x =
        fill(std::string(name) + ".x", {2, 12, 10, 7}) * (sigma.square() + 1).sqrt().view({2, 1, 1, 1});
    const ViewLayout layout = make_view_layout(at::zeros({2, 1}, at::kBool), at::ones({2, 1}, at::kBool));
    ViewContext context;
    context.layout = &layout;
    const OutputParts parts;
    const at::Tensor f =
        unet->forward(scaled_input(x, sigma, parts, config), unet->embed_time(at::round(t).to(at::kFloat)),
                      fill(std::string(name) + ".tokens", {2, 3, 10}), context);
    const at::Tensor d = denoised(x, f, sigma, parts, config, *make_autoencoder(config));
    expect_near(d, unet_references().at(std::string(name) + ".denoised"), name);
    // λ makes the squared error of F count once: λ·(∂D/∂F)² = 1.
    const at::Tensor more = denoised(x, f + 1, sigma, parts, config, *make_autoencoder(config)) - d;
    const at::Tensor weight = squared_error_weight(sigma, {}, config) * more.square().mean({1, 2, 3});
    EXPECT_LT((weight - 1).abs().max().item<double>(), 1e-9) << name;
  }
}

TEST(DiffusersUNets, TimestepsLieBetweenTheSchedules) {
  ModelConfig config;
  config.noise_input = NoiseInput::timestep;
  const at::Tensor t = noise_level_input(at::tensor({1e-4, 0.0292, 1.0, 14.6146, 80.0}, at::kFloat), config);
  EXPECT_EQ(t[0].item<float>(), 0);
  EXPECT_NEAR(t[1].item<float>(), 0, 0.05);
  EXPECT_GT(t[2].item<float>(), 300);
  EXPECT_NEAR(t[3].item<float>(), 999, 0.05);
  EXPECT_EQ(t[4].item<float>(), 999);
}

// The presets' networks are the real ones, but for the channels in and out.
TEST(DiffusersUNets, PresetsHaveTheRealStructures) {
  for (const auto& [name, real] : unets()["real"].items()) {
    ModelConfig config;
    read_config_text("preset: " + name, "preset", {}, [&](Fields& f) { config.bind(f); });
    const at::TensorOptions nothing = at::TensorOptions().device(at::kMeta);
    UNetOptions options = unet_options(config, nothing);
    EXPECT_EQ(size_keys(options), size_keys(read_unet_config(real["config"], name))) << name;
    options.in_channels = options.out_channels = 4;
    std::vector<std::string> lines;
    std::int64_t parameters = 0;
    for (const auto& item : UNet(options)->named_parameters()) {
      const auto sizes = item.value().sizes();
      lines.push_back(fmt::format("{} {}\n", item.key(), fmt::join(sizes.begin(), sizes.end(), ",")));
      parameters += item.value().numel();
    }
    EXPECT_EQ(parameters, real["parameters"].get<std::int64_t>()) << name;
    EXPECT_EQ(lines.size(), real["keys"].get<std::size_t>()) << name;
    std::ranges::sort(lines);
    EXPECT_EQ(sha256_hex(fmt::format("{}", fmt::join(lines, ""))), real["sha256"].get<std::string>()) << name;
  }
}

TEST(DiffusersUNets, ConfigsAreWrittenAsTheyWereRead) {
  for (const auto& [group, entries] : unets().items()) {
    for (const auto& [name, entry] : entries.items()) {
      const UNetOptions options = read_unet_config(entry["config"], name);
      const Json written = write_unet_config(options);
      EXPECT_EQ(size_keys(read_unet_config(written, "written")), size_keys(options)) << name;
      for (const auto& [key, value] : written.items()) {
        if (key == "_diffusers_version") continue;
        EXPECT_EQ(value, entry["config"].value(key, Json("absent"))) << name << " " << key;
      }
    }
  }
}

// As the first versions of diffusers wrote it for Stable Diffusion 1.
TEST(DiffusersUNets, OldConfigsHaveTheDefaults) {
  const UNetOptions old =
      read_unet_config({{"_class_name", "UNet2DConditionModel"}, {"cross_attention_dim", 768}}, "old");
  EXPECT_EQ(size_keys(old), size_keys(UNetOptions{}));
}

TEST(DiffusersUNets, OtherStructuresAreRefused) {
  const auto refuse = [](const std::string& key, const Json& value, const std::vector<std::string>& texts) {
    Json config = unets()["twins"]["sdxl"]["config"];
    config[key] = value;
    expect_error(ExitCode::runtime, texts, [&] { read_unet_config(config, "unet/config.json"); });
  };
  refuse("_class_name", "AutoencoderKL", {"unet/config.json", "AutoencoderKL", "UNet2DConditionModel"});
  refuse("_class_name", nullptr, {"no model of diffusers"});
  refuse("down_block_types", {"DownBlock2D", "AttnDownBlock2D", "DownBlock2D"},
         {"down_block_types", "AttnDownBlock2D"});
  refuse("up_block_types", {"UpBlock2D", "UpBlock2D", "UpBlock2D"}, {"up_block_types", "other levels"});
  refuse("up_block_types", 3, {"up_block_types", "list of names"});
  refuse("time_cond_proj_dim", 256, {"time_cond_proj_dim", "256"});
  refuse("class_embed_type", "timestep", {"class_embed_type"});
  refuse("addition_embed_type", "image", {"addition_embed_type"});
  refuse("projection_class_embeddings_input_dim", 7, {"projection_class_embeddings_input_dim"});
  refuse("attention_head_dim", {1, 2}, {"attention_head_dim", "2 numbers for 3 levels"});
  refuse("attention_head_dim", 3, {"block_out_channels"});
  refuse("block_out_channels", Json::array(), {"block_out_channels"});
  refuse("block_out_channels", {8, 8, -16}, {"block_out_channels", "-16"});
  refuse("layers_per_block", {1, 1, 2}, {"layers_per_block", "level to level"});
  refuse("cross_attention_dim", "wide", {"cross_attention_dim"});
  refuse("use_linear_projection", 1, {"use_linear_projection"});
  refuse("made_up", "yes", {"made_up"});
  expect_error(ExitCode::runtime, {"x", "object"}, [] { read_unet_config(Json::array(), "x"); });
}

}  // namespace
}  // namespace spinfill
