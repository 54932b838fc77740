// SPDX-License-Identifier: Apache-2.0
#include "data/priors/surface_warp.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <limits>

#include "geometry/rays.h"
#include "geometry/scene.h"
#include "support/support.h"

namespace spinfill {
namespace {

const std::vector<double> kAround = {0, 45, 90, 135, 180, 225, 270, 315};
const std::vector<double> kHalf = {0.5, 0.21, 0.18};

// An ellipsoid, textured so that a surface in the wrong place shows; view 4 is asked for.
struct Sight {
  test::Scene scene = test::trace({{{0, 0, 0}, kHalf, {}, true}}, kAround, 96, 64);
  PriorInputs in;
  PriorMaps maps;
  at::Tensor rows = at::full({1}, 4, at::kLong);
  Sight() {
    at::Tensor given = at::ones({1, 8}, at::kBool);
    given[0][4] = false;
    in = {scene.colour.unsqueeze(0),
          scene.alpha.unsqueeze(0),
          at::full({1, 3}, 0.5),
          given,
          scene.vehicle_from_camera.unsqueeze(0),
          scene.intrinsics.unsqueeze(0),
          at::tensor(kAround).to(at::kDouble).unsqueeze(0)};
    PriorConfig config;
    config.sections = config.sharp = true;
    maps = compute_priors(in, config);
  }
  // From the hull to the ellipsoid itself along each ray of view 4, [1,1,H,W]; 0 off both.
  at::Tensor to_the_truth() const {
    const at::Tensor d = ray_directions(in.vehicle_from_camera, in.intrinsics, 64, 96, 64, 96)[0][4];
    const at::Tensor o = in.vehicle_from_camera[0][4].narrow(0, 0, 3).select(1, 3).to(at::kFloat).view({3, 1, 1});
    const at::Tensor half = at::tensor(kHalf).to(at::kFloat).view({3, 1, 1});
    const at::Tensor u = d / half, p = o / half;
    const at::Tensor a = u.square().sum(0), b = (u * p).sum(0), c = p.square().sum(0) - 1;
    const at::Tensor root = b.square() - a * c;
    const at::Tensor depth = (-b - root.clamp_min(0).sqrt()) / a;
    const at::Tensor hull = maps.depth[0][4][0] + o.norm();
    const at::Tensor both = (root > 0).logical_and(maps.silhouette[0][4][0] > 0.99);
    return at::where(both, depth - hull, at::zeros_like(hull)).view({1, 1, 64, 96});
  }
  at::Tensor composited(const PriorPicture& picture) const {
    return (picture.colour * picture.alpha + 0.5 * (1 - picture.alpha))[0][0];
  }
};

double psnr_within(const at::Tensor& a, const at::Tensor& b, const at::Tensor& where) {
  return -10 * (((a - b).square() * where).sum() / (3 * where.sum())).log10().item<double>();
}

TEST(SurfaceWarp, WithoutACorrectionItIsTheHullWarp) {
  const at::NoGradGuard no_grad;
  const Sight sight;
  const SurfaceWarp warp(sight.in, sight.maps, sight.rows);
  const at::Tensor prior = prior_image(sight.maps, sight.in.background)[0][4];
  const at::Tensor difference = (sight.composited(warp.at({})) - prior).abs();
  EXPECT_LT(difference.mean().item<double>(), 1e-3);
  EXPECT_LT((difference > 0.05).to(at::kFloat).mean().item<double>(), 5e-3) << "another tolerance at occlusions";
  EXPECT_TRUE(warp.at(at::zeros({1, 1, 64, 96})).colour.equal(warp.at({}).colour));
}

TEST(SurfaceWarp, TheTrueSurfaceShowsTheTruth) {
  const at::NoGradGuard no_grad;
  const Sight sight;
  const SurfaceWarp warp(sight.in, sight.maps, sight.rows);
  const at::Tensor correction = sight.to_the_truth(), where = (correction != 0).to(at::kFloat)[0];
  ASSERT_GT(where.sum().item<double>(), 500);
  ASSERT_GT((correction * where).sum().item<double>(), 0) << "the hull lies in front";
  const at::Tensor truth = sight.scene.colour[4];
  const double hull = psnr_within(sight.composited(warp.at({})), truth, where),
               corrected = psnr_within(sight.composited(warp.at(correction)), truth, where);
  EXPECT_GT(corrected, hull + 3) << hull;
  EXPECT_GT(corrected, 30);
}

TEST(SurfaceWarp, ItsGradientIsThatOfDifferences) {
  const Sight sight;
  const SurfaceWarp warp(sight.in, sight.maps, sight.rows);
  const at::Tensor weights = at::rand({3, 64, 96}, at::kFloat);
  const auto value = [&](const at::Tensor& correction) {
    return (sight.composited(warp.at(correction)) * weights).to(at::kDouble).sum();
  };
  const at::Tensor at = (0.3 * sight.to_the_truth()).requires_grad_(true);
  const at::Tensor gradient = torch::autograd::grad({value(at)}, {at})[0];
  ASSERT_TRUE(gradient.isfinite().all().item<bool>());
  const at::NoGradGuard no_grad;
  // Smooth directions: single pixels cross the kinks of a cubic's cut-offs.
  const at::Tensor x = at::arange(96).to(at::kFloat).view({1, 1, 1, 96}),
                   y = at::arange(64).to(at::kFloat).view({1, 1, 64, 1});
  for (const double period : {24.0, 48.0}) {
    const at::Tensor direction = (x * (6.283 / period)).sin() * (y * (6.283 / period)).cos();
    const double step = 5e-4, expected = (gradient * direction).sum().item<double>();
    const double measured = (value(at + step * direction) - value(at - step * direction)).item<double>() / (2 * step);
    EXPECT_NEAR(measured, expected, 0.05 * std::abs(expected) + 0.5) << period;
  }
}

TEST(SurfaceWarp, NothingOfATargetReachesIt) {
  const at::NoGradGuard no_grad;
  Sight sight;
  const at::Tensor correction = sight.to_the_truth();
  const at::Tensor before = SurfaceWarp(sight.in, sight.maps, sight.rows).at(correction).colour;
  sight.in.colour = sight.in.colour.clone();
  sight.in.alpha = sight.in.alpha.clone();
  sight.in.colour[0][4].fill_(std::numeric_limits<float>::quiet_NaN());
  sight.in.alpha[0][4].fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(SurfaceWarp(sight.in, sight.maps, sight.rows).at(correction).colour.equal(before));
}

TEST(SurfaceWarp, WindowsAreItsParts) {
  const at::NoGradGuard no_grad;
  const Sight sight;
  const SurfaceWarp warp(sight.in, sight.maps, at::tensor({4, 1}, at::kLong));
  const SurfaceWarp parts = warp.windows(at::tensor({20, 8}, at::kLong), at::tensor({30, 50}, at::kLong), 24, 40);
  const at::Tensor correction = at::rand({2, 1, 64, 96}, at::kFloat) * 0.02;
  const auto cut = [](const at::Tensor& maps) {
    return at::stack({maps[0].narrow(-2, 20, 24).narrow(-1, 30, 40), maps[1].narrow(-2, 8, 24).narrow(-1, 50, 40)});
  };
  const PriorPicture whole = warp.at(correction), seen = parts.at(cut(correction));
  EXPECT_TRUE(seen.alpha.equal(cut(whole.alpha)));
  EXPECT_TRUE(seen.trust.equal(cut(whole.trust)));
  // What nothing shows is filled from its surroundings.
  const at::Tensor shown = (seen.trust == 1).expand_as(seen.colour);
  ASSERT_GT(shown.to(at::kFloat).mean().item<double>(), 0.1);
  EXPECT_TRUE(seen.colour.masked_select(shown).equal(cut(whole.colour).masked_select(shown)));
}

TEST(SurfaceWarp, SelectsViews) {
  const at::NoGradGuard no_grad;
  const Sight sight;
  const SurfaceWarp warp(sight.in, sight.maps, at::tensor({4, 1}, at::kLong));
  const SurfaceWarp chosen = warp.select(at::tensor({1, 0, 1}, at::kLong));
  const at::Tensor all = warp.at({}).colour, some = chosen.at({}).colour;
  EXPECT_TRUE(some[0].equal(all[1]) && some[1].equal(all[0]) && some[2].equal(all[1]));
}

}  // namespace
}  // namespace spinfill
