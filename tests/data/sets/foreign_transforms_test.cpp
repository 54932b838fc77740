// SPDX-License-Identifier: Apache-2.0
// transforms.json as other tools write it: small files after what these tools put out, with the tiny vehicle's
// pictures.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include <cmath>

#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "support/mutate.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

Json rows_of(const Eigen::Matrix4d& matrix) {
  Json rows = Json::array();
  for (int r = 0; r < 4; ++r) rows.push_back({matrix(r, 0), matrix(r, 1), matrix(r, 2), matrix(r, 3)});
  return rows;
}

class ForeignTransforms : public testing::Test {
 protected:
  void SetUp() override {
    truth_ = test::write_tiny_set(folder_ / "car");
    for (const char* sub : {"images", "train"}) make_folder(folder_ / "car" / sub);
    for (const Frame& frame : truth_.frames) {
      fs::copy_file(path() / frame.file_path, path() / "images" / frame.file_path);
      fs::copy_file(path() / frame.file_path, path() / "train" / fmt::format("r_{}.png", frame.slot()));
    }
  }
  fs::path path() const { return folder_ / "car"; }
  ViewSet read(const Json& value) const {
    write_json_atomic(path() / "transforms.json", value);
    return read_view_set(path());
  }
  void refused(const Json& value, const std::vector<std::string>& texts) const {
    expect_error(ExitCode::runtime, texts, [&] { read(value); });
  }
  std::vector<std::string> problems(const Json& value) const {
    write_json_atomic(path() / "transforms.json", value);
    std::vector<std::string> lines;
    parse_view_set(path(), [&](const std::string& where, const std::string& what, const std::string& advice) {
      EXPECT_FALSE(advice.empty());
      lines.push_back(where + " " + what);
    });
    return lines;
  }
  // The frames in some tool's way, with azimuth_deg only where `stated`.
  template <class Describe>
  Json frames(bool stated, Describe&& describe) const {
    Json out = Json::array();
    for (const Frame& frame : truth_.frames) {
      Json one = describe(frame);
      one["transform_matrix"] = rows_of(frame.camera->vehicle_from_camera);
      if (stated) one["azimuth_deg"] = frame.azimuth_deg;
      out.push_back(one);
    }
    return out;
  }
  void expect_truth(const ViewSet& set) const {
    EXPECT_EQ(set.width, 48);
    EXPECT_EQ(set.height, 32);
    ASSERT_EQ(set.frames.size(), 8U);
    for (std::size_t i = 0; i < 8; ++i) {
      const Camera &camera = set.frames[i].camera.value(), &expected = *truth_.frames[i].camera;
      EXPECT_NEAR(set.frames[i].azimuth_deg, truth_.frames[i].azimuth_deg, 1e-9);
      EXPECT_TRUE(camera.vehicle_from_camera.isApprox(expected.vehicle_from_camera, 1e-9));
      EXPECT_NEAR(camera.fl_x, expected.fl_x, 1e-6);
      EXPECT_NEAR(camera.fl_y, expected.fl_y, 1e-6);
      EXPECT_NEAR(camera.cx, 24, 1e-9);
      EXPECT_NEAR(camera.cy, 16, 1e-9);
      EXPECT_EQ(camera.width, 48);
      EXPECT_EQ(read_masked_picture(set, set.frames[i]).cols, 48);
    }
  }
  double focal() const { return truth_.frames[0].camera->fl_x; }
  double angle_x() const { return 2 * std::atan(24 / focal()); }

