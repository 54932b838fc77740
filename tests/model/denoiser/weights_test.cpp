// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/weights.h"

#include <ATen/ATen.h>

#include <cmath>

#include "model/autoencoder/autoencoder.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

TEST(Weights, SaveAndLoad) {
  const test::TemporaryFolder folder;
  Denoiser saved(test::tiny_config(), 1);
  test::randomise(saved);
  write_safetensors(folder / "model.safetensors", saved.state(), {{"step", "3"}});
  Denoiser loaded(test::tiny_config(), 2);
  load_weights(folder / "model.safetensors", loaded);
  for (const auto& [name, tensor] : saved.state()) EXPECT_TRUE(loaded.state().at(name).equal(tensor)) << name;
  EXPECT_EQ(read_safetensors(folder / "model.safetensors").metadata.at("step"), "3");
}

TEST(Weights, LoadingIsStrict) {
  Denoiser denoiser(test::tiny_config(), 1);
  const TensorMap before = [&] {
    TensorMap copy;
    for (const auto& [name, tensor] : denoiser.state()) copy[name] = tensor.clone();
    return copy;
  }();
  TensorMap state = before;
  for (auto& [name, tensor] : state) tensor = tensor + 1;
  state.erase("unet.conv_in.bias");
  state["unet.conv_inn.bias"] = at::zeros({16});
  state["unet.conv_out.bias"] = at::zeros({13});
  state["conditioner.clean_embedding"] = at::full({64}, NAN);
  expect_error(ExitCode::runtime,
               {"old.safetensors", "1 missing (unet.conv_in.bias)", "1 unexpected (unet.conv_inn.bias)",
                "unet.conv_out.bias [13] for [20]", "1 not finite (conditioner.clean_embedding)"},
               [&] { load_state(denoiser, state, "old.safetensors"); });
  for (const auto& [name, tensor] : denoiser.state()) EXPECT_TRUE(before.at(name).equal(tensor)) << name;
  expect_error(ExitCode::runtime, {"missing", ", ...)"}, [&] { load_state(denoiser, {}, "empty"); });
}

TEST(Weights, InitialOnesAreAFunctionOfTheSeed) {
  const TensorMap a = Denoiser(test::tiny_config(), 1).state(), b = Denoiser(test::tiny_config(), 1).state();
  const TensorMap c = Denoiser(test::tiny_config(), 2).state();
  for (const auto& [name, tensor] : a) EXPECT_TRUE(b.at(name).equal(tensor)) << name;
  EXPECT_FALSE(c.at("unet.conv_in.weight").equal(a.at("unet.conv_in.weight")));
  EXPECT_EQ(a.at("unet.conv_out.weight").abs().max().item<double>(), 0);
  // U(±1/√fan-in) has standard deviation 1/√(3·fan-in).
  const at::Tensor conv = a.at("unet.down_blocks.0.resnets.0.conv1.weight");
  EXPECT_NEAR(conv.std().item<double>() * std::sqrt(3 * 16 * 9.0), 1, 0.05);
  // A weight does not depend on what else the model has.
  ModelConfig other = test::tiny_config();
  other.identity_dim = 0;
  EXPECT_TRUE(Denoiser(other, 1)
                  .state()
                  .at("unet.mid_block.resnets.0.conv1.weight")
                  .equal(a.at("unet.mid_block.resnets.0.conv1.weight")));
}

TEST(Weights, Cast) {
  Denoiser denoiser(test::tiny_config(), 1);
  test::randomise(denoiser);
  const TensorMap half = cast_state(denoiser.state(), parse_dtype("fp16"));
  EXPECT_EQ(half.begin()->second.scalar_type(), at::kHalf);
  Denoiser loaded(test::tiny_config(), 2);
  load_state(loaded, half, "half");
  for (const auto& [name, tensor] : denoiser.state()) {
    EXPECT_LT(test::max_difference(loaded.state().at(name), tensor), 1e-3 * (1 + tensor.abs().max().item<double>()));
  }
  expect_error(ExitCode::runtime, {"big", "range"}, [] { cast_state({{"big", at::full({1}, 1e6)}}, at::kHalf); });
  expect_error(ExitCode::usage, {"fp8", "fp16"}, [] { parse_dtype("fp8"); });
}

TEST(PixelAutoencoder, IsLossless) {
  const auto autoencoder = make_autoencoder(test::tiny_config());
  const at::Tensor pictures = test::random_uniform({3, 3, 8, 12}, 1) * 2 - 1;
  const at::Tensor latents = autoencoder->encode(pictures);
  EXPECT_EQ(latents.sizes(), (at::IntArrayRef{3, 12, 4, 6}));
  EXPECT_TRUE(autoencoder->decode(latents).equal(pictures));
  // The weight of a latent value is that of the pixel it came from.
  const at::Tensor weights = test::random_uniform({3, 1, 8, 12}, 2);
  const at::Tensor product = autoencoder->encode(pictures * weights);
  EXPECT_TRUE(product.equal(latents * autoencoder->pixel_weights(weights)));
}

