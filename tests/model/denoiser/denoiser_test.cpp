// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/denoiser.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/generated/variable_factories.h>

#include <cmath>

#include "data/priors/prior_image.h"
#include "model/denoiser/case.h"
#include "model/sampling/generate.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::Case;
using test::make_batch;
using test::max_difference;
using test::random_normal;

// A ragged batch: (R,T) = (6,2), (1,3), (6,2), (0,1), (3,0).
const std::vector<std::string> kRagged = {"rrrrtrrt", "t-rt---t", "trrrrrtr", "---t----", "r-r---r-"};

TEST(ViewLayout, SortsSamplesIntoGroups) {
  const Batch batch = make_batch(kRagged);
  const ViewLayout layout = make_view_layout(batch.is_reference, batch.is_target);
  ASSERT_EQ(layout.groups.size(), 4u);
  EXPECT_EQ(layout.references, 16);
  EXPECT_EQ(layout.targets, 8);
  EXPECT_EQ(layout.order, (std::vector<std::int64_t>{3, 1, 4, 0, 2}));
  const ViewGroup& last = layout.groups.back();
  EXPECT_EQ(last.samples, 2);
  EXPECT_EQ(last.references, 6);
  EXPECT_EQ(last.targets, 2);
  EXPECT_EQ(last.first_reference, 4);
  EXPECT_EQ(last.first_target, 4);
  const at::Tensor expected = at::tensor({27, 8, 11, 15, 4, 7, 16, 22}, at::kLong);
  EXPECT_TRUE(layout.target_rows.equal(expected)) << layout.target_rows;
  // Draws: by sample, then draw, then slot.
  const at::Tensor repeated = layout.repeat_draws(layout.target_rows, 2);
  const at::Tensor twice = at::tensor({27, 27, 8, 11, 15, 8, 11, 15, 4, 7, 4, 7, 16, 22, 16, 22}, at::kLong);
  EXPECT_TRUE(repeated.equal(twice)) << repeated;
}

TEST(ViewLayout, RefusesAViewThatIsReferenceAndTarget) {
  const at::Tensor both = at::ones({1, 8}, at::kBool);
  test::expect_error(ExitCode::runtime, {"view 0", "both"}, [&] { make_view_layout(both, both); });
}

TEST(Denoiser, CachedEqualsJoint) {
  const Case c(kRagged);
  const at::NoGradGuard no_grad;
  const at::Tensor joint = c.denoiser.denoise_joint(c.x, c.sigma, c.conditioning);
  EXPECT_GT(joint.abs().mean().item<double>(), 0.1);
  EXPECT_LT(max_difference(c.denoise(), joint), 2e-5 * joint.abs().max().item<double>());
}

TEST(Denoiser, WithoutReferenceAttentionTargetsSeeNoReference) {
  ModelConfig config = test::tiny_config();
  config.use_reference_attention = false;
  const Case c(kRagged, config);
  const at::NoGradGuard no_grad;
  const at::Tensor before = c.denoise();
  EXPECT_LT(max_difference(c.denoiser.denoise_joint(c.x, c.sigma, c.conditioning), before),
            2e-5 * before.abs().max().item<double>());
  const auto other_pictures = [](Case one) {
    one.conditioning.reference_input = one.conditioning.reference_input + 1;
    return one.denoise();
  };
  EXPECT_TRUE(at::equal(other_pictures(c), before));
  const Case with(kRagged);
  EXPECT_GT(max_difference(other_pictures(with), with.denoise()), 1e-3);
}

TEST(Denoiser, ChannelsLastEqualsContiguous) {
  Case c(kRagged);
  const at::NoGradGuard no_grad;
  const at::Tensor plain = c.denoise();
  c.denoiser.set_channels_last(true);
  EXPECT_LT(max_difference(c.denoise(), plain), 2e-5 * plain.abs().max().item<double>());
}

// A sample's result does not depend on what else is in the batch.
TEST(Denoiser, RaggedBatchEqualsSamplesAlone) {
  const Case c(kRagged);
  const at::NoGradGuard no_grad;
  const at::Tensor together = c.denoise();
  for (std::size_t i = 0; i < kRagged.size(); ++i) {
    Batch one = make_batch(kRagged);
    const auto b = static_cast<std::int64_t>(i);
    at::Tensor others = at::ones({5, 1}, at::kBool);
    others[b][0] = false;
    one.is_reference = one.is_reference.masked_fill(others, false);
    one.is_target = one.is_target.masked_fill(others, false);
    const Conditioning alone = c.denoiser.condition(one);
    if (alone.layout.targets == 0) continue;
    const at::Tensor rows = at::nonzero(c.conditioning.layout.target_samples == b).squeeze(1);
    const at::Tensor d = c.denoiser.denoise(c.x.index_select(0, rows), c.sigma.index_select(0, rows), alone,
                                            c.denoiser.encode_references(alone));
    EXPECT_LT(max_difference(d, together.index_select(0, rows)), 2e-5 * together.abs().max().item<double>());
  }
}

