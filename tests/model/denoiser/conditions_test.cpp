// SPDX-License-Identifier: Apache-2.0
// What the network is told, and that it listens.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <functional>

#include "model/denoiser/case.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::Case;
using test::make_batch;
using test::max_difference;

// A normal towards the camera is +Z of the camera's frame (x right, y up, z back) in every view; the maps come first.
TEST(PriorChannels, HoldNormalsInTheCamerasFrame) {
  Batch batch = make_batch({"rrrrtrrt"});
  const at::Tensor back = batch.vehicle_from_camera.narrow(-2, 0, 3).select(-1, 2).to(at::kFloat);  // [B,V,3]
  batch.priors.normal = back.view({1, 8, 3, 1, 1}).expand({1, 8, 3, 16, 24}).contiguous();
  const at::Tensor channels = prior_channels(batch);
  ASSERT_EQ(channels.size(2), ModelConfig::kPriorChannels);
  EXPECT_TRUE(channels.narrow(2, 0, PriorMaps::kChannels).equal(batch.priors.stacked()));
  const at::Tensor seen = channels.narrow(2, PriorMaps::kChannels, 3);
  const at::Tensor expected = at::tensor({0.f, 0.f, 1.f}).view({1, 1, 3, 1, 1}).expand_as(seen);
  EXPECT_LT(max_difference(seen, expected), 1e-6);
  batch.priors.normal.zero_();  // off the hull
  EXPECT_EQ(prior_channels(batch).narrow(2, PriorMaps::kChannels, 3).abs().max().item<double>(), 0);
}

// [o ; d] in the vehicle's frame, then sines and cosines of each coordinate, by hand.
TEST(ViewRays, EncodingsMeanWhatTheySay) {
  const Batch batch = make_batch({"rrrrtrrt"});
  ModelConfig config;
  const at::Tensor pluecker = view_rays(batch, 8, 12, config);
  ASSERT_EQ(pluecker.sizes(), at::IntArrayRef({1, 8, 6, 8, 12}));
  config.rays = RayKind::origin_direction;
  const at::Tensor rays = view_rays(batch, 8, 12, config);
  const at::Tensor origin = rays.narrow(2, 0, 3), direction = rays.narrow(2, 3, 3);
  EXPECT_TRUE(direction.equal(pluecker.narrow(2, 0, 3)));
  EXPECT_LT(max_difference(origin.select(4, 3).select(3, 2)[0][5],
                           batch.vehicle_from_camera[0][5].narrow(0, 0, 3).select(1, 3)),
            1e-6);
  EXPECT_LT(max_difference(at::cross(origin, direction, 2), pluecker.narrow(2, 3, 3)), 1e-5);
  config.ray_bands = 3;
  const at::Tensor bands = view_rays(batch, 8, 12, config);
  ASSERT_EQ(bands.size(2), config.ray_channels());
  EXPECT_EQ(config.ray_channels(), 42);
  EXPECT_TRUE(bands.narrow(2, 0, 6).equal(rays));
  constexpr double kPi = 3.14159265358979;
  EXPECT_LT(max_difference(bands.narrow(2, 6, 6), (rays * kPi).sin()), 1e-6);
  EXPECT_LT(max_difference(bands.narrow(2, 36, 6), (rays * (4 * kPi)).cos()), 1e-5);

  // Every encoding reaches the network.
  ModelConfig tiny = test::tiny_config();
  tiny.rays = RayKind::origin_direction;
  tiny.ray_bands = 2;
  const Case c({"rrrrtrrt"}, tiny);
  EXPECT_EQ(c.conditioning.target_input.size(1) + 12, tiny.input_channels());
}

// The vector becomes so many tokens, each its own; unknown ones are learned.
TEST(Conditioner, IdentityBecomesTokens) {
  ModelConfig config = test::tiny_config();
  config.identity_tokens = 3;
  Case c({"rrrrtrrt"}, config);
  const at::Tensor one = c.conditioning.target_tokens;
  ASSERT_EQ(one.size(1), 1 + 3 + 1);  // category, identity, the one that is always there
  c.batch.identity = c.batch.identity + 1;
  const at::Tensor other = c.denoiser.condition(c.batch).target_tokens;
  for (const std::int64_t token : {1, 2, 3})
    EXPECT_GT(max_difference(one.select(1, token), other.select(1, token)), 1e-3);
  EXPECT_TRUE(one.select(1, 0).equal(other.select(1, 0)));
  EXPECT_TRUE(one.select(1, 4).equal(other.select(1, 4)));
  EXPECT_GT(max_difference(one.select(1, 1), one.select(1, 2)), 1e-3);
}

