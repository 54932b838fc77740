// SPDX-License-Identifier: Apache-2.0
// Folders as nerfstudio, instant-ngp and COLMAP leave them, with the tiny vehicle's pictures.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include <fstream>

#include "core/files/json.h"
#include "data/scenes/scene_folder.h"
#include "data/sets/view_set_writer.h"
#include "support/mutate.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;
using testing::HasSubstr;

class SceneFolder : public testing::Test {
 protected:
  void SetUp() override {
    set_ = test::write_tiny_set(folder_ / "drawn");
    fs::create_directories(path() / "images");
    for (const Frame& frame : set_.frames)
      fs::copy_file(set_.folder / frame.file_path, path() / "images" / frame.file_path);
  }
  fs::path path() const { return folder_ / "car"; }
  // A description like nerfstudio's.
  Json described() const {
    Json root = {{"w", set_.width},
                 {"h", set_.height},
                 {"camera_model", "OPENCV"},
                 {"k1", 0.01},
                 {"p2", -0.002},
                 {"applied_transform", {{0, 1, 0, 0}, {1, 0, 0, 0}, {0, 0, -1, 0}}},
                 {"frames", Json::array()}};
    put_intrinsics(root, *set_.frames[0].camera);
    for (const Frame& frame : set_.frames) {
      Json one = {{"file_path", "images/" + frame.file_path}};
      put_camera(one, *frame.camera, false);
      root["frames"].push_back(one);
    }
    return root;
  }
  Scene read(const Json& root) const {
    write_json_atomic(path() / "transforms.json", root);
    return *read_scene(path(), Links::stay_inside);
  }
  void refused(const Json& root, const std::vector<std::string>& texts) const {
    expect_error(ExitCode::runtime, texts, [&] { read(root); });
  }
  void write_colmap(const std::string& cameras, const std::string& images) const {
    fs::create_directories(path() / "sparse/0");
    write_file_atomic(path() / "sparse/0/cameras.txt", cameras);
    write_file_atomic(path() / "sparse/0/images.txt", images);
  }
  test::TemporaryFolder folder_;
  ViewSet set_;
};

TEST_F(SceneFolder, NerfstudiosDescription) {
  Json root = described();
  root["frames"][2]["fl_x"] = 99.5;
  root["frames"][2]["k1"] = 0.0;
  fs::create_directory(path() / "masks");
  fs::copy_file(path() / "images/000.png", path() / "masks/000.png");
  root["frames"][0]["mask_path"] = "masks\\000.png";
  root["frames"][1]["file_path"] = ".\\images\\045";
  const Scene scene = read(root);
  EXPECT_EQ(scene.kind, "nerfstudio");
  ASSERT_EQ(scene.views.size(), 8U);
  EXPECT_EQ(scene.views[0].mask_file, "masks/000.png");
  EXPECT_EQ(fs::path(scene.views[1].file).lexically_normal(), "images/045.png");
  EXPECT_EQ(scene.views[2].lens.fl_x, 99.5);
  EXPECT_EQ(scene.views[2].lens.fl_y, 99.5);  // the set's belongs to another lens
  EXPECT_EQ(scene.views[1].lens.fl_x, set_.frames[1].camera->fl_x);
  EXPECT_EQ(scene.views[1].distortion, (Distortion{0.01, 0, 0, -0.002}));
  EXPECT_EQ(scene.views[2].distortion, (Distortion{0, 0, 0, -0.002}));
  EXPECT_EQ(scene.views[3].world_from_camera, set_.frames[3].camera->vehicle_from_camera);
  EXPECT_TRUE(scene.left_out.empty());
}

TEST_F(SceneFolder, InstantNgpsDescription) {
  Json root = described();
  for (const char* name : {"fl_x", "fl_y", "cx", "cy", "w", "h", "camera_model", "k1", "p2", "applied_transform"})
    root.erase(name);
  root["camera_angle_x"] = 0.35;
  root["aabb_scale"] = 16;
  root["scale"] = 0.33;
  root["offset"] = {0.5, 0.5, 0.5};
  const Scene scene = read(root);
  EXPECT_EQ(scene.kind, "instant-ngp");
  EXPECT_EQ(scene.views[0].lens.width, 48);
  EXPECT_NEAR(scene.views[0].lens.fl_x, 24 / std::tan(0.175), 1e-9);
  EXPECT_NEAR(scene.views[0].lens.fl_y, 24 / std::tan(0.175), 1e-9);
}

TEST_F(SceneFolder, WhatHasNoCameraOrNoPictureIsNamed) {
  Json root = described();
  root["frames"].erase(7);
  root["frames"][0]["file_path"] = "images/900.png";
  std::ofstream(path() / "images/old.tif") << "x";
  const Scene scene = read(root);
  EXPECT_EQ(scene.views.size(), 6U);
  std::string told;
  for (const LeftOut& one : scene.left_out) told += one.file + ": " + one.why + "\n";
  for (const char* text : {"images/900.png: is listed with a camera, but is not there", "images/000.png: has no camera",
                           "images/315.png: has no camera", "images/old.tif: has no camera"})
    EXPECT_THAT(told, HasSubstr(text));
}

