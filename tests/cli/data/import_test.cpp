// SPDX-License-Identifier: Apache-2.0
// Sets out of folders with cameras and of photographs, by the program and the models that lie with it.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <fstream>

#include <cmath>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "geometry/angles.h"
#include "support/support.h"

namespace spinfill {
namespace {

std::string quoted(const fs::path& path) {
  return "'" + path.string() + "'";
}

// A drawn car all around.
class DataImport : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    drawn_ = new test::TemporaryFolder;
    const auto made = test::run_command(test::program() +
                                        " synth --sets 1 --seed 41 --categories sedan --size 192 --samples 4 "
                                        "--views 16 --look photo --no-geometry --out " +
                                        quoted(*drawn_ / "sets"));
    ASSERT_EQ(made.exit_code, 0) << made.output;
    for (const auto& entry : fs::directory_iterator(*drawn_ / "sets"))
      if (fs::exists(entry.path() / "transforms.json")) truth_ = read_view_set(entry.path());
  }
  static void TearDownTestSuite() { delete drawn_; }

  // Its views as nerfstudio would hold them, in a world turned by 50 degrees, from the third on, without azimuths.
  fs::path scene(const std::string& name) {
    const fs::path to = folder_ / name;
    fs::create_directories(to / "images");
    Json root = {{"w", truth_.width}, {"h", truth_.height}, {"applied_scale", 1.0}, {"frames", Json::array()}};
    Eigen::Matrix4d turn = Eigen::Matrix4d::Identity();
    turn.topLeftCorner<2, 2>() << std::cos(50 * kDegree), -std::sin(50 * kDegree), std::sin(50 * kDegree),
        std::cos(50 * kDegree);
    for (std::size_t i = 0; i < truth_.frames.size(); ++i) {
      const Frame& frame = truth_.frames[(i + 2) % truth_.frames.size()];
      Camera camera = *frame.camera;
      camera.vehicle_from_camera = turn * camera.vehicle_from_camera;
      const std::string file = fmt::format("images/{:02}.png", i + 1);
      fs::copy_file(truth_.folder / frame.file_path, to / file);
      Json one = {{"file_path", file}};
      put_camera(one, camera);
      root["frames"].push_back(one);
    }
    write_json_atomic(to / "transforms.json", root);
    return to;
  }
  fs::path photographs(const std::string& name, const std::vector<std::size_t>& views) {
    const fs::path to = folder_ / name;
    fs::create_directory(to);
    int number = 0;
    for (const std::size_t view : views) {
      ++number;
      fs::copy_file(truth_.folder / truth_.frames[view].file_path, to / fmt::format("{:02} copy.PNG", 20 - number));
    }
    return to;
  }
  test::CommandResult import(const std::string& arguments) const {
    return test::run_command(test::program() + " data import --out " + quoted(folder_ / "sets") + " " + arguments);
  }
  fs::path made(const std::string& name) const { return folder_ / "sets" / name; }

  static inline test::TemporaryFolder* drawn_ = nullptr;
  static inline ViewSet truth_;
  test::TemporaryFolder folder_;
};

TEST_F(DataImport, ScenesAndPhotographsBecomeSetsThatPassTheCheck) {
  const fs::path with_cameras = scene("scene"), alone = photographs("my car", {0, 2, 4, 6, 8, 10, 12, 14});
  std::ofstream(alone / "notes.txt") << "x";
  const auto result = import(quoted(with_cameras) + " " + quoted(alone) +
                             " --category sedan --licence CC0-1.0 --json 2>" + quoted(folder_ / "log"));
  ASSERT_EQ(result.exit_code, 0) << result.output << read_file(folder_ / "log");
  const Json sets = parse_json(result.output, "output")["sets"];
  ASSERT_EQ(sets.size(), 2U);
  EXPECT_EQ(sets[0]["kind"], "nerfstudio");
  EXPECT_EQ(sets[0]["front"]["from"], "azimuth network");
  EXPECT_EQ(sets[0]["photographs"].size(), 16U);
  EXPECT_EQ(sets[1]["kind"], "photographs");
  EXPECT_EQ(sets[1]["left_out"][0]["file"], "notes.txt");
  EXPECT_GT(sets[1]["stabilisation"]["confidence"], 0.3);
  const auto check =
      test::run_command(test::program() + " data check " + quoted(folder_ / "sets") + " --allow-missing");
  EXPECT_EQ(check.exit_code, 0) << check.output;

  const ViewSet set = read_view_set(made("scene"));
  EXPECT_EQ(set.category, "sedan");
  EXPECT_EQ(set.licence, "CC0-1.0");
  EXPECT_FALSE(set.cameras_estimated);
  ASSERT_EQ(set.frames.size(), 8U);
  for (const Frame& frame : set.frames) {
    const std::size_t listed = std::stoul(frame.file_path.substr(0, 2)) - 1;
    const Frame& truth = truth_.frames[(listed + 2) % 16];
    EXPECT_LT(apart_deg(frame.azimuth_deg, truth.azimuth_deg), 4) << frame.file_path;
    EXPECT_NEAR(frame.camera->vehicle_from_camera.topRightCorner(3, 1).norm(),
                truth.camera->vehicle_from_camera.topRightCorner(3, 1).norm(), 0.15);
  }

  const ViewSet walk = read_view_set(made("my car"));
  EXPECT_TRUE(walk.cameras_estimated);
  EXPECT_GE(walk.frames.size(), 7U);
  int right = 0;
  for (std::size_t i = 0; i < walk.frames.size(); ++i) {
    if (i > 0) EXPECT_GT(walk.frames[i].azimuth_deg, walk.frames[i - 1].azimuth_deg);
    const int number = 20 - std::stoi(walk.frames[i].file_path.substr(0, 2));  // the first shows the front
    right += apart_deg(walk.frames[i].azimuth_deg, 45 * (number - 1)) < 22.5;
  }
  EXPECT_GE(right, 6);
}

