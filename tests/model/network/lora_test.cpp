// SPDX-License-Identifier: Apache-2.0
#include "model/network/lora.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "model/denoiser/weights.h"
#include "model/network/parameter_names.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

LoraConfig rank_three() {
  LoraConfig lora;
  lora.rank = 3;
  return lora;
}

at::Tensor output_of(const Denoiser& denoiser) {
  const at::NoGradGuard no_grad;
  const Conditioning c = denoiser.condition(test::make_batch({"rrrrtrrt", "trr-r-rt"}));
  const at::Tensor x = test::random_normal(c.base.sizes(), 9);
  return denoiser.denoise(x, at::full({x.size(0)}, 0.7), c, denoiser.encode_references(c));
}

TEST(Lora, AtFirstTheModelIsAsItWas) {
  Denoiser denoiser(test::tiny_config(), 1);
  test::randomise(denoiser);
  const at::Tensor before = output_of(denoiser);
  const std::int64_t count = denoiser.parameter_count();
  denoiser.add_adapters(rank_three(), 5);
  EXPECT_GT(denoiser.parameter_count(), count);
  EXPECT_TRUE(at::equal(before, output_of(denoiser)));
  bool drawn = false;
  for (const auto& [name, parameter] : denoiser.trained_parameters()) {
    EXPECT_TRUE(name.ends_with(".lora_A") || name.ends_with(".lora_B")) << name;
    EXPECT_TRUE(name.find("attn") != name.npos || name.starts_with("conditioner.")) << name;
    drawn = drawn || parameter.abs().max().item<double>() > 0;
  }
  EXPECT_TRUE(drawn);
}

// W0·x + (alpha/r)·B·A·x = (W0 + (alpha/r)·B·A)·x.
TEST(Lora, MergedEqualsUnmergedToRounding) {
  const test::TemporaryFolder folder;
  Denoiser denoiser(test::tiny_config(), 1);
  test::randomise(denoiser);
  const at::Tensor base = output_of(denoiser);
  LoraConfig lora = rank_three();
  lora.alpha = 2;
  denoiser.add_adapters(lora, 5);
  {
    const at::NoGradGuard no_grad;
    std::uint64_t seed = 100;
    for (const auto& [name, parameter] : denoiser.trained_parameters()) {
      at::Tensor(parameter).copy_(test::random_normal(parameter.sizes(), seed++) * 0.3);
    }
  }
  const at::Tensor adapted = output_of(denoiser);
  EXPECT_GT(test::max_difference(base, adapted), 1e-2);
  write_safetensors(folder / "adapted.safetensors", denoiser.state());
  Denoiser merged(test::tiny_config(), 2);
  load_weights(folder / "adapted.safetensors", merged);
  EXPECT_EQ(merged.state().size(), Denoiser(test::tiny_config(), 1).state().size());
  EXPECT_LT(test::max_difference(adapted, output_of(merged)), 1e-4 * adapted.abs().max().item<double>());
  // With adapters of its own a model takes them as they are.
  Denoiser again(test::tiny_config(), 2);
  again.add_adapters(lora, 6);
  load_weights(folder / "adapted.safetensors", again);
  EXPECT_TRUE(at::equal(adapted, output_of(again)));
}

TEST(Lora, DamagedAdaptersAreNamed) {
  Denoiser denoiser(test::tiny_config(), 1);
  denoiser.add_adapters(rank_three(), 5);
  const std::string layer = "conditioner.cue_embedding.linear_1";
  TensorMap state = denoiser.state();
  ASSERT_TRUE(state.contains(layer + ".lora_A"));
  state.erase(layer + ".lora_B");
  expect_error(ExitCode::runtime, {"w.safetensors", layer + ".lora_A", ".lora_B"},
               [&] { merged_adapters(state, "w.safetensors"); });
  state[layer + ".lora_B"] = at::zeros({2, 3});
  expect_error(ExitCode::runtime, {"w.safetensors", layer, "does not fit"},
               [&] { merged_adapters(state, "w.safetensors"); });
}

TEST(Lora, PartsTrainedInFullAndFrozenParts) {
  Denoiser denoiser(test::tiny_config(), 1);
  LoraConfig lora = rank_three();
  lora.targets = {"unet.mid_block.*.attn2.to_k"};
  lora.full = {"conditioner.category_embedding", "unet.conv_out"};
  denoiser.add_adapters(lora, 1);
  std::vector<std::string> trained;
  for (const auto& [name, parameter] : denoiser.trained_parameters()) trained.push_back(name);
  std::ranges::sort(trained);
  EXPECT_EQ(trained,
            (std::vector<std::string>{"conditioner.category_embedding", "unet.conv_out.bias", "unet.conv_out.weight",
                                      "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_A",
                                      "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_B"}));
  Denoiser frozen(test::tiny_config(), 1);
  frozen.freeze({"unet.down_blocks", "unet.*.bias"});
  for (const auto& [name, parameter] : frozen.parameters()) {
    const bool still = name.starts_with("unet.down_blocks.") || (name.starts_with("unet.") && name.ends_with(".bias"));
    EXPECT_EQ(parameter.requires_grad(), !still) << name;
  }
  expect_error(ExitCode::usage, {"train.freeze", "'unet.down_block'", "unet.down_blocks"},
               [&] { frozen.freeze({"unet.down_block"}); });
  expect_error(ExitCode::usage, {"nothing to train"}, [&] { frozen.freeze({"*"}); });
}

TEST(ParameterNames, PatternsNameWholeParts) {
  const std::string name = "unet.down_blocks.0.attentions.1.attn1.to_q.weight";
  for (const char* pattern : {"unet", "unet.down_blocks.0", "*attn1", "unet.*.to_?", name.c_str(), "*", "unet.down*"}) {
    EXPECT_TRUE(names_parameter(pattern, name)) << pattern;
  }
  for (const char* pattern : {"", "un", "down_blocks", "unet.down_blocks.0.", "*attn2", "unet.?", "weight"}) {
    EXPECT_FALSE(names_parameter(pattern, name)) << pattern;
  }
}

}  // namespace
}  // namespace spinfill
