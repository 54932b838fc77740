// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/config/config.h"
#include "data/priors/prior_image.h"
#include "model/autoencoder/network.h"
#include "model/denoiser/denoiser.h"
#include "model/denoiser/loss.h"
#include "model/filling.h"
#include "model/sampling/generate.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

// A denoiser over the latents of a small trained autoencoder, weights filled by name.
class LatentDenoiser : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new test::TemporaryFolder;
    AutoencoderFile file;
    file.architecture = standard_architecture(AutoencoderKind::tiny, 4);
    file.architecture.block_out_channels = {6, 6, 6};
    file.architecture.encoder_blocks = file.architecture.decoder_blocks = {1, 1, 1};
    const auto shapes = make_network(file.architecture, at::TensorOptions().device(at::kMeta));
    for (const auto& item : shapes->named_parameters())
      file.tensors[item.key()] = (test::prepared(item.key(), item.value().sizes()) * 0.6).to(at::kFloat);
    save_autoencoder(*folder_ / "autoencoder.safetensors", file);
  }
  static void TearDownTestSuite() { delete folder_; }
  static ModelConfig config() {
    ModelConfig config = test::tiny_config();
    config.autoencoder = AutoencoderKind::tiny;
    config.autoencoder_from = (*folder_ / "autoencoder.safetensors").string();
    config.autoencoder_factor = 4;
    return config;
  }
  static inline test::TemporaryFolder* folder_ = nullptr;
};

TEST_F(LatentDenoiser, UntrainedItIsThePriorImageThroughTheAutoencoder) {
  const at::NoGradGuard no_grad;
  const Denoiser denoiser(config(), 1);
  const Batch batch = test::make_batch({"rrrrtrrt", "trr-r-rt"});
  SamplerConfig sampler;
  sampler.steps = 1;
  const at::Tensor generated = generate(denoiser, batch, sampler, 1);
  const at::Tensor base = mirror_or_prior_image(batch.priors, batch.background);
  const at::Tensor expected =
      (denoiser.autoencoder().decode(denoiser.autoencoder().encode(base.flatten(0, 1) * 2 - 1)) + 1) / 2;
  const at::Tensor targets = batch.is_target.flatten();
  EXPECT_LT(test::max_difference(generated.flatten(0, 1).index({targets}), expected.clamp(0, 1).index({targets})),
            1e-6);
  EXPECT_GT(test::max_difference(expected.index({targets}), base.flatten(0, 1).index({targets})), 1e-2);
  EXPECT_TRUE(generated.flatten(0, 1)
                  .index({batch.is_reference.flatten()})
                  .equal(batch.colour.flatten(0, 1).index({batch.is_reference.flatten()})));
}

TEST_F(LatentDenoiser, CachedAndJointAgree) {
  const at::NoGradGuard no_grad;
  Denoiser denoiser(config(), 1);
  test::randomise(denoiser);
  const Batch batch = test::make_batch({"rrrrtrrt", "trr-r-rt"});
  const Conditioning c = denoiser.condition(batch);
  const at::Tensor x = test::random_normal(c.base.sizes(), 5), sigma = at::full({x.size(0)}, 0.7);
  EXPECT_EQ(c.base.sizes(), at::IntArrayRef({4, 4, 4, 6}));
  EXPECT_EQ(c.blend.sizes(), at::IntArrayRef({4, 2, 4, 4, 6}));
  const at::Tensor cached = denoiser.denoise(x, sigma, c, denoiser.encode_references(c));
  EXPECT_LT(test::max_difference(cached, denoiser.denoise_joint(x, sigma, c)), 1e-4);
  EXPECT_GT(test::max_difference(cached, c.base), 1e-2);
}

// Everything but the autoencoder is trained, by the loss of latents and by one of pictures.
TEST_F(LatentDenoiser, GradientsReachTheNetworkAndLeaveTheAutoencoderAlone) {
  Denoiser denoiser(config(), 1);
  test::randomise(denoiser);
  const Batch batch = test::make_batch({"rrrrtrrt", "trr-r-rt"});
  LossOptions options;
  options.mode = LossMode::diffusion;
  options.lpips = 1;
  bool compared = false;
  const PerceptualDistance distance = [&](const at::Tensor& pictures, const at::Tensor& truths) {
    EXPECT_EQ(pictures.sizes(), at::IntArrayRef({4, 3, 16, 24}));
    compared = true;
    return (pictures - truths).square().mean({1, 2, 3});
  };
  training_loss(denoiser, batch, options, 3, distance).sum.backward();
  EXPECT_TRUE(compared);
  for (const auto& [name, parameter] : denoiser.parameters()) {
    EXPECT_FALSE(name.starts_with("encoder") || name.starts_with("decoder")) << name;
    EXPECT_TRUE(parameter.grad().defined()) << name;
  }
}

TEST_F(LatentDenoiser, WeightsOfPixelsAreTheirMeanUnderALatent) {
  const Denoiser denoiser(config(), 1);
  at::Tensor weights = at::ones({1, 1, 8, 8});
  weights.narrow(2, 0, 2).fill_(3);
  const at::Tensor latents = denoiser.autoencoder().pixel_weights(weights);
  EXPECT_EQ(latents.sizes(), at::IntArrayRef({1, 1, 2, 2}));
  EXPECT_EQ(latents[0][0][0][0].item<float>(), 2);
  EXPECT_EQ(latents[0][0][1][0].item<float>(), 1);
}

// One after the other: no last bit depends on what else is encoded.
TEST_F(LatentDenoiser, EncodesEachPictureAsIfAlone) {
  const at::NoGradGuard no_grad;
  const Denoiser denoiser(config(), 1);
  const at::Tensor pictures = test::random_uniform({5, 3, 16, 24}, 1) * 2 - 1;
  const at::Tensor all = denoiser.autoencoder().encode(pictures);
  EXPECT_TRUE(all.narrow(0, 3, 1).equal(denoiser.autoencoder().encode(pictures.narrow(0, 3, 1))));
  EXPECT_EQ(denoiser.autoencoder().encode(pictures.narrow(0, 0, 0)).sizes(), at::IntArrayRef({0, 4, 4, 6}));
  test::expect_error(ExitCode::usage, {"22", "multiples of 4"},
                     [&] { denoiser.autoencoder().encode(pictures.narrow(3, 0, 22)); });
}

TEST_F(LatentDenoiser, SourcesNeedPixels) {
  ModelConfig config;
  test::expect_error(ExitCode::usage, {"model.output", "autoencoder pixel"}, [&] {
    read_config_text("model: {autoencoder: tiny, output: sources, prior_image: prior}", "test.yaml", {},
                     [&](Fields& f) { f.group("model", config, "The denoiser"); });
  });
}

}  // namespace
}  // namespace spinfill
