// SPDX-License-Identifier: Apache-2.0
#include "synth/render/environment.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "core/files/sha256.h"
#include "data/pictures/picture.h"
#include "data/pictures/radiance_file.h"
#include "data/sets/view_set.h"
#include "data/sets/view_set_reader.h"
#include "support/mutate.h"
#include "support/support.h"
#include "synth/synth.h"

namespace spinfill {
namespace {

using synth::Environment;
using synth::Vec2;
using synth::Vec3;
using testing::HasSubstr;

// Grey of 1, with a small lamp on the left (+Y), 30° above the horizon.
cv::Mat room(int width, float lamp) {
  cv::Mat picture(width / 2, width, CV_32FC3, cv::Scalar::all(1));
  const int x = width / 4, y = width / 6;
  picture(cv::Rect(x - 1, y - 1, 2, 2)) = cv::Scalar(lamp, lamp / 2, lamp / 4);
  return picture;
}

void write_hdr(const fs::path& path, const cv::Mat& rgb) {
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  ASSERT_TRUE(cv::imwrite(path.string(), bgr));
}

const Vec3 kToLamp(0, std::cos(synth::kPi / 6), 0.5f);

TEST(RadianceFile, IsReadAsOpenCvReadsIt) {
  const test::TemporaryFolder folder;
  Random random(1, 0, Stream::test);
  cv::Mat picture(24, 48, CV_32FC3);
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 48; ++x) {
      for (int c = 0; c < 3; ++c) picture.at<cv::Vec3f>(y, x)[c] = static_cast<float>(std::exp(4 * random.normal()));
    }
  }
  picture(cv::Rect(4, 4, 30, 3)) = cv::Scalar(0.5, 0.25, 2);  // runs
  picture(cv::Rect(0, 8, 48, 1)) = cv::Scalar(0, 0, 0);
  write_hdr(folder / "a.hdr", picture);
  const cv::Mat read = decode_radiance(read_file(folder / "a.hdr"), "a.hdr");
  cv::Mat expected;
  cv::cvtColor(cv::imread((folder / "a.hdr").string(), cv::IMREAD_UNCHANGED), expected, cv::COLOR_BGR2RGB);
  ASSERT_EQ(read.size(), expected.size());
  EXPECT_EQ(cv::norm(read, expected, cv::NORM_INF), 0);
}

TEST(RadianceFile, DamagedFilesGiveOneLine) {
  const test::TemporaryFolder folder;
  write_hdr(folder / "a.hdr", room(64, 50));
  const std::string valid = read_file(folder / "a.hdr");
  const auto decode = [](std::string_view bytes) { decode_radiance(bytes, "a.hdr"); };
  EXPECT_GT(test::mutate_and_try(valid, decode), 20);
  const auto refused = [&](const std::string& bytes, const std::string& why) {
    test::expect_error(ExitCode::runtime, {"a.hdr", why}, [&] { decode(bytes); });
  };
  refused("", "is no Radiance picture");
  refused("#?RADIANCE\n", "cut off");
  refused(valid.substr(0, valid.size() - 9), "cut off");
  refused("#?RADIANCE\nFORMAT=32-bit_rle_xyze\n\n-Y 2 +X 4\n", "FORMAT=32-bit_rle_xyze");
  refused("#?RADIANCE\n\n+X 4 -Y 2\n", "upright");
  refused("#?RADIANCE\n\n-Y 2x +X 4\n", "upright");
  refused("#?RADIANCE\n\n-Y 90000 +X 180000\n", "scale it down");
  refused("#?RADIANCE\n\n-Y 4096 +X 8192\n", "cut off");
}