// Noise draws share the references but do not see each other.
TEST(Denoiser, DrawsEqualSeparateCalls) {
  const Case c(kRagged);
  const at::NoGradGuard no_grad;
  const ReferenceCache cache = c.denoiser.encode_references(c.conditioning);
  const ViewLayout& layout = c.conditioning.layout;
  const std::int64_t targets = layout.targets, draws = 3;
  const at::Tensor x = random_normal({targets * draws, 12, 8, 12}, 21);
  const at::Tensor sigma = at::exp(random_normal({targets * draws}, 22));
  const at::Tensor together = c.denoiser.denoise(x, sigma, c.conditioning, cache);
  const at::Tensor joint = c.denoiser.denoise_joint(x, sigma, c.conditioning);
  EXPECT_LT(max_difference(together, joint), 2e-5 * joint.abs().max().item<double>());
  for (std::int64_t m = 0; m < draws; ++m) {
    std::vector<std::int64_t> rows;
    for (const ViewGroup& group : layout.groups) {
      for (std::int64_t s = 0; s < group.samples; ++s) {
        for (std::int64_t t = 0; t < group.targets; ++t) {
          rows.push_back(group.first_target * draws + (s * draws + m) * group.targets + t);
        }
      }
    }
    const at::Tensor which = at::tensor(rows, at::kLong);
    const at::Tensor d =
        c.denoiser.denoise(x.index_select(0, which), sigma.index_select(0, which), c.conditioning, cache);
    EXPECT_LT(max_difference(d, together.index_select(0, which)), 2e-5 * joint.abs().max().item<double>());
  }
}

// Nothing of a target reaches a reference: its keys and values are bit-identical whatever the targets are, and their
// gradient with respect to everything about the targets is exactly zero, in the joint pass too.
TEST(Denoiser, NothingOfATargetReachesAReference) {
  Case c({"rrrrtrrt", "t-rt---t"});
  const at::Tensor target_input = c.conditioning.target_input.clone().requires_grad_();
  c.conditioning.target_input = target_input;
  const at::Tensor x = c.x.clone().requires_grad_();
  const ReferenceCache cache = c.denoiser.encode_references(c.conditioning);
  at::Tensor sum = at::zeros({});
  for (const auto& layer : cache.layers) sum = sum + layer.key.square().sum() + layer.value.square().sum();
  const auto gradients = torch::autograd::grad({sum}, {target_input, x}, {}, c10::nullopt, false, true);
  EXPECT_FALSE(gradients[0].defined());
  EXPECT_FALSE(gradients[1].defined());

  Batch other = c.batch;
  const at::Tensor target = other.is_target.view({2, 8, 1, 1, 1});
  other.colour = at::where(target, at::rand_like(other.colour), other.colour);
  other.priors.warped = at::where(target, at::rand_like(other.colour), other.priors.warped);
  other.cue = at::where(other.is_target.view({2, 8, 1}), at::rand_like(other.cue), other.cue);
  const ReferenceCache again = c.denoiser.encode_references(c.denoiser.condition(other));
  ASSERT_EQ(again.layers.size(), cache.layers.size());
  for (std::size_t i = 0; i < cache.layers.size(); ++i) {
    EXPECT_TRUE(again.layers[i].key.equal(cache.layers[i].key));
    EXPECT_TRUE(again.layers[i].value.equal(cache.layers[i].value));
  }
}

TEST(Denoiser, CacheHoldsEveryCrossViewLayer) {
  const Case c({"rrrrtrrt"});
  const ReferenceCache cache = c.denoiser.encode_references(c.conditioning);
  // Two levels, one layer down, one in the middle, two layers up each.
  EXPECT_EQ(cache.layers.size(), 7u);
  EXPECT_EQ(cache.layers.front().key.sizes(), (at::IntArrayRef{6, 96, 16}));
}

