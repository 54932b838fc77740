// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>
#include <set>

#include <opencv2/imgcodecs.hpp>

#include "core/files/files.h"
#include "core/files/json.h"
#include "core/files/output_folder.h"
#include "core/files/sha256.h"
#include "data/open_data_set.h"
#include "data/pictures/picture.h"
#include "data/sets/categories.h"
#include "data/sets/data_set.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set.h"
#include "data/sets/view_set_reader.h"
#include "support/support.h"
#include "synth/render/renderer.h"
#include "synth/render/studio.h"
#include "synth/synth.h"
#include "synth/vehicles/design.h"
#include "synth/vehicles/vehicle.h"

namespace spinfill {
namespace {

using synth::SynthOptions;

SynthOptions small(const fs::path& out, std::int64_t sets) {
  SynthOptions options;
  options.out = out;
  options.sets = sets;
  options.width = 48;
  options.height = 32;
  options.seed = 5;
  options.threads = 2;
  options.render.samples = 4;
  options.render.edge_samples = 9;
  return options;
}

std::map<std::string, std::string> hashes(const fs::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().filename() != kOutputMark)
      out[entry.path().lexically_relative(folder).string()] = sha256_file(entry.path());
  }
  return out;
}

TEST(Synth, EveryCategoryFillsThePictureAndKeepsClearOfItsBorder) {
  for (const auto& category : kCategories) {
    test::TemporaryFolder folder;
    SynthOptions options = small(folder / "out", 2);
    options.categories = {category};
    synth::make_sets(options);
    for (int i = 0; i < 2; ++i) {
      const ViewSet set = read_view_set(folder / "out" / fmt::format("synth-{:06d}", i));
      EXPECT_EQ(set.category, category);
      EXPECT_EQ(set.frames.size(), 8u);
      int widest = 0;
      for (const auto& frame : set.frames) {
        ASSERT_TRUE(frame.camera.has_value());
        const cv::Mat picture = read_picture(set.folder / frame.file_path);
        int left = picture.cols, right = -1, top = picture.rows, bottom = -1;
        for (int y = 0; y < picture.rows; ++y) {
          for (int x = 0; x < picture.cols; ++x) {
            if (picture.at<cv::Vec4b>(y, x)[3] == 0) continue;
            left = std::min(left, x);
            right = std::max(right, x);
            top = std::min(top, y);
            bottom = std::max(bottom, y);
          }
        }
        ASSERT_GE(right, left) << category;
        EXPECT_GE(left, 2);
        EXPECT_GE(top, 2);
        EXPECT_LE(right, picture.cols - 3);
        EXPECT_LE(bottom, picture.rows - 3);
        widest = std::max(widest, right - left + 1);
      }
      EXPECT_GE(widest, 0.7 * set.width) << category;  // a tall vehicle may be limited by the height
      EXPECT_LE(widest, 0.92 * set.width + 2) << category;
    }
  }
}

TEST(Synth, TheSameSeedGivesTheSameBytesForAnyNumberOfThreads) {
  test::TemporaryFolder folder;
  SynthOptions options = small(folder / "one", 4);
  options.threads = 1;
  synth::make_sets(options);
  options.out = folder / "three";
  options.threads = 3;
  synth::make_sets(options);
  const auto one = hashes(folder / "one");
  EXPECT_EQ(one.size(), 4 * 25 + 1u);
  EXPECT_EQ(one, hashes(folder / "three"));
  // Set i does not depend on how many there are.
  options.out = folder / "fewer";
  options.sets = 2;
  synth::make_sets(options);
  for (const auto& [file, hash] : hashes(folder / "fewer")) {
    if (file == "splits.json") continue;
    EXPECT_EQ(one.at(file), hash) << file;
  }
  options.out = folder / "other";
  options.seed = 6;
  synth::make_sets(options);
  EXPECT_NE(one.at("synth-000000/000.png"), sha256_file(folder / "other" / "synth-000000" / "000.png"));
}

