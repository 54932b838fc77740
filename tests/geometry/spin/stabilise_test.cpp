// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "geometry/angles.h"
#include "geometry/scene.h"
#include "geometry/spin/cameras.h"
#include "geometry/spin/stabilise.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::disc;

TEST(SpinCameras, TheOriginLiesWhereTheAxisIsSeen) {
  SpinCameras spin;
  spin.elevation = 8 * kDegree;
  spin.closeness = 0.3;
  spin.scale = 0.8;
  spin.axis_u = 0.47;
  spin.axis_v = 0.36;
  ViewCorrection view;
  view.shift_x = 0.02;
  view.log_scale = 0.1;
  view.azimuth = 3 * kDegree;
  const Camera camera = spin.camera(45, view, 300, 200);
  const Eigen::Vector2d origin = project(camera, Eigen::Vector3d::Zero());
  EXPECT_NEAR(origin.x(), 0.49 * 300, 1e-9);
  EXPECT_NEAR(origin.y(), 0.36 * 300, 1e-9);
  EXPECT_NEAR(viewing_direction(camera).azimuth_deg, 48, 1e-9);
  EXPECT_NEAR(viewing_direction(camera).elevation_deg, 8, 1e-9);
  // Scale at the axis: a unit across the line of sight.
  const Eigen::Vector3d right = camera.vehicle_from_camera.block<3, 1>(0, 0);
  EXPECT_NEAR((project(camera, right * 0.01) - origin).norm() / 0.01, 0.8 * std::exp(0.1) * 300, 1e-6);
}

TEST(SpinCameras, RollTurnsThePictureCounterClockwise) {
  ViewCorrection view;
  view.roll = 10 * kDegree;
  SpinCameras spin;
  spin.scale = 0.5;
  const Camera level = spin.camera(90, {}, 100, 100), rolled = spin.camera(90, view, 100, 100);
  const Eigen::Vector3d point(-0.2, 0, 0);
  const Eigen::Vector2d a = project(level, point), b = project(rolled, point);
  EXPECT_NEAR(std::atan2(-b.y(), b.x()) - std::atan2(-a.y(), a.x()), 10 * kDegree, 1e-9);
}

TEST(SpinCameras, DepartedUndoesItselfAndTurnsAsItSays) {
  const Camera camera = turntable_camera({}, 135, 300, 200);
  ViewCorrection by;
  by.azimuth = 4 * kDegree;
  by.elevation = -3 * kDegree;
  by.log_scale = 0.05;
  by.roll = 1 * kDegree;
  by.shift_y = 0.01;
  const Camera moved = departed(camera, by);
  EXPECT_NEAR(viewing_direction(moved).azimuth_deg, 139, 1e-9);
  EXPECT_NEAR(viewing_direction(moved).elevation_deg, Turntable{}.elevation_deg - 3, 1e-9);
  EXPECT_NEAR(moved.fl_x / camera.fl_x, std::exp(0.05), 1e-12);
  EXPECT_NEAR(moved.cy - camera.cy, 3, 1e-9);
}

TEST(PredictCorrection, FollowsAWaveAndThreeQuarterLabels) {
  std::vector<ViewCorrection> seen;
  std::vector<double> azimuths;
  const auto truth = [](double azimuth_deg) {
    ViewCorrection c;
    c.elevation = 0.07 * std::cos((azimuth_deg - 240) * kDegree);
    c.azimuth = -0.09 * std::sin(2 * azimuth_deg * kDegree);
    return c;
  };
  for (int i = 0; i < 8; ++i) {
    if (i == 5) continue;
    azimuths.push_back(45.0 * i);
    seen.push_back(truth(45.0 * i));
  }
  const ViewCorrection predicted = predict_correction(seen, azimuths, 225), expected = truth(225);
  EXPECT_NEAR(predicted.elevation, expected.elevation, 0.25 * std::abs(expected.elevation));
  EXPECT_NEAR(predicted.azimuth, expected.azimuth, 0.25 * std::abs(expected.azimuth));
  // Primary views along and across the vehicle are not what such labels are wrong about.
  EXPECT_NEAR(predict_correction(seen, azimuths, 90).azimuth, 0, 0.003);
  EXPECT_EQ(predict_correction({}, {}, 90).roll, 0);
}