TEST_F(SceneFolder, HostileDescriptionsAreRefusedByField) {
  const auto with = [&](const std::string& name, const Json& value, bool in_frame) {
    Json root = described();
    (in_frame ? root["frames"][3] : root)[name] = value;
    return root;
  };
  refused(with("camera_model", "OPENCV_FISHEYE", false), {"camera_model", "'OPENCV_FISHEYE'", "undistort"});
  refused(with("is_fisheye", true, false), {"is_fisheye"});
  refused(with("k4", 0.1, false), {"k4", "FULL_OPENCV"});
  refused(with("from_na", true, false), {"from_na", "axes"});
  refused(with("fl_x", "wide", true), {"frames[3].fl_x"});
  refused(with("k1", "wide", true), {"frames[3].k1"});
  refused(with("w", 1e9, true), {"frames[3].w"});
  refused(with("file_path", "../drawn/000.png", true), {"frames[3].file_path", "not a path inside"});
  refused(with("file_path", "/etc/passwd", true), {"frames[3].file_path", "not a path inside"});
  refused(with("file_path", "C:\\cars\\000.png", true), {"frames[3].file_path"});
  refused(with("mask_path", "../m.png", true), {"frames[3].mask_path"});
  refused(with("file_path", "images/000.png", true), {"frames[3].file_path", "listed twice"});
  refused(with("transform_matrix", Json::array({1, 2}), true), {"frames[3].transform_matrix", "finite"});
  refused(with("transform_matrix", Json::array({{2, 0, 0, 0}, {0, 2, 0, 0}, {0, 0, 2, 0}}), true), {"scaled by 2"});
  refused(with("frames", Json::array(), false), {"frames", "1 to 10000"});
  refused(with("frames", Json::array({1}), false), {"frames[0]", "not a JSON object"});
  Json root = described();
  for (const char* name : {"fl_x", "fl_y"}) root.erase(name);
  refused(root, {"frames[0]", "no focal length", "frames 0, 1, 2 and 5 more"});
  root = described();
  root["frames"][1].erase("transform_matrix");
  refused(root, {"frames[1].transform_matrix", "is missing"});
  write_file_atomic(path() / "transforms.json", R"({"frames": [{"transform_matrix": [[NaN]]}]})");
  expect_error(ExitCode::runtime, {"transforms.json:1"}, [&] { read_scene(path(), Links::stay_inside); });
}

TEST_F(SceneFolder, LinksOutOfItAreRefusedUnlessFollowed) {
  fs::remove(path() / "images/000.png");
  fs::create_symlink(set_.folder / "000.png", path() / "images/000.png");
  const Json root = described();
  refused(root, {"frames[0].file_path", "symbolic link"});
  EXPECT_EQ(read_scene(path(), Links::follow)->views.size(), 8U);
}

TEST_F(SceneFolder, DamagedDescriptionsAreErrorsAndNothingElse) {
  const std::string whole = described().dump();
  test::mutate_and_try(whole, [&](std::string_view bytes) {
    write_file_atomic(path() / "transforms.json", std::array{bytes}, Sync::no);
    read_scene(path(), Links::stay_inside);
  });
}

TEST_F(SceneFolder, ColmapsModelWithItsPictures) {
  write_colmap("1 PINHOLE 48 32 100 100 24 16\n2 SIMPLE_RADIAL 48 32 90 24 16 0.1\n",
               "4 1 0 0 0 0 0 3 2 045.png\n\n7 1 0 0 0 0 0 3 1 000.png\n1 2 -1\n9 1 0 0 0 0 0 3 1 gone.png\n\n");
  fs::create_directory(path() / "masks");
  fs::copy_file(path() / "images/000.png", path() / "masks/000.png.png");
  const Scene scene = *read_scene(path(), Links::stay_inside);
  EXPECT_EQ(scene.kind, "COLMAP");
  ASSERT_EQ(scene.views.size(), 2U);
  EXPECT_EQ(scene.views[0].file, "images/000.png");  // by name
  EXPECT_EQ(scene.views[0].mask_file, "masks/000.png.png");
  EXPECT_EQ(scene.views[1].lens.fl_y, 90);
  EXPECT_EQ(scene.views[1].distortion[0], 0.1);
  EXPECT_EQ(scene.left_out.size(), 1U + 6U);  // gone.png, and the pictures that COLMAP did not register
  EXPECT_EQ(read_scene(path() / "sparse/0", Links::stay_inside)->views.size(), 2U);
  EXPECT_EQ(scene.folder.filename(), "car");
}

TEST_F(SceneFolder, HostileColmapModelsAreRefused) {
  const std::string lens = "1 PINHOLE 48 32 100 100 24 16\n";
  const auto model_refused = [&](const std::string& images, const std::vector<std::string>& texts) {
    write_colmap(lens, images);
    expect_error(ExitCode::runtime, texts, [&] { read_scene(path(), Links::stay_inside); });
  };
  model_refused("7 1 0 0 0 0 0 3 1 ../../drawn/000.png\n\n", {"images.txt", "not a path inside"});
  model_refused("7 1 0 0 0 0 0 3 1 /etc/passwd\n\n", {"images.txt", "not a path inside"});
  model_refused("7 1 0 0 0 0 0 3 5 000.png\n\n", {"images.txt", "camera 5", "cameras.txt"});
  model_refused("7 1 0 0 0 0 0 3 1 000.png\n\n8 1 0 0 0 0 0 3 1 000.png\n\n", {"listed twice"});
  model_refused("# none\n", {"images.txt", "holds no image"});
  fs::rename(path() / "images", path() / "input");
  model_refused("7 1 0 0 0 0 0 3 1 000.png\n\n", {"no folder images/"});
}

TEST_F(SceneFolder, AViewSetIsNoScene) {
  expect_error(ExitCode::usage, {"is a view set already"}, [&] { read_scene(set_.folder, Links::stay_inside); });
  EXPECT_FALSE(read_scene(path(), Links::stay_inside));  // pictures alone
  expect_error(ExitCode::usage, {"no such folder"}, [&] { read_scene(folder_ / "none", Links::stay_inside); });
}

}  // namespace
}  // namespace spinfill