  // ns-process-data images; azimuths added by hand.
  Json nerfstudio(bool stated = true) const {
    Json value = {
        {"w", 48},   {"h", 32},   {"fl_x", focal()}, {"fl_y", focal()},         {"cx", 24.0}, {"cy", 16.0}, {"k1", 0.0},
        {"k2", 0.0}, {"p1", 0.0}, {"p2", 0.0},       {"camera_model", "OPENCV"}};
    value["frames"] = frames(stated, [](const Frame& frame) {
      return Json{{"file_path", "images/" + frame.file_path}, {"colmap_im_id", frame.slot() + 1}};
    });
    value["applied_transform"] = {{1.0, 0.0, 0.0, 0.0}, {0.0, 0.0, 1.0, 0.0}, {-0.0, -1.0, -0.0, -0.0}};
    value["ply_file_path"] = "sparse_pc.ply";
    return value;
  }
  // The synthetic scenes of NeRF, and Blender add-ons that write the same.
  Json nerf_synthetic(bool stated = true) const {
    Json value = {{"camera_angle_x", angle_x()}};
    value["frames"] = frames(stated, [](const Frame& frame) {
      return Json{{"file_path", fmt::format("./train/r_{}", frame.slot())}, {"rotation", 0.012566370614359171}};
    });
    return value;
  }
  // BlenderNeRF on Windows.
  Json blender_nerf() const {
    Json value = {{"camera_angle_x", angle_x()},
                  {"camera_angle_y", 2 * std::atan(16 / focal())},
                  {"fl_x", focal()},
                  {"fl_y", focal()},
                  {"k1", 0.0},
                  {"k2", 0.0},
                  {"p1", 0.0},
                  {"p2", 0.0},
                  {"cx", 24.0},
                  {"cy", 16.0},
                  {"w", 48},
                  {"h", 32},
                  {"aabb_scale", 4}};
    value["frames"] = frames(true, [](const Frame& frame) {
      return Json{{"file_path", "train\\r_" + std::to_string(frame.slot()) + ".png"}};
    });
    return value;
  }
  // instant-ngp's colmap2nerf.py.
  Json instant_ngp() const {
    Json value = blender_nerf();
    value["k3"] = value["k4"] = 0.0;
    value["is_fisheye"] = false;
    value["w"] = 48.0;
    value["h"] = 32.0;
    for (const auto& [name, number] : {std::pair{"scale", 0.33}, std::pair{"aabb_scale", 32.0}}) value[name] = number;
    value["offset"] = {0.5, 0.5, 0.5};
    value["frames"] = frames(true, [](const Frame& frame) {
      return Json{{"file_path", "./images/" + frame.file_path}, {"sharpness", 512.25}};
    });
    return value;
  }
  // Polycam and Record3D through nerfstudio, Stable-Virtual-Camera: everything in the frames.
  Json per_frame() const {
    Json value = {{"camera_model", "PINHOLE"}, {"orientation_override", "none"}};
    value["frames"] = frames(true, [&](const Frame& frame) {
      return Json{{"fl_x", focal()},
                  {"fl_y", focal()},
                  {"cx", 24.0},
                  {"cy", 16.0},
                  {"w", 48},
                  {"h", 32},
                  {"k1", 0.0},
                  {"camera_model", "PINHOLE"},
                  {"file_path", "./images/" + frame.file_path}};
    });
    return value;
  }

  TemporaryFolder folder_;
  ViewSet truth_;
};

TEST_F(ForeignTransforms, AreReadAsTheyMeanIt) {
  expect_truth(read(nerfstudio()));
  expect_truth(read(nerf_synthetic()));
  expect_truth(read(blender_nerf()));
  expect_truth(read(instant_ngp()));
  expect_truth(read(per_frame()));
}

TEST_F(ForeignTransforms, AFrameOverridesItsSet) {
  Json value = nerf_synthetic();
  value["w"] = 48;
  value["h"] = 32;
  value["frames"][2]["camera_angle_x"] = 2 * std::atan(24 / 60.0);
  value["frames"][3]["fl_x"] = 70;
  value["frames"][4]["fl_y"] = 80;
  value["frames"][5]["x_fov"] = 2 * std::atan(24 / 90.0) / kDegree;
  const ViewSet set = read(value);
  EXPECT_NEAR(set.frames[2].camera->fl_x, 60, 1e-9);
  EXPECT_NEAR(set.frames[2].camera->fl_y, 60, 1e-9);
  EXPECT_EQ(set.frames[3].camera->fl_y, 70);
  EXPECT_NEAR(set.frames[4].camera->fl_x, focal(), 1e-6);
  EXPECT_EQ(set.frames[4].camera->fl_y, 80);
  EXPECT_NEAR(set.frames[5].camera->fl_x, 90, 1e-9);
  value = per_frame();  // the frames' size is right, the set's is that of other pictures
  value["w"] = 480;
  value["h"] = 320;
  expect_truth(read(value));
  value["frames"][6]["h"] = 24;
  refused(value, {"frames[6].h", "differs", "32 px"});
}