TEST(Environment, LightComesFromWhereThePictureShowsItAndRoughnessSpreadsIt) {
  const Environment environment(room(512, 4000), "room");
  const Vec3 beside = Vec3(0.3f, std::cos(synth::kPi / 6), 0.5f).normalized();
  EXPECT_GT(environment.radiance(kToLamp, 0).x(), 100);
  EXPECT_GT(environment.radiance(kToLamp, 0).x(), 1.9f * environment.radiance(kToLamp, 0).y());
  // The mirror image of the place is dark.
  EXPECT_LT(environment.radiance(Vec3(0, -kToLamp.y(), 0.5f), 0).x(), 1.1f);
  EXPECT_GT(environment.radiance(kToLamp, 0.1f).x(), environment.radiance(kToLamp, 0.3f).x());
  EXPECT_GT(environment.radiance(kToLamp, 0.3f).x(), environment.radiance(kToLamp, 0.9f).x());
  EXPECT_LT(environment.radiance(beside, 0).x(), environment.radiance(beside, 0.4f).x());
  // A picture without structure looks alike at any roughness: the lobes' weights sum to 1.
  const Environment grey(cv::Mat(64, 128, CV_32FC3, cv::Scalar::all(7)), "grey");
  for (const float roughness : {0.0f, 0.1f, 0.5f, 1.0f}) {
    EXPECT_NEAR(grey.radiance(beside, roughness).y(), 1, 1e-4f);
  }
  EXPECT_NEAR(grey.irradiance(beside).y(), 1, 0.01f);
  EXPECT_FALSE(grey.has_beams());
}

// The irradiance by summing all texels, which the sum of ambient light and beams stands for.
TEST(Environment, AmbientLightAndBeamsAreAllOfTheLight) {
  const cv::Mat picture = room(256, 3000);
  const Environment environment(picture, "room");
  ASSERT_TRUE(environment.has_beams());
  for (const Vec3& n : {Vec3(0, 0, 1), Vec3(0, 1, 0), Vec3(0.6f, 0.64f, 0.48f), Vec3(0, -1, 0)}) {
    Vec3 summed = Vec3::Zero(), mean = Vec3::Zero(), beams = Vec3::Zero();
    for (int y = 0; y < picture.rows; ++y) {
      for (int x = 0; x < picture.cols; ++x) {
        const float azimuth = 2 * synth::kPi * (0.5f - (static_cast<float>(x) + 0.5f) / 256);
        const float polar = synth::kPi * (static_cast<float>(y) + 0.5f) / 128;
        const Vec3 d(std::sin(polar) * std::cos(azimuth), std::sin(polar) * std::sin(azimuth), std::cos(polar));
        const float area = std::sin(polar) * synth::kPi / 128 * 2 * synth::kPi / 256;
        const auto& p = picture.at<cv::Vec3f>(y, x);
        const Vec3 light(p[0], p[1], p[2]);
        mean += area / (4 * synth::kPi) * light;
        summed += area / synth::kPi * std::max(0.0f, d.dot(n)) * light;
      }
    }
    summed /= synth::luminance(mean);
    constexpr int kSide = 32;
    for (int i = 0; i < kSide * kSide; ++i) {
      const auto beam =
          environment.beam(Vec2(static_cast<float>(i % kSide) + 0.5f, static_cast<float>(i / kSide) + 0.5f) / kSide, n);
      beams += std::max(0.0f, beam.direction.dot(n)) / (kSide * kSide) * beam.power;
    }
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(environment.ambient(n)[c] + beams[c], summed[c], 0.03f * summed[c] + 0.02f) << n.transpose();
      EXPECT_NEAR(environment.irradiance(n)[c], summed[c], 0.03f * summed[c] + 0.02f) << n.transpose();
    }
  }
}

TEST(EnvironmentLight, TheFilesUnitDoesNotCountAndSetsAreTurnedDifferently) {
  const test::TemporaryFolder folder;
  write_hdr(folder / "a.hdr", room(128, 300));
  write_hdr(folder / "b.hdr", room(128, 300) * 4096);
  const auto both = synth::read_environments(folder.path());
  ASSERT_EQ(both.size(), 2u);
  Vec3 first[2];
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<synth::NamedEnvironment> one = {both[i]};
    Random random(1, 0, Stream::surroundings);
    const synth::EnvironmentLight light(one, random);
    first[i] = light.exposure() * light.irradiance(Vec3(0, 0, 1));
    EXPECT_THAT(light.description(), HasSubstr(both[i].name));
  }
  EXPECT_LT((first[0] - first[1]).norm(), 1e-3f);
  EXPECT_NEAR(first[0].y(), 1.2f, 0.6f);  // a white roof is about white
  std::set<std::string> descriptions;
  bool still = false, turning = false;
  for (std::uint64_t i = 0; i < 16; ++i) {
    Random random(1, i, Stream::surroundings);
    const synth::EnvironmentLight light(both, random);
    descriptions.insert(light.description());
    (light.stands_with_camera() ? turning : still) = true;
  }
  EXPECT_GT(descriptions.size(), 12u);
  EXPECT_TRUE(still && turning);
}

