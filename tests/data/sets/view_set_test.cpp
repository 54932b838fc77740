// SPDX-License-Identifier: Apache-2.0
#include "data/sets/view_set.h"
#include "core/files/json.h"

#include "core/files/files.h"
#include "data/open_data_set.h"
#include "data/pictures/picture.h"
#include "data/sets/data_set.h"
#include "data/sets/view_set_reader.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using test::write_tiny_set;

// A set whose transforms.json was changed.
class Changed {
 public:
  Changed() { write_tiny_set(folder_ / "car"); }
  fs::path path() const { return folder_ / "car"; }
  Json json() const { return read_json(path() / "transforms.json"); }
  void write(const Json& value) const { write_json_atomic(path() / "transforms.json", value); }
  template <class Change>
  void expect_refused(const std::vector<std::string>& texts, Change&& change) const {
    const Json original = json();
    Json value = original;
    change(value);
    write(value);
    expect_error(ExitCode::runtime, texts, [&] { read_view_set(path()); });
    write(original);
  }

 private:
  TemporaryFolder folder_;
};

TEST(ViewSet, WhatIsWrittenIsRead) {
  const TemporaryFolder folder;
  const ViewSet written = write_tiny_set(folder / "car", {.id = "car", .category = "jeep"});
  const ViewSet read = read_view_set(folder / "car");
  EXPECT_EQ(read.id, "car");
  EXPECT_EQ(read.category, "jeep");
  EXPECT_EQ(read.licence, "CC0-1.0");
  EXPECT_EQ(read.width, 48);
  EXPECT_EQ(read.height, 32);
  ASSERT_EQ(read.frames.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) {
    ASSERT_TRUE(read.frames[i].camera.has_value());
    EXPECT_EQ(read.frames[i].camera->vehicle_from_camera, written.frames[i].camera->vehicle_from_camera);
    EXPECT_EQ(read.frames[i].camera->fl_x, written.frames[i].camera->fl_x);
    EXPECT_EQ(read.frames[i].camera->cy, 16);
    EXPECT_EQ(read.frame_at(static_cast<int>(i)), &read.frames[i]);
  }
}

TEST(ViewSet, SlotIsTheNearestPrimaryView) {
  const auto slot = [](double azimuth) {
    Frame frame;
    frame.azimuth_deg = azimuth;
    return frame.slot();
  };
  EXPECT_EQ(slot(0), 0);
  EXPECT_EQ(slot(22.4), 0);
  EXPECT_EQ(slot(22.5), 1);
  EXPECT_EQ(slot(337.5), 0);
  EXPECT_EQ(slot(359.99), 0);
  EXPECT_EQ(slot(320), 7);
  EXPECT_EQ(slot(200), 4);
}

TEST(ViewSet, ADenseSpinGivesTheNearestPictureOfASlot) {
  ViewSet set;
  for (const double azimuth : {350.0, 1.0, 12.0, 50.0}) {
    Frame frame;
    frame.azimuth_deg = azimuth;
    set.frames.push_back(frame);
  }
  EXPECT_EQ(set.frame_at(0)->azimuth_deg, 1.0);
  EXPECT_EQ(set.frame_at(1)->azimuth_deg, 50.0);
  EXPECT_EQ(set.frame_at(2), nullptr);
}

TEST(ViewSet, CamerasAreOptionalAndFramesMayBeFew) {
  const TemporaryFolder folder;
  write_tiny_set(folder / "car", {.slots = {0, 1, 3, 5, 6}, .cameras = false});
  const ViewSet set = read_view_set(folder / "car");
  EXPECT_EQ(set.frames.size(), 5U);
  EXPECT_FALSE(set.frames[0].camera.has_value());
  EXPECT_EQ(set.frame_at(2), nullptr);
}

TEST(ViewSet, FrameIntrinsicsOverrideTheSets) {
  const Changed set;
  Json value = set.json();
  value["frames"][2]["fl_x"] = 100.0;
  value["frames"][2]["cx"] = 20.0;
  set.write(value);
  const ViewSet read = read_view_set(set.path());
  EXPECT_EQ(read.frames[2].camera->fl_x, 100);
  EXPECT_EQ(read.frames[2].camera->fl_y, 100);
  EXPECT_EQ(read.frames[2].camera->cx, 20);
  EXPECT_EQ(read.frames[1].camera->cx, 24);
}

TEST(ViewSet, AzimuthComesFromTheCameraWhenAbsent) {
  const Changed set;
  Json value = set.json();
  value["frames"][3].erase("azimuth_deg");
  set.write(value);
  EXPECT_NEAR(read_view_set(set.path()).frames[3].azimuth_deg, 135, 1e-9);
  set.expect_refused({"frames[3].azimuth_deg", "missing"}, [](Json& v) { v["frames"][3].erase("transform_matrix"); });
}