// Experiments are told by their seed: a set made without newer options is the one that was made then.
TEST(Synth, SetsStayWhatTheyWere) {
  test::TemporaryFolder folder;
  SynthOptions options = small(folder / "out", 7);
  options.views = 2;
  synth::make_sets(options);
  std::string all;
  for (const auto& [file, hash] : hashes(folder / "out")) all += file + hash;
  EXPECT_EQ(sha256_hex(all), "a4605dd0588b7d19372e6938ab2c0beda27ec2913be7bce5c87f30f4700f3ef6");
}

double difference(const cv::Mat& a, const cv::Mat& b, bool flip) {  // mean over what both cover
  double sum = 0;
  int count = 0;
  for (int y = 0; y < a.rows; ++y) {
    for (int x = 0; x < a.cols; ++x) {
      const auto& p = a.at<cv::Vec4b>(y, x);
      const auto& q = b.at<cv::Vec4b>(y, flip ? a.cols - 1 - x : x);
      if (p[3] != 255 || q[3] != 255) continue;
      for (int c = 0; c < 3; ++c) sum += std::abs(p[c] - q[c]);
      count += 3;
    }
  }
  return count > 0 ? sum / count : 0;
}

TEST(Synth, MirroredViewsDiffer) {
  test::TemporaryFolder folder;
  SynthOptions options = small(folder / "out", 8);
  options.width = 96;
  options.height = 64;
  options.render.geometry = false;
  synth::make_sets(options);
  for (int i = 0; i < 8; ++i) {
    const fs::path set = folder / "out" / fmt::format("synth-{:06d}", i);
    const double mirrored = difference(read_picture(set / "045.png"), read_picture(set / "315.png"), true);
    EXPECT_GT(mirrored, 3) << set;  // of 255: shading and details
    EXPECT_GT(difference(read_picture(set / "090.png"), read_picture(set / "270.png"), true), 2) << set;
  }
}

