// SPDX-License-Identifier: Apache-2.0
// The cameras that complete computes with.
#include "infer/complete.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/files/json.h"
#include "data/pictures/xmp.h"
#include "data/sets/view_set_reader.h"
#include "data/spins/stabilise.h"
#include "infer/complete_fixture.h"
#include "infer/photo_views.h"

namespace spinfill {
namespace {

using test::Complete;
using test::expect_error;
using test::farthest;
using test::small_model;
using test::TemporaryFolder;
using test::write_tiny_set;
using test::write_uneven_photographs;

TEST_F(Complete, HiddenViewsAreAsIfNeverGiven) {
  const LoadedModel model = small_model();
  CompleteOptions options = steps(1);
  options.hide = {90, 180};
  const Completion done = complete_folder(model, references({0, 1, 2, 3, 4, 5}), folder_ / "hidden", options);
  EXPECT_EQ(done.generated, (std::vector<double>{90, 180, 270, 315}));
  complete_folder(model, references({0, 1, 3, 5}), folder_ / "absent", steps(1));
  for (const char* name : {"090.png", "180.png", "270.png"}) {
    EXPECT_EQ(read_file(folder_ / "hidden" / name), read_file(folder_ / "absent" / name)) << name;
  }
  options.hide = {270};
  expect_error(ExitCode::usage, {"270", "no view"}, [&] {
    complete_folder(model, references({0, 1}), folder_ / "none", options);
  });
}

double cameras_differ(const Camera& a, const Camera& b) {
  const auto row = [](const Camera& c) { return Eigen::Vector4d(c.fl_x, c.fl_y, c.cx, c.cy); };
  return std::max((a.vehicle_from_camera - b.vehicle_from_camera).cwiseAbs().maxCoeff(),
                  (row(a) - row(b)).cwiseAbs().maxCoeff());
}

TEST_F(Complete, EstimatesCamerasWhereNoneAreStated) {
  const LoadedModel model = small_model();
  const fs::path bare = write_uneven_photographs(folder_ / "bare", false),
                 stated = write_uneven_photographs(folder_ / "stated", true);
  CompleteOptions options = steps(1);
  options.hide = {90, 225};
  const auto run = [&](const fs::path& in, CameraChoice source, const std::string& name) {
    options.cameras = source;
    return complete_folder(model, in, folder_ / name, options);
  };
  Completion done = run(bare, std::nullopt, "a");
  EXPECT_EQ(done.cameras, CameraSource::estimated);
  EXPECT_EQ(done.stabilisation.value().views.size(), 6u);
  EXPECT_EQ(done.given, (std::vector<double>{0, 45, 135, 180, 270, 315})) << "as stated, not as corrected";
  EXPECT_EQ(read_json(folder_ / "a/transforms.json")["cameras"], "estimated");
  EXPECT_FALSE(states_own_cameras(read_view_set(folder_ / "a"))) << "another estimate may replace them";
  done = run(stated, std::nullopt, "b");
  EXPECT_EQ(done.cameras, CameraSource::stated);
  EXPECT_FALSE(done.stabilisation);
  EXPECT_EQ(run(bare, CameraSource::turntable, "c").cameras, CameraSource::turntable);
  EXPECT_EQ(run(stated, CameraSource::estimated, "d").cameras, CameraSource::estimated);
  const ViewSet truth = read_view_set(stated), a = read_view_set(folder_ / "a"), b = read_view_set(folder_ / "b"),
                c = read_view_set(folder_ / "c"), d = read_view_set(folder_ / "d");
  const Turntable canonical = model.config.data.turntable.turntable;
  for (int slot = 0; slot < 8; ++slot) {
    const Camera &photographed = *truth.frame_at(slot)->camera, &plain = *c.frame_at(slot)->camera;
    EXPECT_LT(cameras_differ(plain, turntable_camera(canonical, 45 * slot, 120, 80)), 1e-9);
    EXPECT_LT(cameras_differ(*a.frame_at(slot)->camera, *d.frame_at(slot)->camera), 1e-9);
    if (slot == 2 || slot == 5) continue;
    EXPECT_LT(cameras_differ(*b.frame_at(slot)->camera, photographed), 1e-9);
    // The estimate finds how each photograph was framed.
    const auto centre = [](const Camera& camera) { return project(camera, Eigen::Vector3d::Zero()); };
    EXPECT_LT((centre(*a.frame_at(slot)->camera) - centre(photographed)).norm(), 1.5) << slot;
  }
  for (const int slot : {0, 1, 3, 4, 6, 7}) EXPECT_EQ(file(folder_ / "a", slot), file(bare, slot));
  EXPECT_NE(file(folder_ / "a", 2), file(folder_ / "c", 2)) << "generated for other cameras";
  options.hide = {};
  test::expect_error(ExitCode::usage, {"states no cameras", "--cameras"},
                     [&] { run(bare, CameraSource::stated, "e"); });
}

// A spin that is completed with cameras of an earlier estimate still says so: they know its views.
TEST_F(Complete, AnEarlierEstimateStaysOne) {
  const LoadedModel model = small_model();
  const fs::path in = write_uneven_photographs(folder_ / "in", false);
  const ViewSet bare = read_view_set(in);
  write_stabilised(bare, stabilise_set(bare), in);
  const ViewSet stabilised = read_view_set(in);
  ASSERT_TRUE(stabilised.cameras_estimated);
  EXPECT_EQ(complete_folder(model, in, folder_ / "out", steps(1)).cameras, CameraSource::stated);
  const ViewSet out = read_view_set(folder_ / "out");
  EXPECT_TRUE(out.cameras_estimated);
  for (int slot = 0; slot < kSlots; ++slot)
    EXPECT_EQ(out.frame_at(slot)->stated_azimuth_deg, stabilised.frame_at(slot)->stated_azimuth_deg) << slot;
  CompleteOptions turntable = steps(1);
  turntable.cameras = CameraSource::turntable;
  complete_folder(model, in, folder_ / "turntable", turntable);
  EXPECT_FALSE(read_view_set(folder_ / "turntable").cameras_estimated);
}

// What the views are generated for is what transforms.json says (on the canonical turntable: the camera as
// photographed, carried there), whatever cameras the model was trained with.
TEST_F(Complete, GeneratesForTheCamerasItStates) {
  const fs::path in = write_uneven_photographs(folder_ / "in", true);
  const auto run = [&](CameraSource trained_with, CameraChoice choice, Delivery deliver, const std::string& name) {
    LoadedModel model = small_model(1, 0.2);
    model.config.data.cameras = trained_with;
    CompleteOptions options = steps(1);
    options.hide = {90, 225};
    options.cameras = choice;
    options.deliver = deliver;
    options.runner.opaque = true;
    complete_folder(model, in, folder_ / name, options);
    return file(folder_ / name, 2) + file(folder_ / name, 5);
  };
  // The same from the cameras in transforms.json, those of given views as photographed.
  const auto direct = [&](const fs::path& out, const fs::path& photographed) {
    const LoadedModel model = small_model(1, 0.2);
    const ViewSet spin = read_view_set(out);
    ViewSet set = read_view_set(photographed);
    set.cameras_estimated = false;
    std::erase_if(set.frames, [](const Frame& frame) { return frame.slot() == 2 || frame.slot() == 5; });
    set.folder = in;
    set.missing = {*spin.frame_at(2), *spin.frame_at(5)};
    SlotPictures pictures;
    std::vector<Camera> cameras;
    std::vector<cv::Mat> given;
    for (const Frame& frame : set.frames) {
      given.push_back(read_masked_picture(set, frame));
      pictures[static_cast<std::size_t>(frame.slot())] = given.back();
      cameras.push_back(*frame.camera);
    }
    if (read_json(out / "transforms.json")["deliver"] == "canonical") {
      const double ground = canonical_spin(cameras, given).ground_z;
      for (Frame& frame : set.missing)
        frame.camera = carried(*read_view_set(photographed).frame_at(frame.slot())->camera, *frame.camera, ground);
    }
    RunnerOptions options = steps(1).runner;
    options.opaque = true;
    std::string made;
    photo_views(model, set, pictures, options,
                [&](const GeneratedView& view) { made += with_xmp(encode_png(view.picture), machine_made_xmp()); });
    return made;
  };
  std::vector<std::string> different;
  for (const CameraSource choice : {CameraSource::stated, CameraSource::estimated, CameraSource::turntable}) {
    for (const Delivery deliver : {Delivery::given, Delivery::canonical}) {
      std::string first;
      for (const CameraSource trained : {CameraSource::stated, CameraSource::estimated, CameraSource::turntable}) {
        const std::string name = fmt::format("{}-{}-{}", name_of(choice), name_of(deliver), name_of(trained));
        const std::string made = run(trained, choice, deliver, name);
        if (first.empty()) first = made;
        EXPECT_TRUE(made == first) << name << ": the same cameras give the same pixels";
        EXPECT_EQ(read_json(folder_ / name / "transforms.json")["cameras"], name_of(choice));
      }
      const auto as_photographed_by = fmt::format("{}-given-stated", name_of(choice));
      EXPECT_TRUE(direct(folder_ / fmt::format("{}-{}-stated", name_of(choice), name_of(deliver)),
                         folder_ / as_photographed_by) == first)
          << name_of(choice) << ", " << name_of(deliver);
      // The canonical turntable may be the one that is delivered anyway.
      if (deliver == Delivery::canonical && choice == CameraSource::turntable) continue;
      for (const std::string& other : different) EXPECT_TRUE(other != first) << name_of(choice) << name_of(deliver);
      different.push_back(first);
    }
  }
}

// Neither a hidden picture nor cameras that were once estimated with its help reach the result.
TEST_F(Complete, HiddenViewsTakeNoPartInTheEstimate) {
  const LoadedModel model = small_model();
  const fs::path in = write_uneven_photographs(folder_ / "in", false);
  const auto run = [&](const std::string& name) {
    CompleteOptions options = steps(1);
    options.hide = {90, 225};
    options.deliver = Delivery::canonical;
    complete_folder(model, in, folder_ / name, options);
    return read_file(folder_ / name / "transforms.json") + file(folder_ / name, 2) + file(folder_ / name, 0);
  };
  const std::string before = run("a");
  const ViewSet all = read_view_set(in);
  write_stabilised(all, stabilise_set(all), in);
  EXPECT_TRUE(run("b") == before);
  for (const char* name : {"090.png", "225.png"}) {
    cv::Mat picture = read_picture(in / name);
    cv::resize(picture(cv::Rect(20, 10, 80, 60)), picture, picture.size());
    write_png(in / name, picture);
  }
  EXPECT_TRUE(run("c") == before);
}

TEST_F(Complete, DeliversOneTurntable) {
  const LoadedModel model = small_model();
  const fs::path in = write_uneven_photographs(folder_ / "in", true), out = folder_ / "out";
  CompleteOptions options = steps(1);
  options.hide = {90};
  options.deliver = Delivery::canonical;
  EXPECT_EQ(complete_folder(model, in, out, options).deliver, Delivery::canonical);
  const ViewSet set = read_view_set(out), before = read_view_set(in);
  const Json root = read_json(out / "transforms.json");
  EXPECT_EQ(root["deliver"], "canonical");
  EXPECT_TRUE(root.contains("fl_x")) << "one focal length for all";
  const auto box = [](const cv::Mat& rgba) {
    cv::Mat alpha;
    cv::extractChannel(rgba, alpha, 3);
    return cv::boundingRect(cv::Mat(alpha >= 128));
  };
  int moved = 0;
  for (int slot = 0; slot < 8; ++slot) {
    const Frame& frame = *set.frame_at(slot);
    const Direction direction = viewing_direction(*frame.camera);
    EXPECT_NEAR(direction.azimuth_deg, 45.0 * slot, 1e-6);
    EXPECT_NEAR(direction.elevation_deg, viewing_direction(*set.frame_at(0)->camera).elevation_deg, 1e-6);
    EXPECT_EQ(frame.camera->cx, 60);
    if (slot == 2) continue;
    // As photographed by the camera that transforms.json states.
    const cv::Rect got = box(read_picture(out / frame.file_path)),
                   expected = box(test::render_tiny_vehicle(*frame.camera, 1));
    EXPECT_NEAR(got.width, expected.width, 2) << slot;
    EXPECT_NEAR(got.x + got.width / 2.0, expected.x + expected.width / 2.0, 1) << slot;
    EXPECT_NEAR(got.br().y, expected.br().y, 1) << slot;
    moved += std::abs(box(read_picture(in / frame.file_path)).br().y - expected.br().y) > 2;
  }
  EXPECT_GT(moved, 2) << "the photographs were uneven";
  options.hide = {};
  EXPECT_EQ(complete_folder(model, in, folder_ / "all", options).generated.size(), 0u);
  EXPECT_NE(file(folder_ / "all", 4), file(in, 4)) << "a full set is put on one turntable too";
}

TEST_F(Complete, RefusesCamerasInAnotherUnit) {
  const LoadedModel model = small_model();
  const fs::path in = write_uneven_photographs(folder_ / "in", true);
  ViewSet set = read_view_set(in);
  for (Frame& frame : set.frames) frame.camera->vehicle_from_camera.topRightCorner<3, 1>() *= 4.5;  // metres
  write_transforms(set);
  CompleteOptions options = steps(1);
  options.hide = {45, 180};
  expect_error(ExitCode::runtime, {"about 4.", "units long", "--cameras estimated"},
               [&] { complete_folder(model, in, folder_ / "out", options); });
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  options.cameras = CameraSource::estimated;
  EXPECT_EQ(complete_folder(model, in, folder_ / "out", options).generated.size(), 2U);
}

}  // namespace
}  // namespace spinfill