ModelConfig read_model(const std::string& yaml, const std::vector<Override>& overrides = {}) {
  ModelConfig config;
  read_config_text(yaml, "model.yaml", overrides, [&](Fields& f) { config.bind(f); });
  return config;
}

// The table of docs/model.md, row by row.
TEST(ModelConfig, PresetsAreThoseDocumented) {
  const std::string document = read_file(test::fixture("../../docs/model.md"), 1 << 20);
  for (const std::string& name : preset_names(model_presets())) {
    const ModelConfig c = read_model("preset: " + name);
    const auto millions = static_cast<double>(Denoiser(c, 0, at::kMeta).parameter_count()) / 1e6;
    const auto cell = [](const PerLevel& value) { return fmt::format("{}", fmt::join(value.values(), " ")); };
    const std::string row = fmt::format(
        "\n| `{}`{} | {:.3g} M | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", name,
        name == "small" ? " (default)" : "", millions, fmt::join(c.block_out_channels, ", "), c.layers_per_block,
        fmt::join(c.attention_levels, " "), cell(c.transformer_layers_per_block), cell(c.attention_heads),
        c.cross_attention_dim, c.norm_num_groups, c.linear_projection ? "linear" : "conv", c.pixel_factor);
    EXPECT_NE(document.find(row), std::string::npos) << row;
  }
  EXPECT_EQ(to_json(ModelConfig{}), to_json(read_model("preset: small")));
  expect_error(ExitCode::usage, {"model.yaml:1", "preset", "smal", "did you mean 'small'?"},
               [] { read_model("preset: smal"); });
}

TEST(ModelConfig, SizesBesideAPresetOverrideIt) {
  const ModelConfig config =
      read_model("attention_heads: 4\npreset: base\nblend: false\n", {{"cross_attention_dim", "128"}});
  EXPECT_EQ(config.block_out_channels, (std::vector<std::int64_t>{64, 96, 128, 192}));
  EXPECT_EQ(config.attention_heads, PerLevel(4));
  EXPECT_EQ(config.cross_attention_dim, 128);
  EXPECT_FALSE(config.blend);
  // What is stored holds the sizes and no name.
  for (const bool help : {false, true}) EXPECT_EQ(to_json(read_model(to_yaml(config, help))), to_json(config));
  EXPECT_FALSE(to_json(config).contains("preset"));
  EXPECT_EQ(to_yaml(config, false).find("preset"), std::string::npos);
}

// Named on the command line it goes before a file's sizes, but not before sizes named there as well.
TEST(ModelConfig, APresetOfTheCommandLineOverridesTheFile) {
  const ModelConfig config = read_model("block_out_channels: [32, 48, 64]\nsigma_max: 40\npreset: tiny\n",
                                        {{"attention_heads", "4"}, {"preset", "base"}});
  EXPECT_EQ(config.block_out_channels, (std::vector<std::int64_t>{64, 96, 128, 192}));
  EXPECT_EQ(config.attention_heads, PerLevel(4));
  EXPECT_EQ(config.sigma_max, 40);
}

TEST(ModelConfig, LevelsMayDiffer) {
  const ModelConfig config = read_model("attention_heads: [4, 8, 10]\ntransformer_layers_per_block: 2\n");
  EXPECT_EQ(config.attention_heads.at(1), 8);
  EXPECT_EQ(config.transformer_layers_per_block.at(2), 2);
  EXPECT_EQ(to_json(config)["attention_heads"], (Json{4, 8, 10}));
  EXPECT_EQ(to_json(config)["transformer_layers_per_block"], 2);
  for (const bool help : {false, true}) EXPECT_EQ(to_json(read_model(to_yaml(config, help))), to_json(config));
  EXPECT_EQ(to_json(from_json<ModelConfig>(to_json(config), "stored")), to_json(config));
}

TEST(ModelConfig, RefusesWhatDoesNotFit) {
  auto refuse = [](const std::string& yaml, const std::vector<std::string>& texts) {
    expect_error(ExitCode::usage, texts, [&] { read_model(yaml); });
  };
  refuse("block_out_channels: [64, 96]", {"model.yaml", "attention_levels"});
  refuse("norm_num_groups: 12", {"norm_num_groups"});
  refuse("attention_heads: 5", {"attention_heads"});
  refuse("attention_heads: [4, 4]", {"attention_heads", "one per entry"});
  refuse("attention_heads: [4, 4, 7]", {"attention_heads", "divide"});
  refuse("attention_heads: []", {"model.yaml:1", "attention_heads", "a number, or a list"});
  refuse("attention_heads: [4, 4, 0]", {"attention_heads", "1 to 128"});
  refuse("transformer_layers_per_block: [1, 2, 3, 4]", {"transformer_layers_per_block"});
  refuse("size_embedding_dim: 3", {"size_embedding_dim", "even"});
  refuse("pooled_text_dim: 8", {"pooled_text_dim", "size_embedding_dim"});
  refuse("output: residual", {"prior-residual"});
}

}  // namespace
}  // namespace spinfill