TEST_F(ForeignTransforms, OneDeclarationServesSetAndFrames) {
  const std::vector<std::pair<std::string, Json>> wrong = {{"w", "48"},
                                                           {"h", 0},
                                                           {"w", 48.5},
                                                           {"fl_x", -1},
                                                           {"fl_y", "70"},
                                                           {"cx", nullptr},
                                                           {"cy", 1e9},
                                                           {"k1", 0.01},
                                                           {"p2", "x"},
                                                           {"camera_model", "OPENCV_FISHEYE"},
                                                           {"category", 7},
                                                           {"licence", 3},
                                                           {"source", {1}},
                                                           {"camera_angle_x", 39.6},
                                                           {"category", "A B"},
                                                           {"camera_model", 3},
                                                           {"distortion_params", {0.1, 0}},
                                                           {"is_fisheye", true}};
  for (const auto& [name, field] : wrong) {
    Json of_set = nerfstudio(), of_frame = nerfstudio(), of_all = nerfstudio();
    of_set[name] = field;
    of_frame["frames"][4][name] = field;
    for (Json& frame : of_all["frames"]) frame[name] = field;
    const auto set = problems(of_set), frame = problems(of_frame), all = problems(of_all);
    ASSERT_EQ(set.size(), 1U) << name << testing::PrintToString(set);
    ASSERT_EQ(frame.size(), 1U) << name << testing::PrintToString(frame);
    ASSERT_EQ(all.size(), 1U) << name << testing::PrintToString(all);
    EXPECT_EQ("frames[4]." + set[0], frame[0]);
    EXPECT_THAT(all[0], HasSubstr("(frames 0, 1, 2 and 5 more)"));
  }
}

TEST_F(ForeignTransforms, NamesWithoutEnding) {
  Json value = nerf_synthetic();
  fs::rename(path() / "train/r_3.png", path() / "train/r_3.PNG");
  EXPECT_EQ(read(value).frames[3].file_path, "./train/r_3.PNG");
  write_file_atomic(path() / "train/r_3.jpg", "x");
  refused(value, {"frames[3].file_path", "r_3.PNG", "r_3.jpg", "write the ending"});
  for (const char* name : {"r_2.png", "r_4.png"}) fs::remove(path() / "train" / name);
  fs::remove(path() / "train/r_3.jpg");
  EXPECT_THAT(problems(value), ElementsAre(HasSubstr("r_2' is no file, nor with .png, .jpg, .jpeg or .webp added "
                                                     "(frames 2, 4)")));
}

TEST_F(ForeignTransforms, BackSlashesSeparateFolders) {
  Json value = blender_nerf();
  value["frames"][0]["file_path"] = ".\\images\\000.png";
  EXPECT_EQ(read(value).frames[0].file_path, "./images/000.png");
  for (const char* file : {"..\\car\\000.png\\..\\..\\..\\000.png", "train\\..\\..\\000.png", "C:\\Users\\me\\000.png",
                           "C:/Users/me/000.png", "\\\\server\\share\\000.png", "\\etc\\passwd"}) {
    value["frames"][0]["file_path"] = file;
    refused(value, {"frames[0].file_path", "inside"});
  }
  value["frames"][0]["file_path"] = "/elsewhere/car/images/000.png";
  refused(value, {"frames[0].file_path", "inside", "in which it lies"});
  fs::copy_file(path() / "000.png", path() / "a\\b.png");  // a name that has a back-slash
  value["frames"][0]["file_path"] = "a\\b.png";
  EXPECT_EQ(read(value).frames[0].file_path, "a\\b.png");
  value["frames"][0]["file_path"] = "images\\045.png";
  value["frames"][1]["file_path"] = "./images/045.png";
  refused(value, {"frames[1].file_path", "listed twice"});
}