TEST(Synth, DepthLandsInsideTheSilhouetteOfOtherViewsAndNormalsFaceTheCamera) {
  test::TemporaryFolder folder;
  SynthOptions options = small(folder / "out", 3);
  options.width = 96;
  options.height = 64;
  synth::make_sets(options);
  for (int i = 0; i < 3; ++i) {
    const ViewSet set = read_view_set(folder / "out" / fmt::format("synth-{:06d}", i));
    const Json json = read_json(set.folder / "transforms.json");
    const double scale = json.at("depth_scale").get<double>();
    std::vector<cv::Mat> pictures;
    for (const auto& frame : set.frames) pictures.push_back(read_picture(set.folder / frame.file_path));
    int checked = 0, outside = 0, solid = 0, without = 0;
    Eigen::Vector3d low = Eigen::Vector3d::Constant(9), high = -low;
    for (std::size_t v = 0; v < set.frames.size(); ++v) {
      const auto& frame = set.frames[v];
      const Camera& camera = *frame.camera;
      const cv::Mat depth = cv::imread((set.folder / frame.depth_file_path).string(), cv::IMREAD_UNCHANGED);
      const cv::Mat normal = cv::imread((set.folder / frame.normal_file_path).string(), cv::IMREAD_UNCHANGED);
      ASSERT_EQ(depth.type(), CV_16U);
      ASSERT_EQ(normal.type(), CV_16UC3);
      const Eigen::Matrix3d turn = camera.vehicle_from_camera.topLeftCorner<3, 3>();
      const Eigen::Vector3d eye = camera.vehicle_from_camera.topRightCorner<3, 1>();
      for (int y = 0; y < depth.rows; ++y) {
        for (int x = 0; x < depth.cols; ++x) {
          const auto alpha = pictures[v].at<cv::Vec4b>(y, x)[3];
          const auto value = depth.at<std::uint16_t>(y, x);
          if (alpha == 255) {
            ++solid;
            without += value == 0;
          }
          EXPECT_TRUE(alpha != 0 || value == 0) << value;
          if (value == 0) continue;
          const Eigen::Vector3d local((x + 0.5 - camera.cx) / camera.fl_x, -(y + 0.5 - camera.cy) / camera.fl_y, -1);
          const Eigen::Vector3d ray = (turn * local).normalized();
          const Eigen::Vector3d point = eye + value / scale * ray;
          low = low.cwiseMin(point);
          high = high.cwiseMax(point);
          const auto& n = normal.at<cv::Vec3w>(y, x);  // BGR in memory
          const Eigen::Vector3d unit((n[2] - 32768) / 32767.0, (n[1] - 32768) / 32767.0, (n[0] - 32768) / 32767.0);
          EXPECT_NEAR(unit.norm(), 1, 1e-3);
          EXPECT_LT(unit.dot(ray), 0.02);
          for (std::size_t other = 0; other < set.frames.size(); ++other) {
            if (other == v) continue;
            const Eigen::Vector2d pixel = project(*set.frames[other].camera, point);
            const int px = static_cast<int>(std::floor(pixel.x())), py = static_cast<int>(std::floor(pixel.y()));
            ++checked;
            bool near = false;  // within a pixel: thin parts may lie between two pixels' rays
            for (int ny = std::max(0, py - 1); ny <= std::min(depth.rows - 1, py + 1); ++ny) {
              for (int nx = std::max(0, px - 1); nx <= std::min(depth.cols - 1, px + 1); ++nx) {
                near |= pictures[other].at<cv::Vec4b>(ny, nx)[3] > 0;
              }
            }
            outside += !near;
          }
        }
      }
    }
    EXPECT_GT(checked, 10000);
    EXPECT_LE(without, solid / 500);  // a gap may lie in the middle of a pixel that all other rays cover
    EXPECT_EQ(outside, 0);
    // The box is centred and its longest side is 1.
    EXPECT_LE(high.maxCoeff(), 0.502);
    EXPECT_GE(low.minCoeff(), -0.502);
    EXPECT_NEAR((high - low).maxCoeff(), 1, 0.05);
  }
}

TEST(Synth, ColourAtTheOutlineIsNotMixedWithTheBackground) {
  class Plain : public synth::Model {
   public:
    float light = 0;
    synth::Surface surface(const synth::Point&) const override {
      synth::Surface s;
      s.albedo = synth::Vec3::Constant(light);
      s.emission = 50;
      s.roughness = 1;
      s.metallic = 1;
      return s;
    }
  };
  Random random(1, 0, Stream::test);
  const synth::Studio studio(random);
  for (const float light : {0.0f, 1.0f}) {
    Plain model;
    model.light = light;
    model.parts.emplace_back();
    add_box(model.parts[0].mesh, {0, 0, 0}, {1, 0.45f, 0.4f}, 0.2f);
    synth::Renderer renderer(model, bounding_box(model));
    const Camera camera = turntable_camera({8, 3, 2}, 45, 48, 32);
    const synth::Picture picture = renderer.render(camera, studio, {}, 7);
    int edges = 0;
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 48; ++x) {
        const auto& p = picture.rgba.at<cv::Vec4b>(y, x);
        edges += p[3] > 0 && p[3] < 255;
        // White stays white and black stays black up to the outline; uncovered pixels are empty.
        for (int c = 0; c < 3; ++c) {
          if (p[3] > 0 && light > 0) {
            EXPECT_GE(p[c], 250) << x << ' ' << y;
          } else {
            EXPECT_LE(p[c], 5) << x << ' ' << y;
          }
        }
      }
    }
    EXPECT_GT(edges, 20);
  }
}