TEST_F(DataImport, TheFrontThatIsGivenIsObeyed) {
  const auto result = import(quoted(scene("scene") / "transforms.json") + " --front 135 --up z");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_NE(result.output.find("front by --front"), std::string::npos) << result.output;
  for (const Frame& frame : read_view_set(made("scene")).frames)
    if (frame.file_path == "01.png") EXPECT_NEAR(frame.azimuth_deg, 135, 1e-3);
}

TEST_F(DataImport, OneBadSourceIsNamedAndTheOthersAreWritten) {
  const fs::path good = scene("good"), bad = scene("bad");
  Json root = read_json(bad / "transforms.json");
  root["camera_model"] = "OPENCV_FISHEYE";
  write_json_atomic(bad / "transforms.json", root);
  const auto both = import(quoted(bad) + " " + quoted(good) + " --front 45");
  EXPECT_EQ(both.exit_code, 1);
  EXPECT_NE(both.output.find("'OPENCV_FISHEYE'"), std::string::npos) << both.output;
  EXPECT_NE(both.output.find("1 of 2 sources"), std::string::npos) << both.output;
  EXPECT_TRUE(fs::exists(made("good") / "transforms.json"));
  EXPECT_FALSE(fs::exists(made("bad")));
  EXPECT_EQ(import(quoted(good)).exit_code, 2);  // not replaced unasked
  // Where none can be imported, what is there stays.
  const auto none = import(quoted(bad) + " --replace");
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_TRUE(fs::exists(made("good") / "transforms.json"));
}

TEST_F(DataImport, UsageErrorsSayWhatToDo) {
  const fs::path first = photographs("car", {0, 4}), second = folder_ / "more/car";
  fs::create_directories(second.parent_path());
  fs::copy(first, second);
  const auto twice = import(quoted(first) + " " + quoted(second));
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_NE(twice.output.find("both would become the set car"), std::string::npos) << twice.output;
  EXPECT_EQ(import(quoted(folder_ / "none")).exit_code, 2);
  const auto front = import(quoted(first) + " --front 0");
  EXPECT_EQ(front.exit_code, 2);
  EXPECT_NE(front.output.find("has no cameras"), std::string::npos) << front.output;
  const auto parent = import(quoted(second.parent_path()));
  EXPECT_EQ(parent.exit_code, 2);
  EXPECT_NE(parent.output.find("holds folders (car)"), std::string::npos) << parent.output;
  EXPECT_EQ(import(quoted(first / "19 copy.PNG")).exit_code, 2);
  EXPECT_EQ(import(quoted(first) + " --category 'My Cars'").exit_code, 2);
  EXPECT_EQ(import(quoted(first) + " --up w").exit_code, 2);
  EXPECT_EQ(import(quoted(truth_.folder)).exit_code, 2);  // a view set already
  const auto few = import(quoted(first));
  EXPECT_EQ(few.exit_code, 1);
  EXPECT_NE(few.output.find("primary views"), std::string::npos) << few.output;
  EXPECT_FALSE(fs::exists(folder_ / "sets"));
}

}  // namespace
}  // namespace spinfill