TEST_F(ForeignTransforms, MasksOfOtherNamesAndValues) {
  const cv::Mat picture = read_picture(path() / "045.png");
  cv::Mat alpha;
  cv::extractChannel(picture, alpha, 3);
  cv::threshold(alpha, alpha, 127, 1, cv::THRESH_BINARY);
  write_png(path() / "mask.png", alpha);
  Json value = nerfstudio();
  value["frames"][1]["mask_path"] = "mask.png";
  ViewSet set = read(value);
  EXPECT_EQ(set.frames[1].mask_file_path, "mask.png");
  cv::Mat read_alpha;
  cv::extractChannel(read_masked_picture(set, set.frames[1]), read_alpha, 3);
  EXPECT_EQ(cv::countNonZero(read_alpha != alpha * 255), 0);
  value["frames"][1]["mask_file_path"] = "./mask.png";
  EXPECT_EQ(read(value).frames[1].mask_file_path, "./mask.png");
  value["frames"][1]["mask_file_path"] = "000.png";
  refused(value, {"frames[1].mask_file_path", "another file than mask_path", "keep"});
}

TEST_F(ForeignTransforms, SizesComeFromThePicturesWhereNoneAreStated) {
  Json value = nerf_synthetic();
  write_png(path() / "train/r_5.png", cv::Mat(16, 24, CV_8UC4, cv::Scalar::all(255)));  // images_2
  const ViewSet set = read(value);
  EXPECT_EQ(set.width, 48);
  expect_error(ExitCode::runtime, {"r_5.png", "24x16", "48x32", "by 0.5"},
               [&] { read_masked_picture(set, set.frames[5]); });
  for (int slot = 0; slot < 8; ++slot) write_file_atomic(path() / fmt::format("train/r_{}.png", slot), "x");
  refused(value, {"w is missing", "r_0.png", "state w and h"});
  value["w"] = 48;
  refused(value, {"h is missing"});
}

TEST_F(ForeignTransforms, MatricesSayWhatIsWrongWithThem) {
  Json value = nerfstudio();
  for (Json& frame : value["frames"]) frame["transform_matrix"].erase(3);  // 3x4
  expect_truth(read(value));
  const auto refuse = [&](const std::string& text, const std::function<void(Eigen::Matrix4d&)>& change) {
    Json changed = nerfstudio();
    for (std::size_t i = 0; i < 8; ++i) {
      Eigen::Matrix4d matrix = truth_.frames[i].camera->vehicle_from_camera;
      change(matrix);
      changed["frames"][i]["transform_matrix"] = rows_of(matrix);
    }
    EXPECT_THAT(problems(changed), ElementsAre(HasSubstr(text))) << text;
  };
  refuse("scaled by 2 (frames 0, 1, 2 and 5 more)", [](auto& m) { m.template topLeftCorner<3, 3>() *= 2; });
  refuse("left-handed", [](auto& m) { m.col(0) *= -1; });
  refuse("written by columns", [](auto& m) { m = m.transpose().eval(); });
  refuse("last row", [](auto& m) { m(3, 3) = 2; });
  refuse("no rotation", [](auto& m) { m.col(1) *= 3; });
  refuse("does not see the vehicle's centre", [](auto& m) { m.col(1) *= -1, m.col(2) *= -1; });  // OpenCV's axes
  refuse("stands at azimuth 90.0, but azimuth_deg is 0.0", [](auto& m) {  // Blender: the front looks along -Y
    Eigen::Matrix4d turn = Eigen::Matrix4d::Identity();
    turn.topLeftCorner<3, 3>() = Eigen::AngleAxisd(std::acos(-1.0) / 2, Eigen::Vector3d::UnitZ()).toRotationMatrix();
    m = turn * m;
  });
}

