// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <Eigen/Geometry>

#include "data/scenes/chosen_views.h"
#include "data/scenes/placement.h"
#include "data/scenes/silhouette_body.h"
#include "geometry/angles.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;

// Some other world.
struct World {
  Eigen::Matrix3d turn = Eigen::AngleAxisd(1.1, Eigen::Vector3d(1, -2, 0.5).normalized()).toRotationMatrix();
  Eigen::Vector3d origin{30, -7, 12};
  double unit = 4.3;
  Eigen::Matrix4d of(const Eigen::Matrix4d& pose) const {
    Eigen::Matrix4d out = Eigen::Matrix4d::Identity();
    out.topLeftCorner<3, 3>() = turn * pose.topLeftCorner<3, 3>();
    out.topRightCorner<3, 1>() = turn * pose.topRightCorner<3, 1>() * unit + origin;
    return out;
  }
};

SceneView view_at(const World& world, double azimuth_deg, double elevation_deg, double roll_deg = 0) {
  SceneView view;
  view.lens = turntable_camera({elevation_deg, 3.2, 2}, azimuth_deg, 60, 40);
  Framing roll;
  roll.roll = roll_deg * kDegree;
  view.world_from_camera = world.of(reframed(view.lens, roll).vehicle_from_camera);
  return view;
}

std::vector<SceneView> ring(const World& world, double roll_deg = 0) {
  std::vector<SceneView> views;
  for (int i = 0; i < 12; ++i)
    views.push_back(view_at(world, 30 * i + 10, 8 + 5 * (i % 3), i % 2 == 0 ? roll_deg : -roll_deg));
  return views;
}

TEST(Placement, CamerasTellTheVerticalOfAnyWorld) {
  const World world;
  const Eigen::Vector3d up = world.turn.col(2);
  EXPECT_LT((scene_up(ring(world), SceneUp::automatic) - up).norm(), 1e-9);
  EXPECT_LT((scene_up(ring(world, 3), SceneUp::automatic) - up).norm(), 0.03);
  // Half a walk is enough.
  std::vector<SceneView> half = ring(world);
  half.resize(6);
  EXPECT_LT((scene_up(half, SceneUp::automatic) - up).norm(), 1e-9);
  EXPECT_EQ(scene_up(ring(world), SceneUp::minus_y), Eigen::Vector3d(0, -1, 0));
}

TEST(Placement, PicturesOnTheirSideTellItByTheirPlane) {
  const World world;
  std::vector<SceneView> views;
  for (int i = 0; i < 12; ++i) views.push_back(view_at(world, 30 * i, 12, i % 3 == 0 ? 90 : 0));
  EXPECT_LT((scene_up(views, SceneUp::automatic) - world.turn.col(2)).norm(), 1e-6);
}

TEST(Placement, WhatTellsNoVerticalIsRefused) {
  const std::vector<SceneView> one_side(5, view_at(World(), 20, 8));
  expect_error(ExitCode::runtime, {"--up"}, [&] { scene_up(one_side, SceneUp::automatic); });
}

TEST(Placement, StandsUprightAboutWhatAllLookAt) {
  const World world;
  std::vector<SceneView> views = ring(world);
  views.insert(views.begin() + 3, view_at(world, 77, 8));
  // Somebody photographed the neighbour's car.
  views[3].world_from_camera.topLeftCorner<3, 3>() *=
      Eigen::AngleAxisd(2.5, Eigen::Vector3d::UnitY()).toRotationMatrix();
  std::vector<bool> strays;
  const Placement placed = place_upright(views, world.turn.col(2), strays);
  EXPECT_EQ(std::ranges::count(strays, true), 1);
  EXPECT_TRUE(strays[3]);
  EXPECT_LT((placed.centre - world.origin).norm(), 1e-9);
  EXPECT_NEAR(placed.length, 3.2 * world.unit, 1e-9);
  Camera camera;
  camera.vehicle_from_camera = placed.place(views[0].world_from_camera);
  EXPECT_NEAR(apart_deg(viewing_direction(camera).azimuth_deg, 0), 0, 1e-9);
  camera.vehicle_from_camera = placed.turned(-10).place(views[2].world_from_camera);
  EXPECT_NEAR(viewing_direction(camera).azimuth_deg, 70, 1e-9);
  EXPECT_NEAR(viewing_direction(camera).elevation_deg, 18, 1e-9);
}

TEST(Placement, CamerasThatLookPastEachOtherAreRefused) {
  std::vector<SceneView> views;
  for (int i = 0; i < 4; ++i) {
    views.push_back(view_at(World(), 0, 0));
    views.back().world_from_camera.topRightCorner<3, 1>() += Eigen::Vector3d(i, 0, 0);
  }
  std::vector<bool> strays;
  expect_error(ExitCode::runtime, {"do not stand round one vehicle"},
               [&] { place_upright(views, Eigen::Vector3d::UnitZ(), strays); });
}