// References are clean and at unit scale: their input holds the pictures' latents as they are, whatever σ.
TEST(Denoiser, ReferencesAreNeverScaled) {
  const Case c({"rrrrtrrt"});
  const at::Tensor picture = c.batch.colour[0][1].unsqueeze(0) * 2 - 1;
  const at::Tensor latents = c.conditioning.reference_input.narrow(1, 0, 12).narrow(0, 1, 1);
  EXPECT_TRUE(depth_to_space(latents, 2).equal(picture));
}

// The equations of DESIGN for the EDM form, with F known: conv_out zero makes F zero.
TEST(Denoiser, EdmPreconditioning) {
  ModelConfig config = test::tiny_config();
  config.output = OutputForm::edm;
  const Batch batch = make_batch({"rrrrtrrt"});
  const Denoiser fresh(config, 1);
  const Conditioning conditioning = fresh.condition(batch);
  const at::Tensor x = random_normal({2, 12, 8, 12}, 5);
  const at::Tensor sigma = at::tensor({0.3f, 2.0f});
  const at::NoGradGuard no_grad;
  const at::Tensor d = fresh.denoise(x, sigma, conditioning, fresh.encode_references(conditioning));
  for (int i = 0; i < 2; ++i) {
    const double s = sigma[i].item<double>(), c_skip = 0.25 / (s * s + 0.25);
    EXPECT_LT(max_difference(d[i], x[i] * c_skip), 1e-6);
    const at::Tensor weight = fresh.loss_weight(sigma, conditioning);
    const double c_out = s * 0.5 / std::sqrt(s * s + 0.25);
    EXPECT_NEAR(weight[i].item<double>() * c_out * c_out, 1, 1e-5);  // F's squared error has weight 1
  }
}

// F = 1 through conv_out's bias: D − c_skip·x = c_out; in the other forms base + s, and with a blend of ½ background
// and ¼ of the other prior image those parts of the way from the base to each.
TEST(Denoiser, OutputForms) {
  const at::NoGradGuard no_grad;
  for (const std::string form : {"edm", "mirror-or-prior", "prior"}) {
    ModelConfig config = test::tiny_config();
    config.output = form == "edm" ? OutputForm::edm : OutputForm::prior_residual;
    if (form != "edm") config.prior_image = *value_named<PriorImage>(form);
    const Denoiser fresh(config, 1);
    for (const auto& [name, parameter] : fresh.parameters()) {
      if (name != "unet.conv_out.bias") continue;
      at::Tensor(parameter).fill_(1);
      if (form == "edm") continue;
      at::Tensor(parameter).narrow(0, 12, 4).fill_(0.5);
      at::Tensor(parameter).narrow(0, 16, 4).fill_(0.25);
    }
    const Batch batch = make_batch({"rrrrtrrt"});
    const Conditioning conditioning = fresh.condition(batch);
    const at::Tensor x = random_normal({2, 12, 8, 12}, 5), sigma = at::tensor({0.3f, 2.0f});
    const at::Tensor d = fresh.denoise(x, sigma, conditioning, fresh.encode_references(conditioning));
    for (int i = 0; i < 2; ++i) {
      const double s = sigma[i].item<double>();
      if (form == "edm") {
        const double c_skip = 0.25 / (s * s + 0.25), c_out = s * 0.5 / std::sqrt(s * s + 0.25);
        EXPECT_LT(max_difference(d[i], x[i] * c_skip + c_out), 1e-6);
      } else {
        at::Tensor image = mirror_or_prior_image(batch.priors, batch.background)[0][i == 0 ? 4 : 7];
        at::Tensor other = prior_image(batch.priors, batch.background)[0][i == 0 ? 4 : 7];
        if (form == "prior") std::swap(image, other);
        const at::Tensor background = batch.background[0].view({3, 1, 1});
        const at::Tensor mixed = image + 0.5 * (background - image) + 0.25 * (other - image);
        EXPECT_LT(max_difference(d[i], space_to_depth(mixed.unsqueeze(0) * 2 - 1, 2)[0] + config.residual_scale), 1e-5);
      }
    }
  }
}