TEST(Denoiser, OutputRespondsToEachCondition) {
  const at::NoGradGuard no_grad;
  const Case c({"rrrrtrrt", "t-rt---t"});
  const at::Tensor before = c.denoise();
  auto expect_response = [&](const std::string& what, const std::function<void(Batch&)>& change) {
    Batch batch = c.batch;
    change(batch);
    const Conditioning conditioning = c.denoiser.condition(batch);
    // The prior image enters the output directly as well: only what the network makes of it counts.
    const at::Tensor after =
        c.denoiser.denoise(c.x, c.sigma, conditioning, c.denoiser.encode_references(conditioning)) - conditioning.base;
    EXPECT_GT(max_difference(after, before - c.conditioning.base), 1e-3) << what;
  };
  const at::Tensor reference = c.batch.is_reference.view({2, 8, 1, 1, 1});
  expect_response("references' pictures", [&](Batch& b) { b.colour = at::where(reference, 1 - b.colour, b.colour); });
  expect_response("rays", [](Batch& b) { b.vehicle_from_camera = b.vehicle_from_camera.roll(1, 1); });
  expect_response("focal length", [](Batch& b) { b.intrinsics = b.intrinsics * 1.3; });
  expect_response("cue", [](Batch& b) { b.cue = b.cue + 1; });
  expect_response("category", [](Batch& b) { b.category = b.category + 1; });
  expect_response("unknown category", [](Batch& b) { b.category = at::full_like(b.category, -1); });
  expect_response("identity", [](Batch& b) { b.identity = -b.identity; });
  expect_response("no identity", [](Batch& b) { b.identity = at::Tensor(); });
  expect_response("unknown identity", [](Batch& b) { b.identity_known = at::tensor({0, 0}).to(at::kBool); });
  const std::vector<std::pair<std::string, at::Tensor PriorMaps::*>> maps = {
      {"silhouette", &PriorMaps::silhouette}, {"depth", &PriorMaps::depth},
      {"normal", &PriorMaps::normal},         {"canonical", &PriorMaps::canonical},
      {"warped", &PriorMaps::warped},         {"warped_confidence", &PriorMaps::warped_confidence},
      {"mirrored", &PriorMaps::mirrored},     {"mirrored_confidence", &PriorMaps::mirrored_confidence},
      {"flipped", &PriorMaps::flipped},       {"flipped_validity", &PriorMaps::flipped_validity}};
  for (const auto& [name, map] : maps) {
    expect_response(name, [&, member = map](Batch& b) { b.priors.*member = 1 - b.priors.*member; });
  }

  const ReferenceCache cache = c.denoiser.encode_references(c.conditioning);
  auto differs = [&](const char* what, const at::Tensor& d) { EXPECT_GT(max_difference(d, before), 1e-3) << what; };
  differs("noise level", c.denoiser.denoise(c.x, c.sigma * 1.5, c.conditioning, cache));
  differs("latents", c.denoiser.denoise(c.x + 0.5, c.sigma, c.conditioning, cache));
  Conditioning masked = c.conditioning;
  masked.target_input = masked.target_input.clone();
  masked.target_input.narrow(1, 0, 1).fill_(1);
  differs("mask of targets", c.denoiser.denoise(c.x, c.sigma, masked, cache));
  masked = c.conditioning;
  masked.reference_input = masked.reference_input.clone();
  masked.reference_input.narrow(1, 12, 1).fill_(0);
  differs("mask of references", c.denoiser.denoise(c.x, c.sigma, masked, c.denoiser.encode_references(masked)));
}