// Pictures framed by the vehicle's box: perspective moves it to one side in three-quarter views, and ends are nearer
// than sides. A hidden view is framed as its mirror view is; where nothing is symmetric, the wave stays.
TEST(PredictCorrection, FramesAHiddenViewAsTheOtherSide) {
  std::vector<ViewCorrection> all;
  std::vector<double> azimuths;
  for (int i = 0; i < 8; ++i) {
    const double a = 45 * i * kDegree;
    ViewCorrection& c = all.emplace_back();
    c.shift_x = 0.08 * std::sin(2 * a) + 0.02 * std::sin(a);
    c.shift_y = -0.015 * std::cos(2 * a);
    c.log_scale = -0.06 * std::cos(2 * a) + 0.01 * std::cos(3 * a);
    azimuths.push_back(45.0 * i);
  }
  for (std::size_t hidden = 0; hidden < 8; ++hidden) {
    std::vector<ViewCorrection> seen = all;
    std::vector<double> places = azimuths;
    seen.erase(seen.begin() + static_cast<std::ptrdiff_t>(hidden));
    places.erase(places.begin() + static_cast<std::ptrdiff_t>(hidden));
    const ViewCorrection predicted = predict_correction(seen, places, azimuths[hidden]);
    EXPECT_NEAR(predicted.shift_x, all[hidden].shift_x, 0.025) << azimuths[hidden];
    EXPECT_NEAR(predicted.shift_y, all[hidden].shift_y, 0.006) << azimuths[hidden];
    EXPECT_NEAR(predicted.log_scale, all[hidden].log_scale, 0.045) << azimuths[hidden];
  }
  // A camera that moves to one side with the turn.
  for (std::size_t i = 0; i < 8; ++i) {
    all[i] = {};
    all[i].shift_x = 0.05 * std::cos(azimuths[i] * kDegree);
  }
  const double expected = all[3].shift_x;
  all.erase(all.begin() + 3);
  azimuths.erase(azimuths.begin() + 3);
  EXPECT_NEAR(predict_correction(all, azimuths, 135).shift_x, expected, 0.3 * std::abs(expected));
}

// Photographs taken by hand: where the other side was photographed from, errors of that camera are the same here.
TEST(Stabilise, AHiddenViewHasTheMirrorViewsCamera) {
  Stabilisation spin;
  spin.hand_held = true;
  spin.width = 300;
  spin.height = 200;
  spin.turntable.elevation = 6 * kDegree;
  spin.turntable.axis_u = 0.5;
  spin.turntable.axis_v = 0.33;
  spin.turntable.scale = 0.8;
  for (const double azimuth : {0.0, 90.0, 135.0, 180.0, 225.0, 270.0, 318.0}) {
    StabilisedView& view = spin.views.emplace_back();
    view.correction.elevation = (azimuth == 318 ? -4 : 1) * kDegree;
    view.correction.azimuth = (azimuth == 318 ? 5 : 0) * kDegree;
    view.correction.shift_x = azimuth == 318 ? 0.07 : 0;
    spin.stated_azimuths_deg.push_back(azimuth);
    spin.finish(view, azimuth);
  }
  const auto expect_near = [&](const Camera& got, const Camera& expected) {
    EXPECT_LT((got.vehicle_from_camera - expected.vehicle_from_camera).cwiseAbs().maxCoeff(), 1e-9);
    EXPECT_NEAR(got.cx, expected.cx, 1e-9);
    EXPECT_NEAR(got.fl_x, expected.fl_x, 1e-9);
  };
  const StabilisedView twin = spin.predict(42), turned = spin.predict(45);
  expect_near(twin.camera, mirrored(spin.views.back().camera));
  EXPECT_NEAR(twin.azimuth_deg, 37, 1e-9);
  EXPECT_NEAR(twin.elevation_deg, 2, 1e-9);
  EXPECT_NEAR(viewing_direction(turned.camera).azimuth_deg, 40, 1e-6);
  EXPECT_NEAR(turned.azimuth_deg, 40, 1e-9);
  // Not from a turntable, not from 16° off, not from a silhouette that contradicts the others, and never from itself.
  EXPECT_GT(spin.predict(58.5).elevation_deg, 4);
  EXPECT_GT(spin.predict(4).elevation_deg, 5);
  spin.views.back().trusted = false;
  EXPECT_GT(spin.predict(42).elevation_deg, 5);
  spin.views.back().trusted = true;
  spin.hand_held = false;
  EXPECT_GT(spin.predict(42).elevation_deg, 3);
}

