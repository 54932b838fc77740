// SPDX-License-Identifier: Apache-2.0
#include "data/batches/close_ups.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <limits>

#include "data/batches/batch.h"
#include "data/batches/loader.h"
#include "data/priors/surface_warp.h"
#include "data/sets/view_set_reader.h"
#include "geometry/scene.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

constexpr std::int64_t kTimes = 3, kHeight = 32, kWidth = 48;

// Two sets of one ellipsoid at `times` the model's size, of which views 3 and 4, and view 6, are asked for.
Batch ellipsoids(std::int64_t times) {
  const std::vector<double> around = {0, 45, 90, 135, 180, 225, 270, 315};
  const test::Scene scene = test::trace({{{0, 0, 0}, {0.5, 0.21, 0.18}, {}, true}}, around,
                                        static_cast<int>(times * kWidth), static_cast<int>(times * kHeight));
  const auto twice = [](const at::Tensor& one) { return at::stack({one, one}); };
  Batch batch;
  batch.ids = {"a", "b"};
  batch.samples = {7, 12};
  batch.colour = twice(scene.colour);
  batch.alpha = twice(scene.alpha);
  batch.background = at::full({2, 3}, 0.5);
  batch.is_target = at::zeros({2, 8}, at::kBool);
  batch.is_target[0][3] = batch.is_target[0][4] = batch.is_target[1][6] = true;
  batch.is_reference = batch.is_target.logical_not();
  batch.azimuth_deg = twice(at::tensor(around).to(at::kDouble));
  batch.vehicle_from_camera = twice(scene.vehicle_from_camera);
  batch.intrinsics = twice(scene.intrinsics);
  batch.category = at::zeros({2}, at::kLong);
  return batch;
}

PriorConfig sharp() {
  PriorConfig config;
  config.grid = 32;
  config.sections = config.sharp = true;
  return config;
}

CloseUps of_ellipsoids(const Batch& large, std::uint64_t seed = 1) {
  return close_ups(large, sharp(), kTimes, seed);
}

TEST(CloseUps, WindowsAreCutFromTheTargets) {
  const Batch large = ellipsoids(kTimes);
  CloseUps close = of_ellipsoids(large);
  for (const auto& [b, v] : std::vector<std::pair<int, int>>{{0, 3}, {0, 4}, {1, 6}}) {
    const auto x = close.corner[b][v][0].item<std::int64_t>(), y = close.corner[b][v][1].item<std::int64_t>();
    ASSERT_TRUE(x >= 0 && x <= 2 * kWidth && y >= 0 && y <= 2 * kHeight) << x << " " << y;
    EXPECT_TRUE(close.truth[b][v].equal(large.colour[b][v].narrow(1, y, kHeight).narrow(2, x, kWidth)));
    EXPECT_GT(close.truth_alpha[b][v].max().item<float>(), 0.4) << "shows something of the vehicle";
    // The hull is a little larger than what it is made from.
    const at::Tensor off = close.silhouette[b][v] - close.truth_alpha[b][v];
    EXPECT_LT(off.abs().mean().item<double>(), 0.06);
    EXPECT_GT(off.mean().item<double>(), -0.01);
  }
  for (at::Tensor* map : {&close.truth, &close.silhouette, &close.point, &close.normal, &close.direction})
    EXPECT_EQ((*map)[1][3].abs().max().item<float>(), 0) << "no target";
  EXPECT_FALSE(of_ellipsoids(large, 2).corner.equal(close.corner)) << "another seed";
}

TEST(CloseUps, AreOfTheSampleAloneAndOfNoTarget) {
  const Batch large = ellipsoids(kTimes);
  CloseUps both = of_ellipsoids(large), alone = of_ellipsoids(large.one(1));
  for (std::size_t i = 0; i < both.all().size(); ++i)
    EXPECT_TRUE(both.all()[i]->narrow(0, 1, 1).equal(*alone.all()[i])) << i;
  Batch blind = large;
  blind.colour = large.colour.clone();
  blind.colour.masked_fill_(large.is_target.view({2, 8, 1, 1, 1}), std::numeric_limits<float>::quiet_NaN());
  CloseUps unseen = of_ellipsoids(blind);
  for (const auto& [a, b] : {std::pair{&both.point, &unseen.point}, std::pair{&both.silhouette, &unseen.silhouette}})
    EXPECT_TRUE(a->equal(*b));
}

// References k times as large, looked up from the window's rays, with the small maps' own depth.
TEST(CloseUps, TheWarpShowsTheWindow) {
  const at::NoGradGuard no_grad;
  const Batch large = ellipsoids(kTimes), small = ellipsoids(1);
  const CloseUps close = of_ellipsoids(large);
  const PriorMaps maps = compute_priors(small.prior_inputs(), sharp());
  const at::Tensor rows = at::tensor({3, 14}, at::kLong);
  const PriorPicture seen =
      SurfaceWarp(large.prior_inputs(), maps, {close.point, close.normal, close.direction, close.silhouette}, rows)
          .at({});
  for (std::int64_t i = 0; i < 2; ++i) {
    const at::Tensor truth = close.truth.flatten(0, 1)[rows[i].item<std::int64_t>()],
                     picture = (seen.colour * seen.alpha + 0.5 * (1 - seen.alpha))[i][0];
    EXPECT_GT(-10 * (picture - truth).square().mean().log10().item<double>(), 20) << i;
  }
}

// In training: the same samples, mirrored and recoloured alike, k times as large.
TEST(CloseUps, OfTrainingBatchesAreTheBatchesPictures) {
  const test::TemporaryFolder folder;
  test::TinySetOptions options;
  options.width = 192;
  options.height = 128;
  test::write_tiny_set(folder / options.id, options);
  const DataSet data(folder.path(), {read_view_set(folder / options.id)});
  DataConfig config;
  config.width = kWidth;
  config.height = kHeight;
  config.close_up = 2;
  const Batch batch = training_batches(data, config, {.seed = 3, .batch_size = 4})(5);
  ASSERT_EQ(batch.close_ups.colour.sizes().vec(), (std::vector<std::int64_t>{4, 8, 3, 2 * kHeight, 2 * kWidth}));
  const at::Tensor halved = at::avg_pool2d(batch.close_ups.colour.flatten(0, 1), {2, 2}).view_as(batch.colour);
  EXPECT_LT((halved - batch.colour).abs().max().item<float>(), 0.02);
  EXPECT_LT((batch.close_ups.intrinsics - 2 * batch.intrinsics).abs().max().item<double>(), 1e-9);
  config.close_up = 1;
  EXPECT_FALSE(training_batches(data, config, {.seed = 3, .batch_size = 4})(5).close_ups.defined());
}

}  // namespace
}  // namespace spinfill