// With a margin the network corrects the prior image near the hull alone; elsewhere D is the prior image to the bit.
TEST(Denoiser, ResidualStaysNearTheHull) {
  const at::NoGradGuard no_grad;
  ModelConfig config = test::tiny_config();
  config.residual_margin = 0.08;  // of 24 px: 2 px, and 1 px of softening
  Denoiser denoiser(config, 1);
  test::randomise(denoiser, 3);
  Batch batch = make_batch({"rrrrtrrr"});
  batch.priors.silhouette.zero_();
  batch.priors.silhouette.select(1, 4).select(-2, 8).select(-1, 12).fill_(1);  // one pixel, y 8, x 12
  const Conditioning conditioning = denoiser.condition(batch);
  const at::Tensor x = random_normal({1, 12, 8, 12}, 5), sigma = at::full({1}, 0.3f);
  const at::Tensor d = denoiser.denoise(x, sigma, conditioning, denoiser.encode_references(conditioning));
  const at::Tensor change = depth_to_space(d - conditioning.base, 2)[0].abs().amax(0);  // [16,24]
  EXPECT_GT(change[8][12].item<float>(), 0);
  EXPECT_GT(change[10][14].item<float>(), 0);
  const at::Tensor outside = change.clone();
  outside.narrow(0, 5, 7).narrow(1, 9, 7).zero_();
  EXPECT_EQ(outside.max().item<float>(), 0);
}

// A fresh prior-residual model is the baseline itself.
TEST(Denoiser, FreshResidualModelGivesThePriorImage) {
  const Batch batch = make_batch({"rrrrtrrt"});
  const Denoiser fresh(test::tiny_config(), 1);
  const at::Tensor pictures = generate(fresh, batch, {}, 0);
  const at::Tensor image = mirror_or_prior_image(batch.priors, batch.background);
  EXPECT_LT(max_difference(pictures[0][4], image[0][4]), 1e-6);
  EXPECT_LT(max_difference(pictures[0][7], image[0][7]), 1e-6);
}

// At σ_max the noisy latents are not looked at: a single step is a regression.
TEST(Denoiser, RegressionIgnoresTheNoise) {
  const Case c({"rrrrtrrt"});
  const at::NoGradGuard no_grad;
  const ReferenceCache cache = c.denoiser.encode_references(c.conditioning);
  const at::Tensor top = at::full({2}, 80.0), below = at::full({2}, 79.0);
  const at::Tensor a = random_normal(c.x.sizes(), 1) * 80, b = random_normal(c.x.sizes(), 2) * 80;
  EXPECT_TRUE(
      c.denoiser.denoise(a, top, c.conditioning, cache).equal(c.denoiser.denoise(b, top, c.conditioning, cache)));
  EXPECT_FALSE(
      c.denoiser.denoise(a, below, c.conditioning, cache).equal(c.denoiser.denoise(b, below, c.conditioning, cache)));
}

TEST(Denoiser, EveryParameterTakesPart) {
  const Case c({"rrrrtrrt", "t-rt---t"});
  const at::Tensor d = c.denoise();
  std::vector<at::Tensor> parameters;
  std::vector<std::string> names;
  for (const auto& [name, parameter] : c.denoiser.parameters()) {
    names.push_back(name);
    parameters.push_back(parameter);
  }
  const auto gradients = torch::autograd::grad({d.square().sum()}, parameters, {}, c10::nullopt, false, true);
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_TRUE(gradients[i].defined()) << names[i];
}

TEST(Denoiser, HalfPrecisionStaysClose) {
  Case c({"rrrrtrrt"});
  const at::NoGradGuard no_grad;
  const at::Tensor full = c.denoise();
  c.denoiser.to(at::kBFloat16);
  c.conditioning = c.denoiser.condition(c.batch);
  const at::Tensor half = c.denoise();
  EXPECT_EQ(half.scalar_type(), at::kFloat);
  EXPECT_LT(max_difference(half, full), 0.1 * full.abs().max().item<double>());
}

TEST(Denoiser, BadInputIsOneLine) {
  const Case c({"rrrrtrrt"});
  Batch batch = c.batch;
  batch.category = at::full({1}, 7, at::kLong);
  test::expect_error(ExitCode::runtime, {"category", "7 categories"}, [&] { c.denoiser.condition(batch); });
  batch = c.batch;
  batch.identity = at::zeros({1, 4});
  test::expect_error(ExitCode::runtime, {"identity", "4", "5"}, [&] { c.denoiser.condition(batch); });
  batch = c.batch;
  batch.priors = {};
  test::expect_error(ExitCode::runtime, {"prior maps"}, [&] { c.denoiser.condition(batch); });
  test::expect_error(ExitCode::usage, {"multiples of 2"},
                     [&] { c.denoiser.condition(make_batch({"rrrrtrrt"}, 15, 24)); });
}

}  // namespace
}  // namespace spinfill
