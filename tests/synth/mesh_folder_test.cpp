// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <array>
#include <map>

#include "core/files/files.h"
#include "core/files/json.h"
#include "core/random.h"
#include "data/check/check.h"
#include "data/pictures/picture.h"
#include "data/sets/categories.h"
#include "data/sets/view_set_reader.h"
#include "data/shards/pack.h"
#include "data/shards/shards.h"
#include "support/support.h"
#include "synth/import/front_evidence.h"
#include "synth/import/import.h"
#include "synth/import/orientation.h"
#include "synth/synth.h"
#include "synth/vehicles/design.h"
#include "synth/vehicles/vehicle.h"

namespace spinfill {
namespace {

using synth::Vec3;

// A box of 4 × 1.8 × 1.5, X forward and Z up: front and rear are alike.
std::string box_obj(const std::string& head = "") {
  return head +
         "v -2 -1 0\nv 2 -1 0\nv 2 1 0\nv -2 1 0\nv -2 -1 1.5\nv 2 -1 1.5\nv 2 1 1.5\nv -2 1 1.5\nvt 0 0\n"
         "f 1/1 4/1 3/1 2/1\nf 5/1 6/1 7/1 8/1\nf 1/1 2/1 6/1 5/1\nf 2/1 3/1 7/1 6/1\nf 3/1 4/1 8/1 7/1\nf 4/1 1/1 5/1 "
         "8/1\n";
}

synth::SynthOptions small(const test::TemporaryFolder& folder) {
  synth::SynthOptions options;
  options.meshes = folder / "m";
  options.out = folder / "out";
  options.width = 32;
  options.height = 24;
  options.views = 1;
  options.threads = 1;
  options.render.geometry = false;
  return options;
}

// The model a.obj of a folder, its axes given.
synth::Imported import_box(const test::TemporaryFolder& folder) {
  return synth::import_mesh(synth::find_meshes(folder.path()).at(0), {folder.path(), "z", "x"});
}

Vec3 colour_of(const synth::Imported& imported) {
  synth::Point point;
  point.attribute = Vec3(0, 0, 1);
  return imported.model->surface(point).albedo;
}

TEST(SynthMeshes, MaterialLibrariesAndTexturesAreFoundWhateverTheCaseOrTold) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "a.obj", box_obj("mtllib Sub\\Car%20Paint.MTL\nusemtl paint\n"));
  test::expect_error(ExitCode::runtime, {"a.obj", "Car%20Paint.MTL", "not found in", folder.path().string(), "mtllib"},
                     [&] { import_box(folder); });
  fs::create_directories(folder / "sub");
  write_png(folder / "sub/Body.PNG", cv::Mat(1, 1, CV_8UC3, cv::Scalar(0, 255, 0)));
  write_file_atomic(folder / "sub/car paint.mtl",
                    "newmtl paint\nmap_Kd sub\\body.png\nnewmtl unused\nmap_Kd missing.png\n");
  EXPECT_GT(colour_of(import_box(folder)).y(), 0.9f);
  write_file_atomic(folder / "sub/car paint.mtl", "newmtl paint\nmap_Kd missing.png\n");
  test::expect_error(ExitCode::runtime, {"a.obj", "missing.png", folder.path().string(), "textures"},
                     [&] { import_box(folder); });
  write_file_atomic(folder / "missing.tga", "no signature");
  write_file_atomic(folder / "sub/car paint.mtl", "newmtl paint\nmap_Kd missing.tga\n");
  test::expect_error(ExitCode::runtime, {"missing.tga", "TGA", "PNG or JPEG"}, [&] { import_box(folder); });
}

TEST(SynthMeshes, OpacityMapsCutAndGlaze) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "a.obj", box_obj("mtllib a.mtl\nusemtl paint\n"));
  write_file_atomic(folder / "a.mtl", "newmtl paint\nKd 1 1 1\nmap_d clear.png\n");
  write_png(folder / "clear.png", cv::Mat(1, 1, CV_8UC3, cv::Scalar::all(102)));
  synth::Point point;
  point.attribute = Vec3(0, 0, 1);
  EXPECT_NEAR(import_box(folder).model->surface(point).transmission, 0.6f, 0.01f);
}

