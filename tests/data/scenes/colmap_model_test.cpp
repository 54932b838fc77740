// SPDX-License-Identifier: Apache-2.0
// Models that pycolmap wrote (tests/fixtures/data/colmap), whole and damaged.
#include <gmock/gmock.h>

#include <opencv2/calib3d.hpp>

#include <cstring>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/scenes/colmap_model.h"
#include "support/mutate.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

struct Model {
  ColmapCameras cameras;
  std::vector<ColmapImage> images;
};

fs::path colmap(const std::string& name) {
  return test::fixture("data/colmap/" + name);
}

Model text_model() {
  return {colmap_cameras_text(read_file(colmap("text/cameras.txt")), "cameras.txt"),
          colmap_images_text(read_file(colmap("text/images.txt")), "images.txt")};
}

Model binary_model() {
  return {colmap_cameras_binary(read_file(colmap("binary/cameras.bin")), "cameras.bin"),
          colmap_images_binary(read_file(colmap("binary/images.bin")), "images.bin")};
}

// Where OpenCV's model, with our camera, sees a point of the world.
Eigen::Vector2d seen(const ColmapCamera& camera, const ColmapImage& image, const Eigen::Vector3d& world) {
  const Eigen::Matrix3d turn = image.world_from_camera.topLeftCorner<3, 3>();
  const Eigen::Vector3d at = turn.transpose() * (world - image.world_from_camera.topRightCorner<3, 1>());
  const std::vector<cv::Point3d> points = {{at.x(), -at.y(), -at.z()}};  // OpenCV's axes
  const Camera& lens = camera.lens;
  const cv::Mat matrix =
      (cv::Mat_<double>(3, 3) << lens.fl_x, 0, lens.cx, 0, lens.fl_y, lens.cy, 0, 0, 1);  // COLMAP's px
  std::vector<cv::Point2d> out;
  cv::projectPoints(points, cv::Vec3d(), cv::Vec3d(), matrix, camera.distortion, out);
  return {out[0].x, out[0].y};
}

void expect_as_colmap_sees(const Model& model) {
  const Json expected = read_json(colmap("expected.json"))["images"];
  ASSERT_EQ(model.images.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const ColmapImage& image = model.images[i];
    EXPECT_EQ(image.name, expected[i]["name"]);
    const ColmapCamera& camera = model.cameras.at(image.camera_id);
    EXPECT_EQ(camera.lens.width, 640);
    EXPECT_EQ(camera.lens.height, 480);
    for (int k = 0; k < 3; ++k)
      EXPECT_NEAR(image.world_from_camera(k, 3), expected[i]["centre"][static_cast<std::size_t>(k)].get<double>(),
                  1e-9);
    for (const Json& point : expected[i]["points"]) {
      const auto& w = point["world"];
      const Eigen::Vector2d at =
          seen(camera, image, Eigen::Vector3d(w[0].get<double>(), w[1].get<double>(), w[2].get<double>()));
      EXPECT_NEAR(at.x(), point["pixel"][0].get<double>(), 1e-6) << expected[i]["model"];
      EXPECT_NEAR(at.y(), point["pixel"][1].get<double>(), 1e-6) << expected[i]["model"];
    }
  }
}

TEST(ColmapModel, TextIsReadAsColmapMeansIt) {
  expect_as_colmap_sees(text_model());
}

TEST(ColmapModel, BinaryIsReadAsColmapMeansIt) {
  expect_as_colmap_sees(binary_model());
}

TEST(ColmapModel, TextMayHaveWindowsLineEndsAndNamesWithBlanks) {
  const auto images = colmap_images_text(
      "# x\r\n3 1 0 0 0 0 0 2 7 my car (1).JPG\r\n\r\n4 0 1 0 0 0 0 2 7 b.png\r\n1 2 -1\r\n", "images.txt");
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].name, "my car (1).JPG");
  EXPECT_EQ(images[0].camera_id, 7U);
  EXPECT_NEAR(images[0].world_from_camera(2, 3), -2, 1e-12);
  EXPECT_EQ(images[1].name, "b.png");
}

TEST(ColmapModel, OtherLensesAreRefusedByName) {
  for (const char* name : {"OPENCV_FISHEYE", "SIMPLE_RADIAL_FISHEYE", "FOV", "THIN_PRISM_FISHEYE", "MADE_UP"})
    expect_error(ExitCode::runtime, {"cameras.txt:2", name, "undistort"}, [&] {
      colmap_cameras_text(fmt::format("#\n1 {} 640 480 500 500 320 240 0 0 0 0\n", name), "cameras.txt");
    });
  std::string bytes = read_file(colmap("binary/cameras.bin"));
  bytes[12] = 5;  // the first camera's model
  expect_error(ExitCode::runtime, {"cameras.bin", "OPENCV_FISHEYE"},
               [&] { colmap_cameras_binary(bytes, "cameras.bin"); });
  bytes[12] = 99;
  expect_error(ExitCode::runtime, {"cameras.bin", "number 99"}, [&] { colmap_cameras_binary(bytes, "cameras.bin"); });
}