TEST(ViewSet, EveryFieldIsChecked) {
  const Changed set;
  set.expect_refused({"transforms.json", "frames[1].azimuth_deg", "from -360 to 360"},
                     [](Json& v) { v["frames"][1]["azimuth_deg"] = 400; });
  set.expect_refused({"azimuth_deg"}, [](Json& v) { v["frames"][1]["azimuth_deg"] = "45"; });
  set.expect_refused({"w", "1 to 16384"}, [](Json& v) { v["w"] = 40000; });
  set.expect_refused({"too large"}, [](Json& v) {
    v["w"] = 16000;
    v["h"] = 16000;
  });
  set.expect_refused({"w", "whole"}, [](Json& v) { v["w"] = 48.5; });
  set.expect_refused({"h is missing"}, [](Json& v) { v.erase("h"); });
  set.expect_refused({"fl_x"}, [](Json& v) { v["fl_x"] = -3; });
  set.expect_refused({"cx"}, [](Json& v) { v["cx"] = nullptr; });
  set.expect_refused({"focal length"}, [](Json& v) {
    v.erase("fl_x");
    v.erase("fl_y");
  });
  set.expect_refused({"frames[0].transform_matrix", "finite"},
                     [](Json& v) { v["frames"][0]["transform_matrix"][0][0] = nullptr; });
  set.expect_refused({"frames[0].transform_matrix", "finite"},
                     [](Json& v) { v["frames"][0]["transform_matrix"][0][3] = 1e300; });
  set.expect_refused({"frames[0].transform_matrix", "4x4"},
                     [](Json& v) { v["frames"][0]["transform_matrix"][1].erase(3); });
  set.expect_refused({"rigid"}, [](Json& v) { v["frames"][0]["transform_matrix"][0][0] = 2.0; });
  set.expect_refused({"rigid"}, [](Json& v) { v["frames"][0]["transform_matrix"][3][0] = 0.1; });
  set.expect_refused({"rigid"}, [](Json& v) {  // a reflection
    for (int r = 0; r < 3; ++r)
      v["frames"][0]["transform_matrix"][r][0] = -v["frames"][0]["transform_matrix"][r][0].get<double>();
  });
  set.expect_refused({"category", "sedan"}, [](Json& v) { v["category"] = "Boat!"; });
  set.expect_refused({"id"}, [](Json& v) { v["id"] = "../up"; });
  set.expect_refused({"id", "two\\x0alines"}, [](Json& v) { v["id"] = "two\nlines"; });
  set.expect_refused({"frames", "1 to 360"}, [](Json& v) { v["frames"] = Json::array(); });
  set.expect_refused({"frames", "1 to 360"}, [](Json& v) {
    for (int i = 0; i < 360; ++i) v["frames"].push_back(v["frames"][0]);
  });
  set.expect_refused({"listed twice"}, [](Json& v) { v["frames"][1]["file_path"] = "000.png"; });
  set.expect_refused({"frames[2]", "object"}, [](Json& v) { v["frames"][2] = 7; });
  set.expect_refused({"file_path", "missing"}, [](Json& v) { v["frames"][2].erase("file_path"); });
  set.expect_refused({"camera_model"}, [](Json& v) { v["camera_model"] = "OPENCV_FISHEYE"; });
  set.expect_refused({"k1", "distortion"}, [](Json& v) { v["k1"] = 0.1; });
  set.expect_refused({"frames[4].w"}, [](Json& v) { v["frames"][4]["w"] = 24; });
  read_view_set(set.path());  // all changes were undone
}

TEST(ViewSet, PathsStayInTheFolder) {
  const Changed set;
  for (const char* path : {"../000.png", "/etc/passwd", "a/../../b.png", "", "x\n.png"}) {
    for (const char* field : {"file_path", "depth_file_path", "normal_file_path", "mask_file_path"}) {
      set.expect_refused({"frames[5]", field, "inside"}, [&](Json& v) { v["frames"][5][field] = path; });
    }
    set.expect_refused({"identity_file_path", "inside"}, [&](Json& v) { v["identity_file_path"] = path; });
  }
  const TemporaryFolder elsewhere;
  write_file_atomic(elsewhere / "secret.png", "x");
  fs::create_symlink(elsewhere / "secret.png", set.path() / "link.png");
  set.expect_refused({"frames[5].file_path", "symbolic link", "secret.png", "--follow-links"},
                     [](Json& v) { v["frames"][5]["file_path"] = "link.png"; });
}

TEST(ViewSet, MalformedJsonIsOneLineWithItsPlace) {
  const TemporaryFolder folder;
  const auto refuse = [&](const std::string& text, const std::vector<std::string>& expected) {
    write_file_atomic(folder / "transforms.json", text);
    expect_error(ExitCode::runtime, expected, [&] { read_view_set(folder.path()); });
  };
  expect_error(ExitCode::runtime, {"transforms.json"}, [&] { read_view_set(folder.path()); });
  refuse("", {"transforms.json"});
  refuse("{\"w\": 3,\n \"w\": 4}", {"transforms.json", "'w'", "twice"});
  refuse("{\"w\": 3,\n \"h\": NaN}", {"transforms.json:2"});
  refuse("{\"w\": 1e999}", {"transforms.json"});
  refuse("[1, 2]", {"transforms.json", "object"});
  refuse(std::string(100000, '['), {"transforms.json"});
}