// The tiny vehicle, an ellipsoid, as its cameras see it, turned by some degrees.
std::vector<SeenBody> seen_ellipsoid(double turned_deg, int views) {
  std::vector<SeenBody> seen;
  for (int i = 0; i < views; ++i) {
    Camera camera = turntable_camera({10, 3.2, 2.4}, 360.0 * i / views + 3, 240, 160);
    const cv::Mat rgba = test::render_tiny_vehicle(camera, 1);
    at::Tensor alpha = at::empty({rgba.rows, rgba.cols}, at::kFloat);
    for (int y = 0; y < rgba.rows; ++y)
      for (int x = 0; x < rgba.cols; ++x) alpha[y][x] = rgba.at<cv::Vec4b>(y, x)[3] / 255.0F;
    Placement turn;
    camera = turn.turned(-turned_deg).place(camera);
    seen.push_back({camera, Silhouette(alpha)});
  }
  return seen;
}

TEST(SilhouetteBodies, HaveTheVehiclesBox) {
  const SilhouetteBody body = silhouette_body(seen_ellipsoid(0, 12), 1);
  EXPECT_NEAR(body.low.x(), -0.5, 0.02);
  EXPECT_NEAR(body.high.x(), 0.5, 0.02);
  EXPECT_NEAR(body.low.y(), -0.22, 0.025);
  EXPECT_NEAR(body.high.y(), 0.22, 0.025);
  EXPECT_NEAR((body.low.z() + body.high.z()) / 2, 0, 0.03);
  const Placement boxed = Placement().boxed(body.low, body.high);
  EXPECT_NEAR(boxed.length, 1, 0.03);
  EXPECT_NEAR(boxed.centre.norm(), 0, 0.03);
}

TEST(SilhouetteBodies, OfManyMasksOneMayBeWrong) {
  std::vector<SeenBody> seen = seen_ellipsoid(0, 12);
  const Camera& camera = seen[2].camera;
  at::Tensor speck = at::zeros({camera.height, camera.width});
  speck.slice(0, 0, 8).slice(1, 0, 8).fill_(1);
  seen[2].silhouette = Silhouette(speck);
  EXPECT_NEAR(silhouette_body(seen, 1).high.x(), 0.5, 0.03);
  seen.erase(seen.begin() + 6, seen.end());
  expect_error(ExitCode::runtime, {"masks contradict each other"}, [&] { silhouette_body(seen, 1); });
}

TEST(SilhouetteBodies, HeadWhereTheyAreSymmetric) {
  for (const double truth : {0.0, 7.0, 113.0}) {
    const SilhouetteBody body = silhouette_body(seen_ellipsoid(truth, 12), 1);
    const Heading heading = symmetric_heading(body, truth + 11, 20);
    EXPECT_LT(apart_deg(heading.azimuth_deg, truth), 1.0);
    EXPECT_GT(heading.gain, 0.02);
  }
}

TEST(ChosenViews, StandNearestToThePrimaryOnes) {
  std::vector<ViewCandidate> candidates;
  for (int i = 0; i < 36; ++i) candidates.push_back({{10.0 * i + 1, 9}, 0});
  for (int i = 0; i < 36; ++i) candidates.push_back({{10.0 * i, 55}, 0});  // a ring from above
  candidates[14].penalty_deg = 30;                                         // 141 degrees
  const auto chosen = choose_slots(candidates);
  const std::vector<std::size_t> expected = {0, 4, 9, 13, 18, 22, 27, 31};
  for (std::size_t slot = 0; slot < kSlots; ++slot) EXPECT_EQ(chosen[slot], expected[slot]) << slot;
}

TEST(ChosenViews, ASlotWithoutCandidatesStaysEmpty) {
  const auto chosen = choose_slots({{{2, 8}, 0}, {{91, 8}, 0}, {{180, 8}, std::numeric_limits<double>::infinity()}});
  EXPECT_EQ(chosen[0], 0U);
  EXPECT_EQ(chosen[2], 1U);
  for (const std::size_t slot : {1U, 3U, 4U, 5U, 6U, 7U}) EXPECT_FALSE(chosen[slot]);
}

TEST(ChosenViews, ManyAreLookedAtAllAround) {
  std::vector<Direction> directions;
  for (int i = 0; i < 300; ++i) directions.push_back({wrapped_deg(i * 1.2), i % 2 == 0 ? 10.0 : 11.0});
  const auto chosen = spread_views(directions, 24);
  ASSERT_EQ(chosen.size(), 24U);
  for (std::size_t i = 1; i < chosen.size(); ++i)
    EXPECT_LT(apart_deg(directions[chosen[i]].azimuth_deg, directions[chosen[i - 1]].azimuth_deg), 31);
  directions.resize(5);
  EXPECT_EQ(spread_views(directions, 24).size(), 5U);
}

}  // namespace
}  // namespace spinfill