TEST(Stabilise, RefusesWhatItCannotUse) {
  test::expect_error(ExitCode::runtime, {"no picture"}, [] { stabilise({}); });
  test::expect_error(ExitCode::runtime, {"unlike sizes"}, [] {
    stabilise({{disc(40, 60, 30, 20, 10), 0}, {disc(40, 61, 30, 20, 10), 90}});
  });
}

// A ball's silhouettes say nothing of azimuths: they must stay where they were stated, and the note must say it.
TEST(Stabilise, FewViewsSayHowLittleIsKnown) {
  const Stabilisation result = stabilise({{disc(80, 120, 60, 40, 25), 0}, {disc(80, 120, 60, 40, 25), 90}});
  ASSERT_EQ(result.views.size(), 2U);
  EXPECT_NEAR(std::remainder(result.views[0].azimuth_deg, 360.0), 0, 1.5);
  EXPECT_NEAR(result.views[1].azimuth_deg, 90, 1.5);
  EXPECT_LT(result.determined.azimuth, 0.5);
  ASSERT_FALSE(result.notes.empty());
  EXPECT_NE(result.notes.back().find("2 views determine little"), std::string::npos) << result.notes.back();
}

// Fronts and backs leave the hull without ends: its reach is not the vehicle's length.
TEST(Stabilise, AnEndAloneIsTakenForAUsualVehicles) {
  const auto says_so = [](const Stabilisation& result) {
    return std::ranges::any_of(result.notes, [](const std::string& note) { return note.find("usual") < note.size(); });
  };
  const at::Tensor alpha = disc(80, 120, 60, 40, 25);
  for (const double azimuth : {0.0, 180.0}) {
    const Stabilisation end = stabilise({{alpha, azimuth}});
    EXPECT_TRUE(says_so(end));
    EXPECT_EQ(end.length, 1);
    EXPECT_EQ(end.origin.x(), 0);
    // 50 px are a usual vehicle's width, .42 of its length.
    EXPECT_NEAR(end.views[0].camera.fl_x / end.distance, 50 / 0.42, 15);
  }
  const Stabilisation both = stabilise({{alpha, 0}, {alpha, 90}});
  EXPECT_FALSE(says_so(both));
  EXPECT_NE(both.length, 1);
}

// Boxes that have nothing to do with each other, from a dot to the whole picture, at any azimuths: a result of finite
// numbers or one line, never a crash.
TEST(Stabilise, StrangeMasksAreSurvived) {
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    Random random(seed, 0, Stream::test);
    std::vector<SpinPicture> pictures;
    const auto views = 1 + static_cast<int>(5 * random.uniform());
    for (int i = 0; i < views; ++i) {
      at::Tensor alpha = at::zeros({24, 36});
      const auto x = static_cast<std::int64_t>(36 * random.uniform()),
                 y = static_cast<std::int64_t>(24 * random.uniform());
      const auto w = 1 + static_cast<std::int64_t>((36.0 - static_cast<double>(x)) * random.uniform() * 0.999),
                 h = 1 + static_cast<std::int64_t>((24.0 - static_cast<double>(y)) * random.uniform() * 0.999);
      alpha.narrow(0, y, h).narrow(1, x, w).fill_(1);
      pictures.push_back({alpha, 360 * random.uniform()});
    }
    try {
      const Stabilisation result = stabilise(pictures);
      for (const StabilisedView& view : result.views) {
        EXPECT_TRUE(view.camera.vehicle_from_camera.allFinite()) << seed;
        EXPECT_TRUE(std::isfinite(view.camera.fl_x) && view.camera.fl_x > 0) << seed;
      }
      EXPECT_TRUE(result.predict(17).camera.vehicle_from_camera.allFinite()) << seed;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace spinfill