TEST_F(ForeignTransforms, AnotherScenesFrameTellsNoAzimuth) {
  EXPECT_THAT(problems(nerfstudio(false)),
              ElementsAre(testing::AllOf(HasSubstr("frames[0].azimuth_deg"), HasSubstr("front"),
                                         HasSubstr("applied_transform"), HasSubstr("(frames 0, 1, 2 and 5 more)"))));
  EXPECT_THAT(problems(nerf_synthetic(false)), ElementsAre(HasSubstr("camera_angle_x")));
  Json value = nerfstudio(false);  // azimuths and no matrices: the cameras are estimated
  for (std::size_t i = 0; i < 8; ++i) {
    value["frames"][i]["azimuth_deg"] = 45.0 * static_cast<double>(i);
    value["frames"][i].erase("transform_matrix");
  }
  EXPECT_FALSE(read(value).frames[2].camera.has_value());
  value = nerfstudio();
  value["from_na"] = true;
  EXPECT_THAT(problems(value), ElementsAre(HasSubstr("from_na says")));
  value["from_na"] = false;
  expect_truth(read(value));
}

TEST_F(ForeignTransforms, LensesThatContradictThemselves) {
  Json value = blender_nerf();
  value["fl_x"] = value["fl_y"] = 2 * focal();  // of pictures of twice the size
  EXPECT_THAT(problems(value), ElementsAre(HasSubstr("by camera_angle_x"), HasSubstr("by camera_angle_y")));
  value = per_frame();
  for (Json& frame : value["frames"]) frame["fl_x"] = frame["fl_y"] = 1.09;  // shares of the width
  EXPECT_THAT(problems(value), ElementsAre(HasSubstr("fl_x is 1.09 px for pictures 48 px wide (frames")));
  value = nerfstudio();
  for (const char* term : {"k1", "k2", "p1", "p2"}) value[term] = 0.01;
  EXPECT_THAT(problems(value), ElementsAre(HasSubstr("lens distortion is not supported (k1, k2, p1, p2 not 0)")));
  value["camera_model"] = "OPENCV_FISHEYE";
  EXPECT_THAT(problems(value), ElementsAre(HasSubstr("camera_model 'OPENCV_FISHEYE'")));
}

TEST_F(ForeignTransforms, TwoAzimuthsOfOneViewAreNotAViewApart) {
  Json value = nerfstudio();
  value["frames"][2]["stated_azimuth_deg"] = 75;
  EXPECT_EQ(read(value).frames[2].stated_azimuth_deg, 75);
  value["frames"][2]["stated_azimuth_deg"] = 45;
  refused(value, {"frames[2].stated_azimuth_deg", "45 and 90", "another primary view"});
}

TEST_F(ForeignTransforms, TooManyFramesAreCounted) {
  Json value = nerf_synthetic();
  for (int i = 0; i < 392; ++i) value["frames"].push_back(value["frames"][0]);
  EXPECT_THAT(problems(value), ElementsAre(HasSubstr("1 to 360 frames, but of 400")));
}

TEST_F(ForeignTransforms, StabilisationReplacesForeignCameras) {
  Json frame = {{"file_path", "a.png"}, {"camera_angle_x", 0.7}, {"x_fov", 40}};
  forget_foreign_camera(frame);
  EXPECT_EQ(frame, (Json{{"file_path", "a.png"}}));
}

TEST_F(ForeignTransforms, SurviveDamage) {
  for (const Json& valid : {nerfstudio(), nerf_synthetic(), instant_ngp(), per_frame()}) {
    test::mutate_and_try(valid.dump(), [&](std::string_view bytes) {
      write_file_atomic(path() / "transforms.json", bytes);
      const ViewSet set = read_view_set(path());
      for (const Frame& frame : set.frames) {
        EXPECT_FALSE(std::isnan(frame.azimuth_deg));
        path_inside(path(), frame.file_path, "frame");
        if (frame.camera) {
          EXPECT_GT(frame.camera->fl_x, 0);
        }
      }
    });
    test::mutate_and_try(valid.dump(), [&](std::string_view bytes) {  // as `data check` reads
      write_file_atomic(path() / "transforms.json", bytes);
      parse_view_set(path(), [](const std::string&, const std::string&, const std::string&) {});
    });
  }
}

}  // namespace
}  // namespace spinfill