TEST(EnvironmentLight, FoldersThatCannotBeUsedAreNamed) {
  const test::TemporaryFolder folder;
  const auto read = [&] { synth::read_environments(folder.path()); };
  test::expect_error(ExitCode::usage, {"--environments", "no .hdr file"}, read);
  test::expect_error(ExitCode::usage, {"--environments", "cannot be read"},
                     [&] { synth::read_environments(folder / "none"); });
  write_hdr(folder / "a.hdr", cv::Mat(64, 64, CV_32FC3, cv::Scalar::all(1)));
  test::expect_error(ExitCode::runtime, {"a.hdr", "twice as wide as high"}, read);
  write_hdr(folder / "a.hdr", cv::Mat(64, 128, CV_32FC3, cv::Scalar::all(0)));
  test::expect_error(ExitCode::runtime, {"a.hdr", "black"}, read);
}

synth::SynthOptions options_in(const test::TemporaryFolder& folder, const std::string& out) {
  synth::SynthOptions options;
  options.out = folder / out;
  options.environments = folder / "places";
  options.sets = 2;
  options.width = 64;
  options.height = 48;
  options.views = 4;
  options.seed = 3;
  options.threads = 1;
  options.render.geometry = false;
  return options;
}

TEST(EnvironmentLight, SetsInItHaveTheStudiosOutlinesAndOtherColours) {
  const test::TemporaryFolder folder;
  make_folder(folder / "places");
  write_hdr(folder / "places" / "room.hdr", room(128, 900));
  synth::SynthOptions options = options_in(folder, "one");
  synth::make_sets(options);
  options.out = folder / "two";
  options.threads = 2;
  synth::make_sets(options);
  options.out = folder / "studio";
  options.environments.clear();
  synth::make_sets(options);
  for (const std::string set : {"synth-000000", "synth-000001"}) {
    EXPECT_THAT(read_view_set(folder / "one" / set).source, HasSubstr("light room.hdr turned by"));
    EXPECT_THAT(read_view_set(folder / "studio" / set).source, testing::Not(HasSubstr("light")));
    for (const std::string view : {"000.png", "090.png", "180.png", "270.png"}) {
      const auto path = [&](const std::string& out) { return folder / out / set / view; };
      EXPECT_EQ(sha256_file(path("one")), sha256_file(path("two")));
      cv::Mat one[4], studio[4];
      cv::split(read_picture(path("one")), one);
      cv::split(read_picture(path("studio")), studio);
      // Rays of pixels whose colours differ are taken again, so that coverage differs by rounding at outlines.
      EXPECT_LE(cv::norm(one[3], studio[3], cv::NORM_INF), 64);
      EXPECT_LT(cv::mean(cv::abs(one[3] - studio[3]))[0], 0.5);
      EXPECT_GT(cv::norm(one[0], studio[0], cv::NORM_L1) / cv::countNonZero(one[3]), 5);
    }
  }
}

TEST(EnvironmentLight, LightsImportedModelsToo) {
  const test::TemporaryFolder folder;
  make_folder(folder / "places");
  make_folder(folder / "cad");
  write_hdr(folder / "places" / "room.hdr", room(128, 900));
  write_file_atomic(folder / "cad" / "box.obj",
                    "v -2 -1 0\nv 2 -1 0\nv 2 1 0\nv -2 1 0\nv -2 -1 1.5\nv 2 -1 1.5\nv 2 1 1.5\nv -2 1 1.5\n"
                    "f 1 4 3 2\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n");
  synth::SynthOptions options = options_in(folder, "out");
  options.meshes = folder / "cad";
  options.up = "z";
  options.front = "x";
  synth::make_sets(options);
  EXPECT_THAT(read_view_set(folder / "out" / "box-00001").source, HasSubstr("--meshes, seed 3, light room.hdr"));
}

}  // namespace
}  // namespace spinfill
