// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/visual_hull.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "geometry/hull/ray_march.h"
#include "geometry/scene.h"

namespace spinfill {
namespace {

const std::vector<double> kAzimuths = {0, 45, 90, 135, 180, 225, 270, 315};

References references_of(const test::Scene& scene, const at::Tensor& given) {
  return gather_references(scene.colour.unsqueeze(0), scene.alpha.unsqueeze(0), at::full({1, 3}, 0.5),
                           given.unsqueeze(0), scene.vehicle_from_camera.unsqueeze(0), scene.intrinsics.unsqueeze(0));
}

TEST(VisualHull, CoversAConvexBodyInHeldOutViews) {
  const test::Scene scene = test::trace({{{0, 0, 0}, {0.5, 0.21, 0.18}, {}}}, kAzimuths, 96, 64);
  for (int missing = 0; missing < 8; ++missing) {
    at::Tensor given = at::ones({8}, at::kBool);
    given[missing] = false;
    const Hull hull = carve_hull(references_of(scene, given), {});
    const Surface surface = march(hull, scene.vehicle_from_camera.unsqueeze(0), scene.intrinsics.unsqueeze(0), 64, 96);
    const at::Tensor mask = surface.pixels.scatter(surface.coverage.unsqueeze(2)).view({8, 1, 64, 96});
    const at::Tensor a = scene.alpha[missing], b = mask[missing];
    const double iou = (at::minimum(a, b).sum() / at::maximum(a, b).sum()).item<double>();
    EXPECT_GE(iou, missing % 4 == 0 ? 0.93 : 0.97) << missing * 45;
  }
}

TEST(VisualHull, PlanBoxCutsBulgingFlanks) {
  // Without the front view only the rear view's cone bounds the flanks.
  const test::Scene scene = test::trace({{{0, 0, 0}, {0.5, 0.2, 0.18}, {}}}, kAzimuths, 96, 64);
  at::Tensor given = at::ones({8}, at::kBool);
  given[0] = false;
  HullOptions options;
  options.plan_box = false;
  const double open = (carve_hull(references_of(scene, given), options).distance > 0).sum().item<double>();
  const Hull bounded = carve_hull(references_of(scene, given), {});
  EXPECT_LT((bounded.distance > 0).sum().item<double>(), open);
  EXPECT_NEAR(bounded.plan[0][2].item<double>(), 0.2, 0.04);
}

// A long body with an even section and a narrower cabin, photographed from near by, from all sides but the back: the
// front's section cuts the bulge that its cone leaves behind, and nothing that the other pictures show.
TEST(VisualHull, TheShownEndsSectionBoundsTheFlanks) {
  std::vector<test::Ellipsoid> body = {{{0.05, 0, 0.08}, {0.12, 0.12, 0.1}, {}},
                                       {{-0.12, 0, 0.08}, {0.12, 0.12, 0.1}, {}}};
  for (const double x : {-0.38, -0.2, 0.0, 0.2, 0.38}) body.push_back({{x, 0, -0.06}, {0.12, 0.2, 0.09}, {}});
  const test::Scene scene = test::trace(body, kAzimuths, 96, 64, 0.5, {4, 1.8, 1.5});
  at::Tensor given = at::ones({8}, at::kBool);
  given[4] = false;  // the back
  HullOptions options;
  options.sections = true;
  const References references = references_of(scene, given);
  const auto agreement = [&](const Hull& hull) {  // of the silhouettes, [V]
    const at::Tensor pose = scene.vehicle_from_camera.unsqueeze(0), lens = scene.intrinsics.unsqueeze(0);
    const Surface surface = march(hull, pose, lens, 64, 96);
    const at::Tensor coverage = surface.pixels.maps(surface.coverage.unsqueeze(2), 8, 64, 96)[0] > 0.5,
                     truth = scene.alpha > 0.5;
    return coverage.logical_and(truth).sum({1, 2, 3}).to(at::kDouble) / coverage.logical_or(truth).sum({1, 2, 3});
  };
  const at::Tensor plan_box = agreement(carve_hull(references, {})),
                   sections = agreement(carve_hull(references, options));
  EXPECT_GT(sections[4].item<double>(), plan_box[4].item<double>() + 0.03);
  for (const int v : {0, 1, 2, 3, 5, 6, 7}) EXPECT_GT(sections[v].item<double>(), 0.975) << v;
  // With both ends shown there is nothing to bound, and without any picture nothing to read.
  EXPECT_GT(agreement(carve_hull(references_of(scene, at::ones({8}, at::kBool)), options)).min().item<double>(), 0.975);
  EXPECT_LT(carve_hull(references_of(scene, at::zeros({8}, at::kBool)), options).distance.max().item<double>(), 0);
}

TEST(VisualHull, DropsTargetsEvenIfTheyAreNaN) {
  const test::Scene scene = test::trace({{{0, 0, 0}, {0.5, 0.2, 0.18}, {}}}, kAzimuths, 48, 32);
  at::Tensor given = at::ones({8}, at::kBool);
  given[3] = false;
  const Hull before = carve_hull(references_of(scene, given), {});
  test::Scene spoiled = scene;
  spoiled.colour = scene.colour.clone();
  spoiled.alpha = scene.alpha.clone();
  spoiled.colour[3].fill_(std::numeric_limits<float>::quiet_NaN());
  spoiled.alpha[3].fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(at::equal(before.distance, carve_hull(references_of(spoiled, given), {}).distance));
}

TEST(VisualHull, IsEmptyWithoutReferences) {
  const test::Scene scene = test::trace({{{0, 0, 0}, {0.5, 0.2, 0.18}, {}}}, kAzimuths, 48, 32);
  const Hull hull = carve_hull(references_of(scene, at::zeros({8}, at::kBool)), {});
  EXPECT_LT(hull.distance.max().item<double>(), 0);
}

}  // namespace
}  // namespace spinfill