// Of vectors computed from references: a sample without has the learned token of a dropped one, the others their own.
TEST(Conditioner, UnknownIdentitiesAreTheLearnedToken) {
  const Case c({"rrrrtrrt", "rtrrrrrt"});
  const at::Tensor known = at::tensor({0, 1}).to(at::kBool);
  Batch batch = c.batch;
  batch.identity = batch.identity.clone();
  batch.identity[0].zero_();
  batch.identity_known = known;
  const at::Tensor tokens = c.denoiser.condition(batch).target_tokens;  // two targets of each sample
  Batch without = c.batch;
  without.identity = at::Tensor();
  const at::Tensor dropped = c.denoiser.condition(without).target_tokens, own = c.conditioning.target_tokens;
  EXPECT_TRUE(at::equal(tokens.narrow(0, 0, 2), dropped.narrow(0, 0, 2)));
  EXPECT_TRUE(at::equal(tokens.narrow(0, 2, 2), own.narrow(0, 2, 2)));
  EXPECT_FALSE(at::equal(tokens.narrow(0, 2, 2), dropped.narrow(0, 2, 2)));
  batch.identity_known = at::Tensor();
  EXPECT_FALSE(at::equal(c.denoiser.condition(batch).target_tokens, tokens)) << "a vector of zeros is a vector";
}

TEST(Denoiser, DropsConditionsPerSample) {
  const at::NoGradGuard no_grad;
  const Case c({"rrrrtrrt", "rtrrrrrt"});
  const at::Tensor first = at::tensor({1, 0}).to(at::kBool);
  const at::Tensor before = c.denoise();
  auto dropped = [&](const ConditionDrop& drop) {
    const Conditioning conditioning = c.denoiser.condition(c.batch, drop);
    return c.denoiser.denoise(c.x, c.sigma, conditioning, c.denoiser.encode_references(conditioning));
  };
  const std::vector<std::pair<std::string, ConditionDrop>> drops = {
      {"identity", {first, {}, {}, {}}}, {"references", {{}, first, {}, {}}}, {"priors", {{}, {}, first, {}}}};
  for (const auto& [name, drop] : drops) {
    const at::Tensor after = dropped(drop);
    EXPECT_GT(max_difference(after.narrow(0, 0, 2), before.narrow(0, 0, 2)), 1e-3) << name;
    EXPECT_LT(max_difference(after.narrow(0, 2, 2), before.narrow(0, 2, 2)), 1e-5) << name;
  }
  // The unconditional branch keeps the rays and knows nothing else.
  Batch other = c.batch;
  other.colour = 1 - other.colour;
  other.category = other.category + 1;
  other.identity = -other.identity;
  other.priors.warped = 1 - other.priors.warped;
  other.priors.flipped = 1 - other.priors.flipped;
  auto unconditional = [&](const Batch& batch) {
    const Conditioning conditioning = c.denoiser.condition(batch, drop_everything(2));
    return c.denoiser.denoise(c.x, c.sigma, conditioning, c.denoiser.encode_references(conditioning));
  };
  EXPECT_TRUE(unconditional(c.batch).equal(unconditional(other)));
  Batch turned = c.batch;
  turned.vehicle_from_camera = turned.vehicle_from_camera.roll(1, 1);
  EXPECT_GT(max_difference(unconditional(c.batch), unconditional(turned)), 1e-3);
}

TEST(Denoiser, DropoutIsAFunctionOfSeedAndSample) {
  DropoutConfig config;
  config.identity = 0.3;
  config.references = 0.2;
  config.priors = 0.1;
  std::vector<std::int64_t> samples(4000);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::int64_t>(i);
  const ConditionDrop all = draw_condition_drop(config, samples, 9);
  EXPECT_NEAR(all.identity.to(at::kDouble).mean().item<double>(), 0.3, 0.03);
  EXPECT_NEAR(all.references.to(at::kDouble).mean().item<double>(), 0.2, 0.03);
  EXPECT_NEAR(all.priors.to(at::kDouble).mean().item<double>(), 0.1, 0.02);
  const ConditionDrop part = draw_condition_drop(config, {17, 3}, 9);
  EXPECT_EQ(part.identity[0].item<bool>(), all.identity[17].item<bool>());
  EXPECT_EQ(part.identity[1].item<bool>(), all.identity[3].item<bool>());
  EXPECT_FALSE(draw_condition_drop(config, samples, 10).identity.equal(all.identity));
}

}  // namespace
}  // namespace spinfill