TEST(ViewSet, RealSetsAreRead) {
  SPINFILL_NEEDS_REAL_DATA();
  const DataSet data = open_data_set(test::real_data() / "spins", "test");
  ASSERT_GE(data.size(), 3);
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const ViewSet set = *data.view_set(i);
    EXPECT_EQ(set.frames.size(), 8U);
    for (int slot = 0; slot < 8; ++slot) EXPECT_NE(set.frame_at(slot), nullptr) << set.id << slot;
    EXPECT_EQ(read_picture(set.folder / set.frames[0].file_path).cols, set.width);
  }
}

TEST(DataSet, SplitsAreByVehicle) {
  const TemporaryFolder folder;
  test::write_tiny_data_set(folder.path(), 4);
  const DataSet train = open_data_set(folder.path(), "train");
  ASSERT_EQ(train.size(), 2);
  EXPECT_EQ(train.id(0), "tiny-00");
  EXPECT_EQ(open_data_set(folder.path(), "test").id(0), "tiny-03");
  expect_error(ExitCode::runtime, {"splits.json", "'dev'", "train"}, [&] { open_data_set(folder.path(), "dev"); });

  const auto refuse = [&](const char* text, const std::vector<std::string>& expected) {
    write_file_atomic(folder / "splits.json", text);
    expect_error(ExitCode::runtime, expected, [&] { open_data_set(folder.path(), "train"); });
  };
  refuse(R"({"train": ["tiny-00", "tiny-01"], "test": ["tiny-01"]})", {"splits.json", "shares vehicle 'tiny-01'"});
  refuse(R"({"train": ["tiny-00", "tiny-00"]})", {"splits.json", "twice"});
  refuse(R"({"train": ["tiny-00", "other"]})", {"splits.json", "'other'", "no vehicle"});
  refuse(R"({"train": ["../tiny-00"]})", {"splits.json", "no id"});
  refuse(R"({"train": []})", {"splits.json", "empty"});
  refuse(R"({"train": 3})", {"splits.json", "list"});
  refuse(R"({"train": ["tiny-00"], "train": []})", {"splits.json", "twice"});
}

TEST(DataSet, AnIdMayDifferFromItsFolder) {
  const TemporaryFolder folder;
  write_tiny_set(folder / "a", {.id = "car-1"});
  write_tiny_set(folder / "b", {.id = "car-2"});
  write_json_atomic(folder / "splits.json", {{"train", {"car-2"}}});
  EXPECT_EQ(open_data_set(folder.path(), "train").view_set(0)->folder.filename(), "b");
  write_tiny_set(folder / "c", {.id = "car-1"});
  fs::remove(folder / "splits.json");
  expect_error(ExitCode::runtime, {"car-1", "rename"}, [&] { open_data_set(folder.path(), "train"); });
}

TEST(DataSet, ChosenSetsKeepTheirOrder) {
  const TemporaryFolder folder;
  test::write_tiny_data_set(folder.path(), 6, {.slots = {0, 2}});
  const DataSet train = open_data_set(folder.path(), "train");
  const DataSet chosen = train.chosen({3, 1}), again = chosen.chosen({1});
  ASSERT_EQ(chosen.size(), 2);
  EXPECT_EQ(chosen.id(0), "tiny-03");
  EXPECT_EQ(chosen.view_set(1)->id, "tiny-01");
  EXPECT_EQ(again.id(0), "tiny-01");
  EXPECT_EQ(again.slots(0), Slots(5));
  EXPECT_EQ(again.first_with_identity(), -1);
  expect_error(ExitCode::runtime, {"no set 2 among 2"}, [&] { chosen.view_set(2); });
  EXPECT_EQ(DataSet().size(), 0);
}

TEST(DataSet, WithoutSplitsEverySetServes) {
  const TemporaryFolder folder;
  write_tiny_set(folder / "a", {.id = "a"});
  write_tiny_set(folder / "b", {.id = "b"});
  testing::internal::CaptureStderr();
  EXPECT_EQ(open_data_set(folder.path(), "test").size(), 2);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("no splits.json"), std::string::npos);
  EXPECT_EQ(open_data_set(folder / "a", "test").size(), 1);
  const TemporaryFolder empty;
  expect_error(ExitCode::runtime, {"no view sets"}, [&] { open_data_set(empty.path(), "train"); });
  expect_error(ExitCode::runtime, {"no such folder"}, [&] { open_data_set(empty / "x", "train"); });
}

TEST(DataSet, FoldersWithoutADescriptionAreNamed) {
  const TemporaryFolder folder;
  test::write_tiny_set(folder / "a", {.id = "a", .slots = {0}});
  make_folder(folder / "b");
  make_folder(folder / ".hidden");
  testing::internal::CaptureStderr();
  EXPECT_EQ(open_data_set(folder.path(), "train").size(), 1);
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_NE(lines.find("passed over for want of a transforms.json: b"), std::string::npos) << lines;
}

}  // namespace
}  // namespace spinfill
