// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include <opencv2/core.hpp>

#include "core/files/files.h"
#include "core/files/output_folder.h"
#include "core/files/sha256.h"
#include "data/sets/categories.h"
#include "data/sets/view_set.h"
#include "data/sets/view_set_reader.h"
#include "geometry/camera.h"
#include "support/support.h"
#include "synth/synth.h"
#include "synth/vehicles/fitting_surface.h"
#include "synth/vehicles/photo_face.h"
#include "synth/vehicles/vehicle.h"

namespace spinfill {
namespace {

using synth::Vec3;

synth::VehicleDesign design_of(const std::string& category, std::uint64_t index, bool photo) {
  Random random(77, index, Stream::vehicle), details(77, index, Stream::details);
  synth::VehicleDesign design = synth::draw_design(category, random);
  if (photo) add_photo_details(design, details);
  return design;
}

TEST(PhotoLook, VehiclesOfAllCategoriesAreSoundAndOfThePlainOnesSize) {
  for (std::uint64_t i = 0; i < 70; ++i) {
    const std::string category = kCategories[i % 7];
    const synth::Vehicle plain(design_of(category, i, false)), photo(design_of(category, i, true));
    const synth::Box before = bounding_box(plain), after = bounding_box(photo);
    EXPECT_TRUE(after.size().allFinite());
    EXPECT_NEAR(after.low.z(), 0, 0.02f) << category << i;  // on its wheels
    EXPECT_LT((before.size() - after.size()).cwiseAbs().maxCoeff(), 0.25f) << category << i;
    EXPECT_GT(photo.parts.size(), plain.parts.size());
    EXPECT_EQ(photo.design().paint.colour, plain.design().paint.colour);
    for (const auto& part : photo.parts) {
      for (const auto& triangle : part.mesh.triangles) {
        for (const auto corner : triangle) ASSERT_LT(corner, part.mesh.position.size());
      }
    }
  }
}

// A mark with ink in its left half alone.
cv::Mat left_half() {
  cv::Mat mask = cv::Mat::zeros(20, 100, CV_8U);
  mask(cv::Rect(0, 0, 50, 20)) = 255;
  return mask;
}

TEST(PhotoLook, BadgesReadFromLeftToRightOnBothFaces) {
  synth::VehicleDesign design = design_of("sedan", 1, true);
  for (const bool front : {true, false}) {
    design.details.badges = {{front, false, 0, 0.7f, 0.1f, 0.03f, left_half()}};
    // Before the front stands who has the vehicle's right on their left; behind the rear, its left.
    const float left = front ? -0.05f : 0.05f;
    const auto there = photo_face_detail(design, front, left, 0.7f),
               not_there = photo_face_detail(design, front, -left, 0.7f);
    ASSERT_TRUE(there.has_value());
    EXPECT_EQ(there->metallic, 1);
    EXPECT_FALSE(not_there.has_value() && not_there->metallic > 0.9f);
  }
}

TEST(PhotoLook, TyresAreLetteredInReadingDirectionOnBothSides) {
  synth::VehicleDesign design = design_of("sedan", 1, true);
  design.details.tyre_mark = left_half();
  const synth::WheelDesign& wheel = design.wheel;
  const auto ink = [&](float side, float angle) {
    synth::Point point;
    point.position = Vec3(0, side, 0.5f);
    point.normal = Vec3(0, side, 0);
    point.attribute = Vec3(angle, synth::mix(wheel.rim, wheel.radius, 0.58f), 0);
    return tyre_surface(design, point).albedo.x() > 0.03f;
  };
  const float top = synth::kPi / 2;
  // Angles grow from the front over the top to the rear: the front is to the left of who looks at the left side.
  EXPECT_TRUE(ink(1, top - 0.1f));
  EXPECT_FALSE(ink(1, top + 0.1f));
  EXPECT_FALSE(ink(-1, top - 0.1f));
  EXPECT_TRUE(ink(-1, top + 0.1f));
}

TEST(PhotoLook, IsAFunctionOfSeedAndIndex) {
  test::TemporaryFolder folder;
  synth::SynthOptions options;
  options.out = folder / "one";
  options.sets = 3;
  options.width = 48;
  options.height = 32;
  options.seed = 5;
  options.threads = 1;
  options.views = 2;
  const auto hashes = [&](const std::string& out) {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder / out)) {
      if (entry.is_regular_file() && entry.path().extension() != ".json" && entry.path().filename() != kOutputMark)
        all[entry.path().lexically_relative(folder / out).string()] = sha256_file(entry.path());
    }
    return all;
  };
  options.look = synth::Look::photo;
  synth::make_sets(options);
  options.out = folder / "two";
  options.threads = 2;
  options.sets = 2;
  synth::make_sets(options);
  options.out = folder / "plain";
  options.look = synth::Look::plain;
  synth::make_sets(options);
  const auto one = hashes("one"), plain = hashes("plain");
  for (const auto& [file, hash] : hashes("two")) {
    EXPECT_EQ(one.at(file), hash) << file;
    EXPECT_NE(plain.at(file), hash) << file;
  }
}

TEST(HandHeld, ViewsDepartAsPeoplesDo) {
  test::TemporaryFolder folder;
  synth::SynthOptions options;
  options.out = folder / "out";
  options.sets = 6;
  options.width = 48;
  options.height = 32;
  options.threads = 2;
  options.render.samples = 1;
  options.render.edge_samples = 1;
  options.render.geometry = false;
  options.roll_jitter = 0.5;
  make_hand_held(options, [](const std::string& name) { return name == "--roll-jitter"; });
  EXPECT_EQ(options.roll_jitter, 0.5);
  synth::make_sets(options);
  double most = 0, lowest = 90, highest = -90;
  for (int i = 0; i < 6; ++i) {
    const ViewSet set = read_view_set(folder / "out" / fmt::format("synth-{:06d}", i));
    for (const Frame& frame : set.frames) {
      const Direction from = viewing_direction(*frame.camera);
      const double off = std::remainder(frame.azimuth_deg - *frame.stated_azimuth_deg, 360);
      EXPECT_NEAR(std::remainder(from.azimuth_deg - frame.azimuth_deg, 360), 0, 0.01);
      most = std::max(most, std::abs(off));
      lowest = std::min(lowest, from.elevation_deg);
      highest = std::max(highest, from.elevation_deg);
    }
  }
  EXPECT_GT(most, 12);
  EXPECT_LE(most, 15);
  EXPECT_GE(lowest, -0.01);
  EXPECT_LT(lowest, 4);
  EXPECT_LE(highest, 20.01);
  EXPECT_GT(highest, 14);
}

}  // namespace
}  // namespace spinfill
