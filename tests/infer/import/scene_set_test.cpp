// SPDX-License-Identifier: Apache-2.0
// The tiny vehicle, whose cameras are known, described in another world and imported again.
#include <gtest/gtest.h>

#include <cmath>

#include <Eigen/Geometry>
#include <opencv2/core.hpp>

#include "core/files/json.h"
#include "data/check/check.h"
#include "data/pictures/picture.h"
#include "data/scenes/scene_folder.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "geometry/angles.h"
#include "infer/import/scene_set.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;

constexpr int kViews = 20;

class SceneSets : public testing::Test {
 protected:
  // Views every 18 degrees from 5 on, the third first; cameras in a world of its own.
  void SetUp() override {
    fs::create_directories(scene_ / "images");
    const Eigen::Matrix3d turn = Eigen::AngleAxisd(2.1, Eigen::Vector3d(0.3, 1, -0.4).normalized()).toRotationMatrix();
    for (int i = 0; i < kViews; ++i) {
      const int at = (i + 3) % kViews;
      const Camera camera = turntable_camera({9 + 2.0 * (at % 3), 3.2, 2.2}, azimuth(at), 240, 160);
      const std::string name = fmt::format("images/IMG_{:04}.png", i);
      write_png(scene_ / name, test::render_tiny_vehicle(camera, 3));
      Camera world = camera;
      world.vehicle_from_camera.topLeftCorner<3, 3>() = turn * camera.vehicle_from_camera.topLeftCorner<3, 3>();
      world.vehicle_from_camera.topRightCorner<3, 1>() =
          turn * camera.vehicle_from_camera.topRightCorner<3, 1>() * kUnit + Eigen::Vector3d(5, 6, -70);
      Json frame = {{"file_path", name}};
      put_camera(frame, world);
      described_["frames"].push_back(frame);
      truth_.push_back(camera);
    }
    fs::create_directory(set_);
  }
  static double azimuth(int at) { return 18 * at + 5; }
  static constexpr double kUnit = 4.7;

  SceneSet import(const SceneSetOptions& options = front(azimuth(3))) {
    write_json_atomic(scene_ / "transforms.json", described_);
    ImportModels models("none", "none");
    return write_scene_set(*read_scene(scene_, Links::stay_inside), models, set_, options);
  }
  static SceneSetOptions front(double degrees) {
    SceneSetOptions options;
    options.front_deg = degrees;
    return options;
  }
  // The imported cameras are the true ones, but for one common shift, scale and turn, all of them small.
  void expect_truth(const ViewSet& set) const {
    const auto true_camera = [&](const Frame& frame) { return truth_[std::stoul(frame.file_path.substr(4, 4))]; };
    const auto place = [](const Camera& camera) -> Eigen::Vector3d {
      return camera.vehicle_from_camera.topRightCorner<3, 1>();
    };
    const auto turn = [](const Camera& camera) -> Eigen::Matrix3d {
      return camera.vehicle_from_camera.topLeftCorner<3, 3>();
    };
    const Frame &a = set.frames.front(), &b = set.frames[4];
    const double scale =
        (place(*a.camera) - place(*b.camera)).norm() / (place(true_camera(a)) - place(true_camera(b))).norm();
    const Eigen::Matrix3d common = turn(*a.camera) * turn(true_camera(a)).transpose();
    const Eigen::Vector3d shift = place(*a.camera) - scale * common * place(true_camera(a));
    EXPECT_NEAR(scale, 1, 0.02);
    EXPECT_LT(shift.norm(), 0.03);
    EXPECT_LT(Eigen::AngleAxisd(common).angle() / kDegree, 0.5);
    for (const Frame& frame : set.frames) {
      const Camera truth = true_camera(frame), &found = *frame.camera;
      EXPECT_LT((turn(found) - common * turn(truth)).norm(), 1e-9);
      EXPECT_LT((place(found) - scale * common * place(truth) - shift).norm(), 1e-9);
      EXPECT_NEAR(found.fl_x, truth.fl_x, 1e-9);
      EXPECT_LT(apart_deg(frame.azimuth_deg, viewing_direction(truth).azimuth_deg), 1);
      // Not moved by part of a pixel.
      EXPECT_NEAR(found.cx - truth.cx, std::round(found.cx - truth.cx), 1e-9);
    }
  }
  ViewSet set() const { return read_view_set(set_); }