TEST(Synth, SplitsAreDisjointAndComplete) {
  test::TemporaryFolder folder;
  SynthOptions options = small(folder / "out", 10);
  options.width = options.height = 16;
  options.render = {1, 1, false};
  options.splits = {0.6, 0.2, 0.2};
  synth::make_sets(options);
  const Json splits = read_json(folder / "out" / "splits.json");
  EXPECT_EQ(splits.at("train").size(), 6u);
  EXPECT_EQ(splits.at("val").size(), 2u);
  EXPECT_EQ(splits.at("test").size(), 2u);
  std::set<std::string> all;
  for (const auto& part : splits) {
    for (const auto& id : part) EXPECT_TRUE(all.insert(id.get<std::string>()).second) << id;
  }
  EXPECT_EQ(all.size(), 10u);
  EXPECT_EQ(open_data_set(folder / "out", "val").size(), 2);
}

// Each split with a share has a vehicle, or is not there: an empty one would be asked for in vain.
TEST(Synth, FewVehiclesNeverMakeAnEmptySplit) {
  test::TemporaryFolder folder;
  const auto counts = [&](std::int64_t sets, const std::array<double, 3>& shares) {
    SynthOptions options = small(folder / "out", sets);
    options.width = options.height = 16;
    options.views = 1;
    options.render = {1, 1, false};
    options.splits = shares;
    options.replace = true;
    synth::make_sets(options);
    std::vector<std::size_t> sizes;
    const Json splits = read_json(folder / "out" / "splits.json");
    for (const char* name : {"train", "val", "test"})
      sizes.push_back(splits.contains(name) ? splits.at(name).size() : 0);
    for (const auto& part : splits) EXPECT_FALSE(part.empty());
    return sizes;
  };
  using Sizes = std::vector<std::size_t>;
  const std::array<double, 3> usual = SynthOptions().splits;
  EXPECT_EQ(counts(1, usual), (Sizes{1, 0, 0}));
  EXPECT_EQ(counts(2, usual), (Sizes{1, 1, 0}));
  EXPECT_EQ(counts(3, usual), (Sizes{1, 1, 1}));
  EXPECT_EQ(counts(4, usual), (Sizes{2, 1, 1}));
  EXPECT_EQ(counts(5, usual), (Sizes{3, 1, 1}));
  EXPECT_EQ(counts(6, {0.98, 0.01, 0.01}), (Sizes{4, 1, 1}));
  EXPECT_EQ(counts(3, {1, 0, 0}), (Sizes{3, 0, 0}));
  EXPECT_EQ(counts(3, {0.98, 0, 0.02}), (Sizes{2, 0, 1}));
}

// A photographer states the primary azimuth; where the camera truly stood is another number.
TEST(Synth, JitteredAzimuthsKeepWhatAPhotographerWouldState) {
  test::TemporaryFolder folder;
  SynthOptions options = small(folder / "out", 1);
  options.width = options.height = 16;
  options.render = {1, 1, false};
  options.splits = {0, 0, 1};
  options.azimuth_jitter = 5;
  options.masks = true;
  synth::make_sets(options);
  options.out = folder / "plain";
  options.azimuth_jitter = 0;
  synth::make_sets(options);
  const ViewSet set = *open_data_set(folder / "out", "test").view_set(0),
                plain = *open_data_set(folder / "plain", "test").view_set(0);
  for (const Frame& frame : set.frames) {
    ASSERT_TRUE(frame.stated_azimuth_deg.has_value());
    EXPECT_EQ(*frame.stated_azimuth_deg, 45.0 * frame.slot());
    EXPECT_NE(*frame.stated_azimuth_deg, frame.azimuth_deg);
    EXPECT_NEAR(viewing_direction(*frame.camera).azimuth_deg, frame.azimuth_deg, 1e-9);
    EXPECT_EQ(frame.mask_file_path, "mask/" + frame.file_path);
    const cv::Mat masked = read_masked_picture(set, frame), alone = read_picture(set.folder / frame.file_path);
    EXPECT_EQ(cv::norm(masked, alone, cv::NORM_INF), 0);
  }
  for (const Frame& frame : plain.frames) EXPECT_FALSE(frame.stated_azimuth_deg.has_value());
}