TEST(SynthMeshes, AllProblemsOfAFolderAreToldBeforeAnythingIsRendered) {
  const test::TemporaryFolder folder;
  fs::create_directories(folder / "m");
  write_file_atomic(folder / "m/bad.obj", "nothing");
  write_file_atomic(folder / "m/doubtful.obj", box_obj());
  write_file_atomic(folder / "m/good.obj", box_obj());
  write_file_atomic(folder / "m/axes.json", R"({"good.obj": {"front": "x", "up": "+z"}})");
  auto options = small(folder);
  testing::internal::CaptureStderr();
  test::expect_error(ExitCode::runtime, {"2 of 3 models", "--skip-bad"}, [&] { synth::make_sets(options); });
  const std::string told = testing::internal::GetCapturedStderr();
  const fs::path sheet = folder / "out-axes/doubtful.png";
  EXPECT_THAT(told, testing::HasSubstr("bad.obj: "));
  EXPECT_THAT(told, testing::HasSubstr("doubtful.obj: "));
  EXPECT_THAT(told, testing::HasSubstr(sheet.string()));
  EXPECT_THAT(told, testing::HasSubstr("--front"));
  EXPECT_FALSE(fs::exists(folder / "out"));
  EXPECT_GE(read_picture(sheet).rows, 2 * 144);
  options.skip_bad = true;
  const std::string result = synth::make_sets(options);
  EXPECT_THAT(result, testing::HasSubstr("bad.obj, doubtful.obj"));
  EXPECT_TRUE(fs::exists(folder / "out/good/000.png"));
  EXPECT_FALSE(fs::exists(folder / "out/doubtful"));
  EXPECT_THAT(read_file(folder / "out/left-out.txt"), testing::HasSubstr("doubtful.obj: "));
  EXPECT_EQ(read_json(folder / "out/splits.json")["train"].size() +
                read_json(folder / "out/splits.json")["val"].size() +
                read_json(folder / "out/splits.json")["test"].size(),
            1u);
}

TEST(SynthMeshes, WhereOnlyAxesAreMissingItIsAMatterOfUsage) {
  const test::TemporaryFolder folder;
  fs::create_directories(folder / "m");
  write_file_atomic(folder / "m/a.obj", box_obj());
  auto options = small(folder);
  test::expect_error(ExitCode::usage,
                     {"a.obj", "--front +x --up +z", "--front -x --up +z", "out-axes/a.png", "axes.json"},
                     [&] { synth::make_sets(options); });
  // Somebody's folder of that name stays.
  fs::create_directories(folder / "out-axes/mine");
  test::expect_error(ExitCode::usage, {"out-axes-2/a.png"}, [&] { synth::make_sets(options); });
  EXPECT_TRUE(fs::is_directory(folder / "out-axes/mine"));
  EXPECT_TRUE(fs::exists(folder / "out-axes-2/a.png"));
  options.up = "z";
  test::expect_error(ExitCode::usage, {"front from rear", "--front +x --up +z", "--front -x --up +z"},
                     [&] { synth::make_sets(options); });
  options.front = "-x";
  synth::make_sets(options);
  EXPECT_TRUE(fs::exists(folder / "out/a/000.png"));
  options.out = (folder / "other").string();
  for (const std::string wrong :
       {R"({"b.obj": {"front": "x"}})", R"({"a.obj": {"front": "w"}})", R"({"a.obj": "x"})", "[]"}) {
    write_file_atomic(folder / "m/axes.json", wrong);
    test::expect_error(ExitCode::usage, {"axes.json"}, [&] { synth::make_sets(options); });
  }
}

// Points all over a vehicle, X forward and Z up, as import sees them.
std::vector<Vec3> points_of(const synth::Model& model) {
  std::vector<Vec3> out;
  for (const auto& part : model.parts) {
    for (const auto& t : part.mesh.triangles) {
      const Vec3 &a = part.mesh.position[t[0]], &b = part.mesh.position[t[1]], &c = part.mesh.position[t[2]];
      for (const Vec3& weight :
           {Vec3(1, 0, 0), Vec3(0, 1, 0), Vec3(0, 0, 1), Vec3(0.5f, 0.5f, 0), Vec3(0.4f, 0.3f, 0.3f)})
        out.emplace_back(weight.x() * a + weight.y() * b + weight.z() * c);
    }
  }
  return out;
}

TEST(SynthMeshes, DrawnVehiclesAreNeverTakenForTheirReverse) {
  std::map<std::string, int> sure;
  for (std::size_t k = 0; k < kCategories.size(); ++k) {
    for (std::uint64_t i = 0; i < 8; ++i) {
      Random random(5, 100 * k + i, Stream::vehicle);
      const synth::Vehicle vehicle(synth::draw_design(kCategories[k], random));
      const std::vector<Vec3> points = points_of(vehicle);
      const float ahead = synth::front_probability(points, Vec3(1, 0, 0), Vec3(0, 0, 1));
      EXPECT_GT(ahead, 0.05f) << kCategories[k] << " " << i;
      EXPECT_NEAR(synth::front_probability(points, Vec3(-1, 0, 0), Vec3(0, 0, 1)), 1 - ahead, 1e-4);
      sure[kCategories[k]] += ahead > 0.95f;
      const auto found = synth::find_orientation(points, {}, {});
      EXPECT_TRUE(!found.doubt.empty() || (found.front == Vec3(1, 0, 0) && found.up == Vec3(0, 0, 1)))
          << kCategories[k] << " " << i << ": " << found.front_from;
    }
  }
  for (const std::string category : {"sedan", "suv", "hatchback", "jeep", "pickup"})
    EXPECT_GE(sure[category], 7) << category;
}

