// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

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

// Latents and, for every pixel, where it is from.
TEST_F(LatentDenoiser, SourcesHaveFieldsOfPixelsBesideLatents) {
  const at::NoGradGuard no_grad;
  ModelConfig with = config();
  with.output = OutputForm::sources;
  with.prior_image = PriorImage::prior;
  EXPECT_EQ(with.output_channels(), 4 + 2 * 16);
  const Batch batch = test::make_batch({"rrrrtrrt", "trr-r-rt"});
  const Denoiser fresh(with, 1);
  TargetFields fields;
  const at::Tensor generated = generate(fresh, batch, {}, 1, {}, &fields);
  const at::Tensor base = prior_image(batch.priors, batch.background);
  const at::Tensor expected =
      (fresh.autoencoder().decode(fresh.autoencoder().encode(base.flatten(0, 1) * 2 - 1)) + 1) / 2;
  const at::Tensor targets = batch.is_target.flatten();
  EXPECT_LT(test::max_difference(generated.flatten(0, 1).index({targets}), expected.clamp(0, 1).index({targets})),
            1e-6);
  ASSERT_EQ(fields.coverage.sizes(), at::IntArrayRef({2, 8, 1, 16, 24}));
  EXPECT_EQ(fields.correction.abs().max().item<float>(), 0);
  EXPECT_GT(fields.coverage.max().item<float>(), 0);

  // A trained one says both.
  Denoiser trained(with, 1);
  test::randomise(trained);
  const Conditioning c = trained.condition(batch);
  const ReferenceCache cache = trained.encode_references(c);
  const at::Tensor x = test::random_normal(c.base.sizes(), 5), sigma = at::full({x.size(0)}, 0.7);
  SourceFields said;
  const at::Tensor d = trained.denoise(x, sigma, c, cache, &said);
  EXPECT_EQ(d.sizes(), at::IntArrayRef({4, 4, 4, 6}));
  EXPECT_TRUE(d.equal(trained.denoise(x, sigma, c, cache))) << "whether fields are asked for or not";
  EXPECT_GT(said.correction.abs().max().item<double>(), 1e-3);
  EXPECT_GT((said.correction.narrow(3, 0, 1) - said.correction.narrow(3, 1, 1)).abs().max().item<double>(), 1e-4)
      << "one value a pixel";
}

// Their losses are those of pictures, and a value of a picture counts as 4/(3·16) of a latent's: by hand.
TEST_F(LatentDenoiser, LossesOfSourcesEqualAHandComputation) {
  ModelConfig with = config();
  with.output = OutputForm::sources;
  with.prior_image = PriorImage::prior;
  const Denoiser fresh(with, 1);
  const Batch batch = test::make_batch({"rrrrtrrr"});
  LossOptions options;
  options.mode = LossMode::regression;
  options.foreground_weight = 3;
  const auto sum_of = [&](double sources, double coverage) {
    options.sources = sources;
    options.coverage = coverage;
    return training_loss(fresh, batch, options, 5).sum.item<double>();
  };
  const ViewLayout layout = make_view_layout(batch.is_reference, batch.is_target);
  const PriorPicture warp = SurfaceWarp(batch.prior_inputs(), batch.priors, layout.target_rows).at({});
  const at::Tensor under = batch.background[0].view({3, 1, 1}), alpha = batch.alpha[0][4];
  const at::Tensor picture = under + warp.alpha[0][0] * (warp.colour[0][0] - under);
  const double s = with.residual_scale, lambda = (1 / (s * s) + 1 / (80.0 * 80.0)) * 4 / (3 * 16);
  const at::Tensor weight = (1 + 2 * alpha) * lambda;
  const double colour = ((2 * (picture - batch.colour[0][4])).square() * weight).sum().item<double>();
  const double outline = 3 * ((warp.alpha[0][0] - alpha).square() * weight).sum().item<double>();
  const double latents = sum_of(0, 0);
  EXPECT_NEAR(sum_of(2, 0) - latents, 2 * colour, 3e-3 * colour);
  EXPECT_NEAR(sum_of(0, 1) - latents, outline, 3e-3 * outline);

  // They train the fields, and the latents' loss does not.
  const auto gradient_of_fields = [&](double weight_of_both) {
    options.sources = options.coverage = weight_of_both;
    const TrainingLoss loss = training_loss(fresh, batch, options, 5);
    for (const auto& [name, parameter] : fresh.parameters())
      if (name == "unet.conv_out.bias")
        return torch::autograd::grad({loss.sum}, {parameter})[0].narrow(0, 4, 32).abs().max().item<double>();
    return -1.0;
  };
  EXPECT_EQ(gradient_of_fields(0), 0);
  EXPECT_GT(gradient_of_fields(1), 0);
}

}  // namespace
}  // namespace spinfill
