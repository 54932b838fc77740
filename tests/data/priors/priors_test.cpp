// SPDX-License-Identifier: Apache-2.0
#include "data/priors/priors.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "data/priors/prior_image.h"
#include "data/priors/stored_priors.h"
#include "geometry/scene.h"
#include "support/support.h"

namespace spinfill {
namespace {

const std::vector<double> kAzimuths = {0, 45, 90, 135, 180, 225, 270, 315};
const test::Ellipsoid kBody{{0, 0, 0}, {0.5, 0.21, 0.18}, {}};

PriorInputs inputs_of(const test::Scene& scene, const std::vector<std::vector<int>>& missing) {
  const std::int64_t B = static_cast<std::int64_t>(missing.size()), V = 8;
  at::Tensor given = at::ones({B, V}, at::kBool);
  for (std::int64_t b = 0; b < B; ++b)
    for (int v : missing[b]) given[b][v] = false;
  const auto repeat = [&](const at::Tensor& t) { return at::stack(std::vector<at::Tensor>(B, t)); };
  return {repeat(scene.colour),
          repeat(scene.alpha),
          at::full({B, 3}, 0.5),
          given,
          repeat(scene.vehicle_from_camera),
          repeat(scene.intrinsics),
          repeat(at::tensor(kAzimuths).to(at::kDouble))};
}

double psnr(const at::Tensor& a, const at::Tensor& b) {
  return -10 * (a - b).square().mean().log10().item<double>();
}

TEST(Priors, BeatTheNearestViewByFiveDecibels) {
  // The prior trusts the symmetry of vehicles: where the mirrored view is much closer it outweighs the own side.
  test::Ellipsoid body = kBody;
  body.symmetric = true;
  const test::Scene scene = test::trace({body}, kAzimuths, 96, 64);
  for (int missing : {0, 1, 2, 5}) {
    const PriorInputs in = inputs_of(scene, {{missing}});
    const at::Tensor prior = prior_image(compute_priors(in, {}), in.background);
    const double nearest = psnr(scene.colour[(missing + 1) % 8], scene.colour[missing]);
    EXPECT_GE(psnr(prior[0][missing], scene.colour[missing]), nearest + 5) << missing * 45;
  }
}

TEST(Priors, NothingOfATargetReachesThem) {
  const test::Scene scene = test::trace({kBody}, kAzimuths, 48, 32);
  PriorInputs in = inputs_of(scene, {{1, 4}, {0, 2, 7}});
  const at::Tensor before = compute_priors(in, {}).stacked();
  ASSERT_TRUE(before.isfinite().all().item<bool>());
  for (const double value : {0.0, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
    const at::Tensor target = in.is_reference.logical_not().view({2, 8, 1, 1, 1});
    in.colour = in.colour.masked_fill(target, value);
    in.alpha = in.alpha.masked_fill(target, value);
    EXPECT_TRUE(at::equal(before, compute_priors(in, {}).stacked())) << value;
  }
  in.colour = in.colour.clone();
  in.colour[0][0] = in.colour[0][0].flip(2);  // a reference does reach them
  EXPECT_FALSE(at::equal(before, compute_priors(in, {}).stacked()));
}

TEST(Priors, BatchEqualsSinglesWithAnyCountOfReferences) {
  const test::Scene scene = test::trace({kBody}, kAzimuths, 48, 32);
  const std::vector<std::vector<int>> missing = {{3}, {1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}, {0, 4}};
  const at::Tensor all = compute_priors(inputs_of(scene, missing), {}).stacked();
  ASSERT_EQ(all.sizes(), (at::IntArrayRef{4, 8, PriorMaps::kChannels, 32, 48}));
  for (std::size_t b = 0; b < missing.size(); ++b) {
    const at::Tensor one = compute_priors(inputs_of(scene, {missing[b]}), {}).stacked();
    EXPECT_TRUE(at::allclose(all[static_cast<std::int64_t>(b)], one[0], 1e-5, 1e-5)) << b;
    EXPECT_TRUE(one.isfinite().all().item<bool>()) << b;
  }
}

// The key is what the maps are made from, and nothing else: no pixel of a target.
TEST(StoredPriors, AreFoundByWhatTheyAreMadeFrom) {
  const test::TemporaryFolder folder;
  const test::Scene scene = test::trace({kBody}, kAzimuths, 48, 32);
  const PriorInputs in = inputs_of(scene, {{1, 4}, {0, 2, 7}});
  PriorConfig config;
  config.grid = 16;
  const at::Tensor computed = compute_priors(in, config).stacked();
  ContentStore store(folder / "store", 1 << 28, 0);
  const auto found = [&](const PriorInputs& inputs, const PriorConfig& own) {
    const std::int64_t before = store.found();
    const at::Tensor maps = stored_priors(inputs, own, &store).stacked();
    EXPECT_TRUE(at::equal(maps, compute_priors(inputs, own).stacked()));
    return store.found() > before;
  };
  EXPECT_FALSE(found(in, config));
  EXPECT_TRUE(found(in, config));
  PriorInputs other = in;
  other.colour = in.colour.masked_fill(in.is_reference.logical_not().view({2, 8, 1, 1, 1}), 0.25);
  EXPECT_TRUE(found(other, config));
  other.colour = in.colour.clone();
  other.colour[1][3][0][16][24] += 0.1;  // one value of a reference
  EXPECT_FALSE(found(other, config));
  other = in;
  other.vehicle_from_camera = in.vehicle_from_camera.clone();
  other.vehicle_from_camera[0][1][0][3] += 0.01;  // a target's camera
  EXPECT_FALSE(found(other, config));
  PriorConfig sharp = config;
  sharp.sharp = true;
  EXPECT_FALSE(found(in, sharp));
  EXPECT_TRUE(at::equal(stored_priors(in, config, nullptr).stacked(), computed));
}

TEST(Priors, AreEmptyWithoutReferences) {
  const test::Scene scene = test::trace({kBody}, kAzimuths, 48, 32);
  const PriorInputs in = inputs_of(scene, {{0, 1, 2, 3, 4, 5, 6, 7}});
  const PriorMaps maps = compute_priors(in, {});
  for (const at::Tensor& map : {maps.silhouette, maps.depth, maps.normal, maps.canonical, maps.warped_confidence,
                                maps.mirrored_confidence, maps.flipped_validity})
    EXPECT_EQ(map.abs().max().item<double>(), 0);
  EXPECT_TRUE((maps.warped == 0.5).all().item<bool>());
  EXPECT_TRUE(at::allclose(prior_image(maps, in.background), at::full({}, 0.5)));
}

TEST(Priors, GeometryMapsLieOnTheBody) {
  const test::Scene scene = test::trace({kBody}, kAzimuths, 96, 64);
  const PriorMaps maps = compute_priors(inputs_of(scene, {{1}}), {});
  const at::Tensor inside = maps.silhouette[0][1][0] > 0.99;
  // The level set of the ellipsoid at the surface points, 1 on the body itself.
  const at::Tensor scaled = maps.canonical[0][1] / at::tensor({0.5, 0.21, 0.18}).to(at::kFloat).view({3, 1, 1});
  EXPECT_NEAR(scaled.norm(2, {0}).masked_select(inside).mean().item<double>(), 1, 0.06);
  EXPECT_TRUE(at::allclose(maps.normal[0][1].norm(2, {0}).masked_select(inside), at::ones({}), 1e-3, 1e-3));
  // At the picture's middle the camera looks at the origin: the surface is nearer than that, so depth is negative.
  EXPECT_LT(maps.depth[0][1][0][32][48].item<double>(), -0.1);
}

TEST(Priors, FlippedIsTheMirrorReference) {
  const test::Scene scene = test::trace({kBody}, kAzimuths, 48, 32);
  const PriorMaps maps = compute_priors(inputs_of(scene, {{1, 2, 6}}), {});
  EXPECT_TRUE(at::allclose(maps.flipped[0][1], scene.colour[7].flip(2), 1e-5, 1e-5));
  EXPECT_EQ(maps.flipped_validity[0][1].min().item<double>(), 1);
  EXPECT_EQ(maps.flipped_validity[0][2].max().item<double>(), 0);  // its mirror view is missing as well
}

TEST(Priors, HiddenSurfacesTakeNoColourOfWhatHidesThem) {
  // A green slab before a red one: seen from 90° the green one (+Y) hides the red one, which 270° sees alone.
  const test::Scene scene = test::trace(
      {{{0, 0.16, 0}, {0.3, 0.05, 0.15}, {0, 1, 0}}, {{0, -0.16, 0}, {0.5, 0.05, 0.15}, {1, 0, 0}}}, kAzimuths, 96, 64);
  PriorConfig config;
  config.mirror = false;
  config.plan_box = false;
  const PriorMaps maps = compute_priors(inputs_of(scene, {{6}}), config);
  const at::Tensor red = maps.warped[0][6], sure = maps.warped_confidence[0][6][0] > 0.3;
  ASSERT_GT(sure.sum().item<double>(), 20);
  EXPECT_LT(red[1].masked_select(sure).mean().item<double>(), 0.1);
}

TEST(Priors, SharpOnesTrustWhatIsSeenAtASlant) {
  // Of the left side the front view shows next to nothing: enough to be kept instead of filled over.
  const test::Scene scene = test::trace({kBody}, kAzimuths, 96, 64);
  const PriorInputs in = inputs_of(scene, {{1, 2, 3}});
  PriorConfig sharp;
  sharp.sharp = true;
  const at::Tensor plain = compute_priors(in, {}).warped_confidence[0][1],
                   trusted = compute_priors(in, sharp).warped_confidence[0][1];
  const at::Tensor slanted = (plain > 0.05).logical_and(plain < 0.3);
  ASSERT_GT(slanted.sum().item<double>(), 50);
  // c = w/(w + w₀) with a tenth of w₀.
  const at::Tensor expected = 1 / (1 + 0.1 * (1 / plain - 1));
  EXPECT_LT((trusted - expected).masked_select(slanted).abs().mean().item<double>(), 0.01);
}

TEST(Priors, RunInSeveralThreads) {
  const test::Scene scene = test::trace({kBody}, kAzimuths, 48, 32);
  const PriorInputs in = inputs_of(scene, {{1, 4}});
  const at::Tensor expected = compute_priors(in, {}).stacked();
  std::vector<at::Tensor> results(4);
  std::vector<std::thread> threads;
  for (at::Tensor& result : results)
    threads.emplace_back([&] {
      at::set_num_threads(1);
      result = compute_priors(in, {}).stacked();
    });
  for (std::thread& thread : threads) thread.join();
  for (const at::Tensor& result : results) EXPECT_TRUE(at::allclose(expected, result, 1e-5, 1e-5));
}

TEST(Priors, RefuseWrongShapesByName) {
  const test::Scene scene = test::trace({kBody}, kAzimuths, 48, 32);
  PriorInputs in = inputs_of(scene, {{1}});
  in.alpha = in.alpha.narrow(1, 0, 4);
  test::expect_error(ExitCode::runtime, {"alpha"}, [&] { compute_priors(in, {}); });
}

}  // namespace
}  // namespace spinfill
