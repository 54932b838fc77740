// SPDX-License-Identifier: Apache-2.0
#include "infer/asked_views.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "infer/runner.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;

// A set with these views and stated cameras.
ViewCameras chosen_with(const fs::path& folder, const std::vector<int>& slots) {
  return {test::write_tiny_set(folder, {.slots = slots}), CameraSource::stated, {}};
}
std::vector<double> azimuths(const AskedViews& asked) {
  std::vector<double> out;
  for (const Frame& frame : asked.frames) out.push_back(frame.azimuth_deg);
  return out;
}

TEST(ViewRequest, ReadsAzimuthsAndCounts) {
  EXPECT_TRUE(parse_view_request({}, {}).primary());
  EXPECT_EQ(parse_view_request("40,180.5,360", {}).azimuths_deg, (std::vector<double>{40, 180.5, 0}));
  for (const int views : {24, 36, 72}) EXPECT_EQ(parse_view_request({}, std::to_string(views)).views, views);
}

TEST(ViewRequest, RefusesWhatCannotBeMeant) {
  for (const char* text : {"nan", "400", "-1", "", "40,", ",40", "forty", "40 180", "4e1x", "inf"})
    expect_error(ExitCode::usage, {"--azimuths", "0 to 360"}, [&] { parse_view_request(text, {}); });
  for (const char* text : {"40,40", "0,360", "10,20,10.05", "359.95,0"})
    expect_error(ExitCode::usage, {"--azimuths", "same view"}, [&] { parse_view_request(text, {}); });
  for (const char* text : {"7", "", "24.0", "-24", "nan"})
    expect_error(ExitCode::usage, {"--views", "24, 36, 72"}, [&] { parse_view_request({}, text); });
  expect_error(ExitCode::usage, {"--azimuths", "--views", "together"}, [] { parse_view_request("40", "24"); });
}

TEST(AskedViews, AreThePrimaryOnesThatAreMissingAndWhatIsListed) {
  const test::TemporaryFolder folder;
  const ViewCameras chosen = chosen_with(folder / "a", {0, 2, 4, 6});
  EXPECT_EQ(azimuths(asked_views(chosen, {}, {}, {}, nullptr)), (std::vector<double>{45, 135, 225, 315}));
  Frame listed;
  std::vector<Frame> frames;
  for (const double azimuth : {40.0, 50.0, 95.0}) {
    listed.azimuth_deg = azimuth;
    listed.camera = turntable_camera({20, 5, 3}, azimuth, 48, 32);
    frames.push_back(listed);
  }
  const AskedViews asked = asked_views(chosen, frames, {}, {}, nullptr);
  EXPECT_EQ(azimuths(asked), (std::vector<double>{40, 50, 95, 135, 225, 315}));
  EXPECT_NEAR(viewing_direction(*asked.frames[0].camera).elevation_deg, 20, 1e-6) << "its own camera";
  frames[2].azimuth_deg = 90.5;
  expect_error(ExitCode::runtime, {"090.png", "90.5", "missing_frames"},
               [&] { asked_views(chosen, frames, {}, {}, nullptr); });
}

TEST(AskedViews, StandBesideNoPicture) {
  const test::TemporaryFolder folder;
  ViewCameras chosen = chosen_with(folder / "a", {0, 2, 4, 6});
  const auto ask = [&](double azimuth) { return asked_views(chosen, {}, {{azimuth}, 0}, {}, nullptr); };
  EXPECT_EQ(azimuths(ask(91.5)), (std::vector<double>{91.5}));
  for (const double azimuth : {90.0, 90.9, 359.2})
    expect_error(ExitCode::usage, {"--azimuths", "within a degree", ".png"}, [&] { ask(azimuth); });
  chosen.set.frames[1].azimuth_deg = 93;  // as estimated
  chosen.set.frames[1].stated_azimuth_deg = 90;
  for (const double azimuth : {90.0, 93.0}) expect_error(ExitCode::usage, {"090.png"}, [&] { ask(azimuth); });
  Frame further = chosen.set.frames[0];
  further.azimuth_deg = 14;
  further.file_path = "further.png";
  chosen.set.further = {further};
  expect_error(ExitCode::usage, {"further.png"}, [&] { ask(14.5); });
  EXPECT_EQ(asked_views(chosen, {}, {{}, 24}, {}, nullptr).frames.size(), 19U) << "24 less 0, 15, 90, 180 and 270";
}