// Boxes one behind the other, from the rear: where each begins and ends, and its height.
std::vector<Vec3> boxes(const std::vector<std::array<float, 3>>& list) {
  std::vector<Vec3> out;
  for (const auto& [from, to, height] : list) {
    for (int i = 0; i <= 200; ++i) {
      for (int j = 0; j <= 10; ++j) {
        const float x = from + (to - from) * static_cast<float>(i) / 200,
                    z = 0.4f + (height - 0.4f) * static_cast<float>(j) / 10;
        for (const Vec3& p : {Vec3(x, -0.9f, z), Vec3(x, 0.9f, z), Vec3(x, 0, height)}) out.push_back(p);
      }
    }
  }
  for (const float x : {list.front()[0] + 0.8f, list.back()[1] - 0.7f}) {  // wheels
    for (const float y : {-0.9f, 0.9f}) {
      for (const float by : {-0.2f, 0.0f, 0.2f}) out.emplace_back(x + by, y, 0);
    }
  }
  return out;
}

TEST(SynthMeshes, BoxyPickupsOffRoadersAndVansAreAskedForOrRight) {
  const auto expect = [](const std::vector<Vec3>& points, const std::string& what) {
    const auto found = synth::find_orientation(points, {}, {"z"});
    EXPECT_TRUE(!found.doubt.empty() || found.front == Vec3(1, 0, 0)) << what << ": " << found.front_from;
    EXPECT_EQ(found.readings.size(), found.doubt.empty() ? 0u : 2u);
  };
  for (const float bed : {0.9f, 1.0f, 1.1f, 1.2f}) {
    for (const float cab : {1.2f, 1.8f, 2.4f})
      expect(boxes({{0, 1.8f, bed}, {1.8f, 1.8f + cab, 1.85f}, {1.8f + cab, 3.1f + cab, 1.05f}}),
             fmt::format("pickup {} {}", bed, cab));
  }
  for (const float bonnet : {0.4f, 0.8f, 1.4f})
    expect(boxes({{0, 2.6f, 1.9f}, {2.6f, 2.6f + bonnet, 1.1f}}), fmt::format("off-roader {}", bonnet));
  const auto van = synth::find_orientation(boxes({std::array<float, 3>{0, 5, 2.2f}}), {}, {"z"});
  EXPECT_NE(van.doubt, "");
}

TEST(SynthMeshes, AFormatsAxesAreDoubtedWhereTheShapeIsAgainstThem) {
  Random random(5, 0, Stream::vehicle);
  const synth::Vehicle vehicle(synth::draw_design("suv", random));
  const std::vector<Vec3> points = points_of(vehicle);  // Z up in a format that says Y
  const auto lying = synth::find_orientation(points, {}, {"auto", "auto", "y", "z", "glTF"});
  EXPECT_THAT(lying.doubt, testing::HasSubstr("glTF says that +y goes up"));
  EXPECT_GE(lying.readings.size(), 3u);
  std::vector<Vec3> standing;  // Y up, the front along −Z
  for (const Vec3& p : points) standing.emplace_back(p.y(), p.z(), -p.x());
  const auto reversed = synth::find_orientation(standing, {}, {"auto", "auto", "y", "z", "glTF"});
  EXPECT_THAT(reversed.doubt, testing::HasSubstr("the front is +z by glTF, but -z by its shape"));
  for (Vec3& p : standing) p = Vec3(-p.x(), p.y(), -p.z());
  EXPECT_EQ(synth::find_orientation(standing, {}, {"auto", "auto", "y", "z", "glTF"}).doubt, "");
}

TEST(SynthMeshes, AsManyViewsAreRenderedAsAreRead) {
  const test::TemporaryFolder folder;
  synth::SynthOptions options;
  options.out = folder / "out";
  options.sets = 1;
  options.views = kMaxFrames;
  options.width = 32;
  options.height = 24;
  options.masks = true;
  options.splits = {1, 0, 0};
  options.render.samples = options.render.edge_samples = 1;
  synth::make_sets(options);
  const ViewSet set = read_view_set(folder / "out/synth-000000");
  EXPECT_EQ(set.frames.size(), 360u);
  for (int slot = 0; slot < kSlots; ++slot) EXPECT_EQ(set.frame_at(slot)->azimuth_deg, azimuth_of(slot));
  const DataCheck check = check_data(options.out, {});
  EXPECT_EQ(check.pictures, 360);
  for (const DataProblem& problem : check.problems) ADD_FAILURE() << to_line(problem);
  PackOptions packing;
  packing.folder = options.out;
  packing.out = folder / "packed";
  pack(packing);
  EXPECT_EQ(write_indexes(packing.out, true), 1);  // reads all 1441 files of the set
  options.views = kMaxFrames + 1;
  options.out = folder / "more";
  test::expect_error(ExitCode::usage, {"--views 361", "1 … 360"}, [&] { synth::make_sets(options); });
}

}  // namespace
}  // namespace spinfill