TEST(ColmapModel, DamagedTextIsRefusedByLine) {
  const auto refused = [](const std::string& text, const std::vector<std::string>& words) {
    expect_error(ExitCode::runtime, words, [&] { colmap_images_text(text, "images.txt"); });
  };
  refused("1 1 0 0 0 0 0", {"images.txt:1", "cut off"});
  refused("1 nan 0 0 0 0 0 2 7 a.png\n\n", {"images.txt:1", "'nan'"});
  refused("1 1 0 0 0 inf 0 2 7 a.png\n\n", {"images.txt:1", "'inf'"});
  refused("1 1 1 0 0 0 0 2 7 a.png\n\n", {"images.txt:1", "quaternion"});
  refused("1 1 0 0 0 1e9 0 2 7 a.png\n\n", {"images.txt:1", "position"});
  refused("1 1 0 0 0 0 0 2 7\n\n", {"images.txt:1", "name"});
  refused("1 1 0 0 0 0 0 2 7 a\n\n1 1 0 0 0 0 0 2 7 b\n\n", {"images.txt:3", "twice"});
  const auto lens_refused = [](const std::string& text, const std::vector<std::string>& words) {
    expect_error(ExitCode::runtime, words, [&] { colmap_cameras_text(text, "cameras.txt"); });
  };
  lens_refused("1 PINHOLE 640 480 500 500 320\n", {"cameras.txt:1", "a parameter is missing"});
  lens_refused("1 PINHOLE 640 480 500 500 320 240 1\n", {"cameras.txt:1", "more parameters"});
  lens_refused("1 PINHOLE 99999999 480 500 500 320 240\n", {"cameras.txt:1", "99999999x480"});
  lens_refused("1 PINHOLE 640 480 -500 500 320 240\n", {"cameras.txt:1", "focal length"});
  lens_refused("1 PINHOLE 640 480 5 5 3 2\n1 PINHOLE 640 480 5 5 3 2\n", {"cameras.txt:2", "twice"});
}

TEST(ColmapModel, CutOffBinaryIsRefusedAtEveryLength) {
  const std::string cameras = read_file(colmap("binary/cameras.bin")), images = read_file(colmap("binary/images.bin"));
  for (std::size_t size = 0; size < cameras.size(); size += 7)
    expect_error(ExitCode::runtime, {"cameras.bin"},
                 [&] { colmap_cameras_binary(cameras.substr(0, size), "cameras.bin"); });
  for (std::size_t size = 0; size < images.size(); size += 11)
    expect_error(ExitCode::runtime, {"images.bin", "cut off"},
                 [&] { colmap_images_binary(images.substr(0, size), "images.bin"); });
  expect_error(ExitCode::runtime, {"1 bytes are left"}, [&] { colmap_images_binary(images + "x", "images.bin"); });
}

TEST(ColmapModel, AbsurdCountsCostNothing) {
  std::string images = read_file(colmap("binary/images.bin"));
  const std::uint64_t many = ~std::uint64_t{0};
  std::memcpy(images.data(), &many, sizeof many);
  expect_error(ExitCode::runtime, {"cut off"}, [&] { colmap_images_binary(images, "images.bin"); });
  // The first image's number of points, behind its name.
  images = read_file(colmap("binary/images.bin"));
  std::memcpy(images.data() + images.find('\0', 8 + 4 + 56 + 4) + 1, &many, sizeof many);
  expect_error(ExitCode::runtime, {"cut off"}, [&] { colmap_images_binary(images, "images.bin"); });
}

TEST(ColmapModel, DamageIsAnErrorAndNothingElse) {
  test::mutate_and_try(read_file(colmap("binary/cameras.bin")),
                       [](std::string_view b) { colmap_cameras_binary(b, "c"); });
  test::mutate_and_try(read_file(colmap("binary/images.bin")),
                       [](std::string_view b) { colmap_images_binary(b, "i"); });
  test::mutate_and_try(read_file(colmap("text/cameras.txt")), [](std::string_view b) { colmap_cameras_text(b, "c"); });
  test::mutate_and_try(read_file(colmap("text/images.txt")), [](std::string_view b) { colmap_images_text(b, "i"); });
}

}  // namespace
}  // namespace spinfill