TEST(AskedViews, OfATurntableLieEvenlyAndBeginWithAnchors) {
  const test::TemporaryFolder folder;
  const ViewCameras chosen = chosen_with(folder / "a", {0, 2, 4, 6});
  for (const int views : {24, 36, 72}) {
    const AskedViews asked = asked_views(chosen, {}, {{}, views}, {}, nullptr);
    EXPECT_EQ(asked.frames.size(), static_cast<std::size_t>(views - 4)) << "four are photographs";
    ASSERT_EQ(asked.anchors, 4U);
    std::set<int> slots;
    for (std::size_t i = 0; i < 4; ++i) {
      slots.insert(asked.frames[i].slot());
      EXPECT_LE(apart_deg(asked.frames[i].azimuth_deg, azimuth_of(asked.frames[i].slot())), 5);
    }
    EXPECT_EQ(slots, (std::set<int>{1, 3, 5, 7}));
    std::vector<double> all = azimuths(asked);
    for (const double given : {0.0, 90.0, 180.0, 270.0}) all.push_back(given);
    std::ranges::sort(all);
    for (int i = 0; i < views; ++i) EXPECT_NEAR(all[static_cast<std::size_t>(i)], 360.0 * i / views, 1e-9);
    for (const Frame& frame : asked.frames)
      EXPECT_NEAR(viewing_direction(*frame.camera).azimuth_deg, frame.azimuth_deg, 1e-6);
  }
  const AskedViews behind = asked_views(chosen_with(folder / "c", {0, 2, 6}), {}, {{}, 24}, {}, nullptr);
  ASSERT_EQ(behind.anchors, 5U);
  EXPECT_EQ(behind.frames[4].azimuth_deg, 180) << "after those beside photographs";
  ViewCameras off = chosen_with(folder / "b", {0, 2});
  off.set.frames[1].azimuth_deg = 93;  // within a quarter of 15°, but not of 5°
  EXPECT_EQ(asked_views(off, {}, {{}, 24}, {}, nullptr).frames.size(), 22U);
  EXPECT_EQ(asked_views(off, {}, {{}, 72}, {}, nullptr).frames.size(), 71U);
}

// A view of a canonical spin is seen from where it would have been photographed, and lies on the turntable.
TEST(AskedViews, KeepTheirPlaceOnACanonicalSpin) {
  const test::TemporaryFolder folder;
  ViewCameras chosen = chosen_with(folder / "a", {0, 2, 3, 4});
  for (Frame& frame : chosen.set.frames) frame.camera = turntable_camera({5, 3, 2.5}, frame.azimuth_deg, 48, 32);
  const CanonicalSpin canonical{{17, 4, 3}, 24, 18, 48, 32};
  const AskedViews asked = asked_views(chosen, {}, {}, {}, &canonical);
  ASSERT_EQ(azimuths(asked), (std::vector<double>{45, 225, 270, 315}));
  for (const Frame& frame : asked.frames) {
    const Camera& camera = *frame.camera;
    EXPECT_NEAR(viewing_direction(camera).elevation_deg, 5, 1e-6);
    EXPECT_NEAR(camera.vehicle_from_camera.block(0, 3, 3, 1).norm(), 3, 1e-6);
    EXPECT_NEAR(ground_line(camera, canonical.ground_z),
                ground_line(canonical.camera(frame.azimuth_deg), canonical.ground_z), 1e-6);
    EXPECT_NEAR(project(camera, Eigen::Vector3d::Zero()).x(), 24, 1e-6);
  }
  const AskedViews between = asked_views(chosen, {}, {{200}, 0}, {}, &canonical);
  EXPECT_NEAR(viewing_direction(*between.frames[0].camera).elevation_deg, 17, 1e-6);
}

TEST(Passes, AreOfDifferentSlotsAndLoseNone) {
  std::vector<Frame> frames;
  for (const double azimuth : {45.0, 225.0, 40.0, 50.0, 60.0, 180.0, 230.0})
    frames.emplace_back().azimuth_deg = azimuth;
  const auto passes = passes_of(frames, 2);
  EXPECT_EQ(passes, (std::vector<std::vector<std::size_t>>{{0, 1}, {2, 5, 6}, {3}, {4}}));
  EXPECT_TRUE(passes_of({}, 0).empty());
  EXPECT_EQ(passes_of(frames, 0).front(), (std::vector<std::size_t>{0, 1, 5}));
}

}  // namespace
}  // namespace spinfill