TEST(Synth, WrongOptionsAreOneLineAndWriteNothing) {
  test::TemporaryFolder folder;
  const auto refuses = [&](const std::string& text, auto&& change) {
    SynthOptions options = small(folder / "out", 2);
    change(options);
    test::expect_error(ExitCode::usage, {text}, [&] { synth::make_sets(options); });
    EXPECT_TRUE(fs::is_empty(folder.path())) << text;
  };
  refuses("--sets", [](auto& o) { o.sets = 0; });
  refuses("--sets", [](auto& o) { o.sets = -3; });
  refuses("--size", [](auto& o) { o.width = 1 << 30; });
  refuses("--height", [](auto& o) { o.height = -8; });
  refuses("--categories", [](auto& o) { o.categories = {"boat"}; });
  refuses("--elevation", [](auto& o) { o.elevation = {14, 3}; });
  refuses("--elevation", [](auto& o) { o.elevation = {std::nan(""), 3}; });
  refuses("--focal", [](auto& o) { o.focal = {0, 1e9}; });
  refuses("--splits", [](auto& o) { o.splits = {0, 0, 0}; });
  refuses("--splits", [](auto& o) { o.splits = {-1, 1, 1}; });
  refuses("--views", [](auto& o) { o.views = 361; });
  refuses("--up", [](auto& o) {
    o.meshes = "m";
    o.up = "w";
  });
  refuses("--samples", [](auto& o) { o.render.samples = 0; });
}

TEST(Synth, AFailedRunLeavesNothingBehind) {
  test::TemporaryFolder folder;
  fs::create_directory(folder / "meshes");
  write_file_atomic(folder / "meshes" / "a.obj", "v 0 0 0\nv 2 0 0\nv 2 1 0\nv 0 0 1\nf 1 2 3\nf 1 3 4\nf 1 2 4\n");
  write_file_atomic(folder / "meshes" / "b.obj", "");
  SynthOptions options = small(folder / "out", 0);
  options.meshes = folder / "meshes";
  options.front = "x";
  options.up = "z";
  test::expect_error(ExitCode::runtime, {"b.obj", "empty"}, [&] { synth::make_sets(options); });
  int entries = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) entries += entry.path().filename() != "meshes";
  EXPECT_EQ(entries, 0);
  fs::create_directory(folder / "out");
  write_file_atomic(folder / "out" / "photo.jpg", "x");
  options = small(folder / "out", 1);
  options.replace = true;
  test::expect_error(ExitCode::usage, {"exists", "was not made by spinfill synth"}, [&] { synth::make_sets(options); });
}

TEST(Synth, ManyVehiclesAreSoundAndDiffer) {
  std::set<std::string> shapes;
  for (std::uint64_t i = 0; i < 140; ++i) {
    const std::string category = kCategories[i % 7];
    Random random(77, i, Stream::vehicle);
    const synth::Vehicle vehicle(synth::draw_design(category, random));
    const synth::Box box = bounding_box(vehicle);
    const synth::Vec3 size = box.size();
    EXPECT_TRUE(size.allFinite());
    EXPECT_GT(size.x(), size.y()) << category << i;
    EXPECT_GT(size.y(), 1.4f) << category << i;
    EXPECT_LT(size.z(), 4.5f) << category << i;
    EXPECT_NEAR(box.low.z(), 0, 0.02f) << category << i;  // on its wheels
    for (const auto& part : vehicle.parts) {
      for (const auto& p : part.mesh.position) ASSERT_TRUE(p.allFinite()) << category << i;
      for (const auto& n : part.mesh.normal) ASSERT_NEAR(n.norm(), 1, 1e-3) << category << i << " kind " << part.kind;
    }
    shapes.insert(fmt::format("{:.2f} {:.2f} {:.2f}", size.x(), size.y(), size.z()));
  }
  EXPECT_GT(shapes.size(), 130u);
}

}  // namespace
}  // namespace spinfill
