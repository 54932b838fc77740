// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "core/files/json.h"
#include "core/tensors/safetensors.h"
#include "model/filling.h"
#include "model/network/unet.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

// tests/fixtures/model/make_fixtures.py made the references with diffusers and the same filling.

using test::fill;
using test::prepare;

const TensorMap& fixtures() {
  static const TensorMap map = read_safetensors(test::fixture("model/blocks.safetensors")).tensors;
  return map;
}

void expect_near(const at::Tensor& ours, const std::string& name) {
  const at::Tensor& theirs = fixtures().at(name);
  ASSERT_EQ(ours.sizes(), theirs.sizes()) << name;
  const double scale = std::max(1.0, theirs.abs().max().item<double>());
  EXPECT_LT(test::max_difference(ours, theirs), 1e-5 * scale) << name;
}

// Output, gradients of the inputs and of every parameter.
template <class Call>
void compare(const std::string& name, torch::nn::Module& module, std::vector<at::Tensor> inputs, Call&& call) {
  for (auto& input : inputs) input.requires_grad_();
  const at::Tensor output = call(inputs);
  (output * fill(name + ".probe", output.sizes())).sum().backward();
  expect_near(output.detach(), name + ".output");
  for (std::size_t i = 0; i < inputs.size(); ++i) expect_near(inputs[i].grad(), name + ".grad" + std::to_string(i));
  std::size_t parameters = 0;
  for (const auto& item : module.named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    const at::Tensor product = item.value().grad() * fill(item.key() + ".probe", item.value().sizes());
    expect_near(product.sum().view({1}), name + ".param." + item.key());
    ++parameters;
  }
  const std::string prefix = name + ".param.";
  const auto stored = std::ranges::count_if(fixtures(), [&](const auto& e) { return e.first.starts_with(prefix); });
  EXPECT_EQ(parameters, static_cast<std::size_t>(stored));
}

// Every view a sample of its own: what diffusers' self-attention does.
ViewLayout single_views(std::int64_t views) {
  return make_view_layout(at::zeros({views, 1}, at::kBool), at::ones({views, 1}, at::kBool));
}

const at::TensorOptions kDoubles = at::TensorOptions().dtype(at::kDouble);

TEST(DiffusersParity, ResnetBlock) {
  ResnetBlock2D block(ResnetBlockOptions{8, 12, 16, 4, kDoubles});
  prepare(*block);
  compare("resnet", *block, {fill("resnet.x", {2, 8, 6, 4}), fill("resnet.embedding", {2, 16})},
          [&](auto& in) { return block->forward(in[0], at::silu(in[1])); });
}

TEST(DiffusersParity, ResnetBlockWithoutShortcut) {
  ResnetBlock2D block(ResnetBlockOptions{8, 8, 16, 2, kDoubles});
  prepare(*block);
  compare("resnet_same", *block, {fill("resnet_same.x", {2, 8, 6, 4}), fill("resnet_same.embedding", {2, 16})},
          [&](auto& in) { return block->forward(in[0], at::silu(in[1])); });
}

TEST(DiffusersParity, Downsample) {
  Downsample2D block(8, kDoubles);
  prepare(*block);
  compare("downsample", *block, {fill("downsample.x", {2, 8, 6, 5})}, [&](auto& in) { return block->forward(in[0]); });
}

TEST(DiffusersParity, Upsample) {
  Upsample2D block(8, kDoubles);
  prepare(*block);
  compare("upsample", *block, {fill("upsample.x", {2, 8, 3, 4})},
          [&](auto& in) { return block->forward(in[0], 6, 8); });
}

TEST(DiffusersParity, Transformer) {
  TransformerOptions options;
  options.width = 16;
  options.heads = 2;
  options.cross_attention_dim = 10;
  options.groups = 4;
  options.layers = 2;
  options.tensors = kDoubles;
  Transformer2DModel block(options);
  prepare(*block);
  const ViewLayout layout = single_views(2);
  ViewContext context;
  context.layout = &layout;
  compare("transformer", *block, {fill("transformer.x", {2, 16, 3, 4}), fill("transformer.tokens", {2, 3, 10})},
          [&](auto& in) { return block->forward(in[0], in[1], context); });
}

UNetOptions small_unet() {
  UNetOptions options;
  options.in_channels = 5;
  options.out_channels = 3;
  options.block_out_channels = {8, 16, 16};
  options.layers_per_block = 1;
  options.attention_levels = {0, 1, 1};
  options.attention_heads = 2;
  options.cross_attention_dim = 10;
  options.norm_num_groups = 4;
  options.tensors = kDoubles;
  return options;
}

// As targets and as references: the same function of a single view.
TEST(DiffusersParity, WholeUNet) {
  for (const bool as_reference : {false, true}) {
    UNet unet(small_unet());
    prepare(*unet);
    const at::Tensor yes = at::ones({2, 1}, at::kBool), no = at::zeros({2, 1}, at::kBool);
    const ViewLayout layout = as_reference ? make_view_layout(yes, no) : make_view_layout(no, yes);
    ViewContext context;
    context.layout = &layout;
    compare("unet", *unet, {fill("unet.x", {2, 5, 10, 7}), fill("unet.tokens", {2, 3, 10})}, [&](auto& in) {
      return unet->forward(in[0], unet->embed_time(fixtures().at("unet.times")), in[1], context);
    });
  }
}

void expect_keys(const std::string& name, UNetOptions options) {
  options.tensors = at::TensorOptions().device(at::kMeta);
  const Json keys = read_json(test::fixture("model/unet_keys.json"));
  std::map<std::string, std::vector<std::int64_t>> theirs, ours;
  for (const auto& [key, shape] : keys.at(name).items()) theirs[key] = shape.get<std::vector<std::int64_t>>();
  for (const auto& item : UNet(options)->named_parameters()) ours[item.key()] = item.value().sizes().vec();
  EXPECT_EQ(ours, theirs) << name;
}

TEST(DiffusersParity, ParameterNamesAndShapes) {
  expect_keys("stable-diffusion-1.5", UNetOptions{});
  expect_keys("small", small_unet());
  UNetOptions two = small_unet();
  two.layers_per_block = 2;
  two.transformer_layers_per_block = 2;
  expect_keys("two-layers", two);
}

}  // namespace
}  // namespace spinfill