  test::TemporaryFolder folder_;
  fs::path scene_ = folder_ / "car", set_ = folder_ / "set";
  Json described_ = {{"w", 240}, {"h", 160}, {"applied_scale", 0.2}, {"frames", Json::array()}};
  std::vector<Camera> truth_;
};

TEST_F(SceneSets, HaveTheCamerasTheyWereMadeOf) {
  const SceneSet imported = import();
  EXPECT_EQ(imported.front.from, "--front");
  ASSERT_EQ(set().frames.size(), 8U);
  expect_truth(set());
  EXPECT_EQ(set().slots().count(), 8U);
  DataCheckOptions check;
  EXPECT_TRUE(check_data(set_, check).problems.empty());
  // Every picture has its fate.
  std::size_t spare = 0;
  for (const PhotographReport& one : imported.report.photographs) {
    spare += one.fate == PhotographFate::spare;
    EXPECT_NE(one.fate, PhotographFate::refused) << one.why;
    const bool told = one.why.find("better") != std::string::npos;
    EXPECT_EQ(told, one.fate == PhotographFate::spare) << one.why;
  }
  EXPECT_EQ(spare, kViews - 8U);
}

TEST_F(SceneSets, TakeTheFrontFromStatedAzimuths) {
  for (int i = 0; i < 4; ++i)
    described_["frames"][static_cast<std::size_t>(i)]["azimuth_deg"] = azimuth(i + 3) + (i % 2 == 0 ? 1 : -1);
  EXPECT_EQ(import({}).front.from, "azimuth_deg");
  expect_truth(set());
}

TEST_F(SceneSets, RefuseAzimuthsThatContradictTheCameras) {
  for (int i = 0; i < 4; ++i) described_["frames"][static_cast<std::size_t>(i)]["azimuth_deg"] = azimuth(i + 3);
  described_["frames"][3]["azimuth_deg"] = wrapped_deg(azimuth(6) + 100);
  expect_error(ExitCode::runtime, {"IMG_0003.png", "azimuth_deg", "by the cameras"}, [&] { import({}); });
}

TEST_F(SceneSets, StandUprightThoughThePictureLay) {
  Json& frame = described_["frames"][2];
  const std::string name = scene_ / frame["file_path"].get<std::string>();
  const cv::Mat upright = read_picture(name);
  cv::Mat lying;
  cv::rotate(upright, lying, cv::ROTATE_90_COUNTERCLOCKWISE);
  write_png(name, lying);
  frame["w"] = 160;
  frame["h"] = 240;
  std::swap(frame["cx"], frame["cy"]);
  // A quarter counter-clockwise: its right was the bottom.
  Json rows = frame["transform_matrix"];
  for (std::size_t r = 0; r < 3; ++r) {
    frame["transform_matrix"][r][0] = -rows[r][1].get<double>();
    frame["transform_matrix"][r][1] = rows[r][0];
  }
  import();
  expect_truth(set());
}

TEST_F(SceneSets, SayWhyThereIsNone) {
  const Json all = described_;
  described_["frames"] = Json::array();
  for (const std::size_t i : {0U, 1U}) described_["frames"].push_back(all["frames"][i]);
  expect_error(ExitCode::check_failed, {"only 2 of the eight primary views"}, [&] { import(); });
  described_["frames"] = Json::array();
  for (std::size_t i = 0; i < 8; ++i) described_["frames"].push_back(all["frames"][i]);
  expect_error(ExitCode::check_failed, {"from one side"}, [&] { import(); });
}

TEST_F(SceneSets, PassOverWhatShowsNoVehicle) {
  // Of a picture that is used: another stands for its view.
  const std::string empty = "images/IMG_0017.png";  // at 5 degrees
  write_png(scene_ / empty, cv::Mat(160, 240, CV_8UC4, cv::Scalar(90, 90, 90, 0)));
  const SceneSet imported = import();
  const auto found = std::ranges::find(imported.report.photographs, empty, &PhotographReport::file);
  EXPECT_EQ(found->fate, PhotographFate::refused);
  EXPECT_EQ(found->trouble, Trouble::no_vehicle);
  expect_truth(set());
}

}  // namespace
}  // namespace spinfill
