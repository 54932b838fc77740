// SPDX-License-Identifier: Apache-2.0
// The loops for the processor against the tensor code, their reference.
#include "geometry/hull/paths.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>
#include <numbers>

#include "geometry/camera_tensors.h"
#include "geometry/rays.h"
#include "geometry/scene.h"

namespace spinfill {
namespace {

const std::vector<double> kAzimuths = {0, 45, 90, 135, 180, 225, 270, 315};
const std::vector<test::Ellipsoid> kBodies = {{{0, 0, -0.02}, {0.5, 0.2, 0.14}, {}},
                                              {{-0.1, 0, 0.1}, {0.25, 0.15, 0.1}, {}}};

// Two sets of the same views whose references are given.
struct Sets {
  References references;
  at::Tensor vehicle_from_camera, intrinsics;  // [2,V,4,4], [2,V,4]
  std::int64_t V, H, W;
};

Sets sets_of(const test::Scene& scene, const std::vector<std::vector<int>>& given) {
  const auto B = static_cast<std::int64_t>(given.size()), V = scene.alpha.size(0);
  at::Tensor is_reference = at::zeros({B, V}, at::kBool);
  for (std::int64_t b = 0; b < B; ++b)
    for (int v : given[b]) is_reference[b][v] = true;
  const auto repeat = [&](const at::Tensor& t) { return at::stack(std::vector<at::Tensor>(B, t)); };
  Sets out{
      {}, repeat(scene.vehicle_from_camera), repeat(scene.intrinsics), V, scene.alpha.size(2), scene.alpha.size(3)};
  out.references = gather_references(repeat(scene.colour), repeat(scene.alpha), at::full({B, 3}, 0.5), is_reference,
                                     out.vehicle_from_camera, out.intrinsics);
  return out;
}

// Seven references and two, the latter padded.
Sets usual(int width = 48, int height = 32) {
  return sets_of(test::trace(kBodies, kAzimuths, width, height), {{0, 1, 2, 4, 5, 6, 7}, {1, 6}});
}

at::Tensor random(at::IntArrayRef sizes, std::uint64_t seed) {
  return at::rand(sizes, at::make_generator<at::CPUGeneratorImpl>(seed));
}

Hull random_hull(std::int64_t B, std::uint64_t seed) {
  Hull hull;
  hull.distance = at::avg_pool3d(random({B, 1, 14, 18, 26}, seed) - 0.52, {3, 3, 3}, {1, 1, 1});
  hull.centre = random({B, 3}, seed + 1) * 0.1;
  hull.half = random({B, 3}, seed + 2) * 0.2 + 0.3;
  hull.plan = at::full({B, 3}, 10.0);
  return hull;
}

// Largest difference; for maps with edges, the share of values that differ by more than 1e-4.
double largest(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return a.numel() == 0 ? 0 : (a - b).abs().max().item<double>();
}
double differing(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return ((a - b).abs() > 1e-4).logical_or(a.isnan() != b.isnan()).to(at::kDouble).mean().item<double>();
}

at::Tensor maps_of(const Surface& s, const Sets& in) {
  const at::Tensor hit = (s.coverage > 0.05).to(at::kFloat).unsqueeze(2);  // an edge's depth is undetermined
  return s.pixels.maps(
      at::cat({s.coverage.unsqueeze(2), s.depth.unsqueeze(2) * hit, s.point * hit, s.normal * hit, s.direction * hit},
              2),
      in.V, in.H, in.W);
}

void expect_same_march(const Hull& hull, const Sets& in, double share) {
  const Surface loops = cpu::march(hull, in.vehicle_from_camera, in.intrinsics, in.H, in.W);
  const Surface tensors = tensor::march(hull, in.vehicle_from_camera, in.intrinsics, in.H, in.W);
  const at::Tensor a = maps_of(loops, in), b = maps_of(tensors, in);
  EXPECT_LE(differing(a, b), share);
  EXPECT_LE(largest(a.narrow(2, 0, 1), b.narrow(2, 0, 1)), share == 0 ? 1e-4 : 1);
}

TEST(Paths, SilhouetteDistanceAgrees) {
  for (const auto& [h, w] : std::vector<std::pair<int, int>>{{1, 1}, {1, 7}, {9, 1}, {32, 48}, {50, 41}}) {
    at::Tensor alpha = random({3, 2, h, w}, 7);
    EXPECT_LE(largest(cpu::silhouette_distance(alpha), tensor::silhouette_distance(alpha)), 1e-4);
    alpha = (alpha > 0.99).to(at::kFloat);
    EXPECT_LE(largest(cpu::silhouette_distance(alpha), tensor::silhouette_distance(alpha)), 1e-4);
  }
}

Cones random_cones(const Sets& in, std::int64_t h, std::int64_t w) {
  const std::int64_t B = in.references.index.size(0), R = in.references.count();
  return {random({B, R, h, w}, 3) - 0.5, random({B, R}, 4) * 0.01,
          projection_matrices(in.references.vehicle_from_camera, in.references.intrinsics, in.H, in.W),
          in.references.valid};
}

TEST(Paths, ConeDistanceAgrees) {
  const Sets in = usual();
  const VoxelGrid grid{at::zeros({2, 3}), at::tensor({0.6, 0.3, 0.25}).to(at::kFloat).expand({2, 3}), 30, 12, 10};
  const Cones cones = random_cones(in, 32, 48);
  EXPECT_LE(largest(cpu::cone_distance(cones, grid), tensor::cone_distance(cones, grid)), 1e-4);
  const Cones tiny = random_cones(in, 1, 1);
  EXPECT_LE(largest(cpu::cone_distance(tiny, grid), tensor::cone_distance(tiny, grid)), 1e-4);
  // A box so large that it holds the cameras and reaches behind them.
  const VoxelGrid large{at::zeros({2, 3}), at::full({2, 3}, 6.0), 24, 8, 8};
  EXPECT_LE(largest(cpu::cone_distance(cones, large), tensor::cone_distance(cones, large)), 1e-4);
}

TEST(Paths, MarchAgrees) {
  const Sets in = usual();
  expect_same_march(carve_hull(in.references, {}), in, 1e-3);
  // A rough body: a ray that misses a bump by a rounding error may go on behind it.
  for (const std::uint64_t seed : {11, 12, 13}) expect_same_march(random_hull(2, seed), in, 5e-3);
  // A finer grid needs more steps.
  HullOptions fine;
  fine.grid = 144;
  expect_same_march(carve_hull(in.references, fine), in, 2e-3);
  Hull empty = random_hull(2, 1);
  empty.distance.fill_(-10);
  expect_same_march(empty, in, 0);
  const Sets pixel = usual(1, 1);
  expect_same_march(carve_hull(pixel.references, {}), pixel, 0);
}

// Rays that graze a thin plate go on to the wall behind it: no line of background runs across the wall.
TEST(Paths, AnEdgeInFrontShowsTheBodyBehindIt) {
  constexpr std::int64_t X = 128, Y = 64, Z = 64;
  Hull hull;
  hull.centre = at::zeros({1, 3});
  hull.half = at::tensor({0.5F, 0.25F, 0.25F}).view({1, 3});
  hull.plan = at::full({1, 3}, 10.0);
  const auto along = [](std::int64_t count, double half) {
    return (at::arange(count, at::kFloat) + 0.5) * (2 * half / static_cast<double>(count)) - half;
  };
  const at::Tensor x = along(X, 0.5).view({1, 1, X}), y = along(Y, 0.25).view({1, Y, 1}),
                   z = along(Z, 0.25).view({Z, 1, 1});
  const auto box = [&](double cx, double hx, double hy, double cz, double hz) {
    return at::minimum(at::minimum(hx - (x - cx).abs(), hy - y.abs()), hz - (z - cz).abs());
  };
  hull.distance = at::maximum(box(-0.2, 0.1, 0.2, 0, 0.2), box(0.3, 0.1, 0.2, 0.031, 0.006)).view({1, 1, Z, Y, X});
  const Camera from = turntable_camera({0, 3, 2.2}, 0, 480, 320);
  CameraTensors cameras(1, 1);
  cameras.put(0, 0, from);
  const auto covered = [&](const Surface& surface) {
    return surface.pixels.maps(surface.coverage.unsqueeze(2), 1, 320, 480)[0][0][0]
        .slice(0, 110, 210)
        .slice(1, 190, 290);
  };
  for (const bool tensors : {false, true}) {
    const auto march = tensors ? tensor::march : cpu::march;
    const at::Tensor coverage = covered(march(hull, cameras.vehicle_from_camera, cameras.intrinsics, 320, 480));
    EXPECT_GE(coverage.min().item<double>(), 0.999) << tensors;
  }
}

TEST(Paths, MarchAgreesWithTheCameraInsideTheBoxOrBehindIt) {
  Sets in = usual();
  Hull hull = random_hull(2, 21);
  hull.half = hull.half * 8;  // the cameras, 3.2 away, stand inside
  expect_same_march(hull, in, 1e-2);
  hull = carve_hull(in.references, {});
  in.vehicle_from_camera = in.vehicle_from_camera.clone();
  in.vehicle_from_camera.narrow(2, 0, 3).select(3, 3).mul_(-1);  // looking away
  expect_same_march(hull, in, 0);
}

TEST(Paths, PlanBoxAgrees) {
  for (const Sets& in : {usual(), usual(96, 64), usual(1, 1)}) {
    HullOptions options;
    options.plan_box = false;
    Hull hull = carve_hull(in.references, options);
    const at::Tensor plan = tensor::fit_plan_box(hull, in.references, 0.01);
    EXPECT_LE(largest(cpu::fit_plan_box(hull, in.references, 0.01), plan),
              2e-3);  // a quantile may step to its neighbour
    const VoxelGrid grid{hull.centre, hull.half, hull.distance.size(4), hull.distance.size(3), hull.distance.size(2)};
    const at::Tensor bounded = tensor::clip_by_plan(hull.distance, plan, grid);
    EXPECT_LE(largest(cpu::clip_by_plan(hull.distance, plan, grid), bounded), 1e-5);
  }
}

void expect_same_warp(const Sets& in) {
  const Hull hull = carve_hull(in.references, {});
  const Surface surface = march(hull, in.vehicle_from_camera, in.intrinsics, in.H, in.W);
  const at::Tensor maps = reference_maps(surface, in.references, in.V, in.H, in.W);
  const at::Tensor given = in.references.valid.view({-1, in.references.count(), 1, 1, 1});
  EXPECT_EQ(largest(maps * given, tensor::reference_maps(surface, in.references, in.V, in.H, in.W) * given), 0);
  EXPECT_EQ(largest(cpu::maps(surface.pixels, surface.point, in.V, in.H, in.W),
                    tensor::maps(surface.pixels, surface.point, in.V, in.H, in.W)),
            0);
  const at::Tensor valid = surface.pixels.valid;
  for (const int way : {0, 1, 2, 3}) {
    const bool mirror = way % 2 == 1;
    WarpOptions options;
    options.bicubic = way >= 2;
    const Warped a = cpu::warp_colour(surface, hull.slack(), in.references, maps, mirror, options);
    const Warped b = tensor::warp_colour(surface, hull.slack(), in.references, maps, mirror, options);
    EXPECT_LE(largest(a.confidence * valid, b.confidence * valid), 1e-4);
    // Where hardly any weight is, the colour is a quotient of rounding errors.
    const at::Tensor sure = valid.logical_and(b.confidence > 1e-4).unsqueeze(2);
    EXPECT_LE(largest(a.colour * sure, b.colour * sure), 2e-4);
  }
}

TEST(Paths, WarpAgrees) {
  expect_same_warp(usual());
  expect_same_warp(usual(1, 1));
  const test::Scene scene = test::trace(kBodies, kAzimuths, 48, 32);
  expect_same_warp(sets_of(scene, {{3}}));
  expect_same_warp(sets_of(scene, {{}, {2}}));
}

TEST(WarpColour, BicubicKeepsStripesBetweenPixels) {
  // The same camera twice, the second's picture half a pixel to the right: its pixels look between the first's.
  test::Scene scene = test::trace({kBodies[0]}, {90, 90}, 64, 48);
  const auto stripes = [](double shift) {  // period 4 px
    const at::Tensor x = at::arange(64, at::kDouble) - shift;
    return (0.5 + 0.4 * (x * (std::numbers::pi / 2)).cos()).to(at::kFloat).view({1, 1, 64}).expand({3, 48, 64});
  };
  scene.colour[0] = scene.alpha[0] * stripes(0) + (1 - scene.alpha[0]) * 0.5;
  scene.intrinsics[1][2] += 0.5;
  const Sets in = sets_of(scene, {{0}});
  const Hull hull = carve_hull(in.references, {});
  const Surface surface = march(hull, in.vehicle_from_camera, in.intrinsics, in.H, in.W);
  const at::Tensor maps = reference_maps(surface, in.references, in.V, in.H, in.W);
  const at::Tensor whole = (scene.alpha[1] > 0.999).to(at::kFloat).unsqueeze(0);
  const at::Tensor inside = (at::avg_pool2d(whole, {7, 7}, {1, 1}, {3, 3})[0] > 0.999).expand({3, 48, 64});
  ASSERT_GT(inside.sum().item<double>(), 300);
  const auto error = [&](bool bicubic) {
    WarpOptions options;
    options.bicubic = bicubic;
    const Warped warped = warp_colour(surface, hull.slack(), in.references, maps, false, options);
    const at::Tensor seen = surface.pixels.maps(warped.colour, in.V, in.H, in.W)[0][1];
    return (seen - stripes(0.5)).masked_select(inside).abs().max().item<double>();
  };
  EXPECT_GT(error(false), 0.07);
  EXPECT_LT(error(true), 0.02);
}

TEST(Paths, NoCameraMakesThemReadOutOfBounds) {
  const Sets good = usual();
  const Hull hull = carve_hull(good.references, {});
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 1e300, -1e30, 0.0}) {
    for (const bool lens : {false, true}) {
      Sets in = usual();
      (lens ? in.intrinsics.select(2, 0) : in.vehicle_from_camera.select(3, 3)).select(1, 2).fill_(value);
      (lens ? in.references.intrinsics.select(2, 0) : in.references.vehicle_from_camera.select(3, 3)).fill_(value);
      const Hull carved = carve_hull(in.references, {});
      const Surface surface = march(hull, in.vehicle_from_camera, in.intrinsics, in.H, in.W);
      const at::Tensor maps = reference_maps(surface, in.references, in.V, in.H, in.W);
      for (const bool bicubic : {false, true}) {
        WarpOptions options;
        options.bicubic = bicubic;
        EXPECT_EQ(warp_colour(surface, carved.slack(), in.references, maps, true, options).confidence.sizes(),
                  surface.coverage.sizes());
      }
    }
  }
  // Padding is never looked at.
  Sets in = usual();
  const at::Tensor padding = good.references.valid.logical_not();
  ASSERT_TRUE(padding.any().item<bool>());
  in.references.vehicle_from_camera.masked_fill_(padding.unsqueeze(2).unsqueeze(3),
                                                 std::numeric_limits<double>::quiet_NaN());
  in.references.intrinsics.masked_fill_(padding.unsqueeze(2), std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(at::equal(carve_hull(in.references, {}).distance, hull.distance));
}

TEST(Paths, DoNotDependOnTheNumberOfThreads) {
  const Sets in = usual();
  const int before = at::get_num_threads();
  std::vector<at::Tensor> results;
  for (const int threads : {1, 3}) {
    at::set_num_threads(threads);
    const Hull hull = carve_hull(in.references, {});
    const Surface surface = march(hull, in.vehicle_from_camera, in.intrinsics, in.H, in.W);
    const at::Tensor maps = reference_maps(surface, in.references, in.V, in.H, in.W);
    results.push_back(warp_colour(surface, hull.slack(), in.references, maps, false, {}).colour);
  }
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(results[0], results[1]));
}

}  // namespace
}  // namespace spinfill
