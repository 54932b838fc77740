// SPDX-License-Identifier: Apache-2.0
#include "metrics/photo/geometric_consistency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <Eigen/Geometry>

#include <cmath>

#include <opencv2/imgproc.hpp>

#include "data/open_data_set.h"
#include "data/pictures/picture.h"
#include "data/sets/set_pictures.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

Camera at_azimuth(double azimuth, double elevation = 10) {
  return turntable_camera({elevation, 3.2, 2.9}, azimuth, 600, 400);
}

TEST(EpipolarDistance, IsZeroForOnePointAndPixelsOtherwise) {
  const Camera a = at_azimuth(20), b = at_azimuth(65, 14);
  const Eigen::Matrix3d fundamental = fundamental_matrix(a, b);
  for (const Eigen::Vector3d& point : {Eigen::Vector3d(0.4, 0.1, 0.2), Eigen::Vector3d(-0.3, 0.2, -0.1)}) {
    const Eigen::Vector2d in_a = project(a, point), in_b = project(b, point);
    EXPECT_NEAR(epipolar_distance(fundamental, in_a, in_b), 0, 1e-9);
    // Across its epipolar line: px are px.
    const Eigen::Vector3d line = fundamental * in_a.homogeneous();
    const Eigen::Vector2d off = in_b + 5 * line.head<2>().normalized();
    EXPECT_GE(epipolar_distance(fundamental, in_a, off), 5 - 1e-9);
    EXPECT_LT(epipolar_distance(fundamental, in_a, off), 7);
    EXPECT_NEAR(epipolar_distance(fundamental.transpose(), off, in_a), epipolar_distance(fundamental, in_a, off), 1e-9);
  }
  const Eigen::Vector3d point(0.4, 0.1, 0.2);
  EXPECT_LT((meeting_point(a, project(a, point), b, project(b, point)) - point).norm(), 1e-9);
  EXPECT_TRUE(std::isinf(epipolar_distance(fundamental_matrix(a, a), {1, 2}, {3, 4})));
}

// A box with random texture on its sides, drawn from the cameras: features that can be matched.
cv::Mat textured_box(const Camera& camera, std::uint64_t seed) {
  cv::Mat out(camera.height, camera.width, CV_8UC4, cv::Scalar::all(0));
  const Eigen::Vector3d half(0.5, 0.22, 0.17), eye = camera.vehicle_from_camera.topRightCorner<3, 1>();
  for (int y = 0; y < out.rows; ++y) {
    for (int x = 0; x < out.cols; ++x) {
      const Eigen::Vector3d seen((x + 0.5 - camera.cx) / camera.fl_x, -(y + 0.5 - camera.cy) / camera.fl_y, -1);
      const Eigen::Vector3d along = camera.vehicle_from_camera.topLeftCorner<3, 3>() * seen;
      double enter = 0, leave = 1e9;
      for (int k = 0; k < 3; ++k) {
        const double one = (-half[k] - eye[k]) / along[k], two = (half[k] - eye[k]) / along[k];
        enter = std::max(enter, std::min(one, two));
        leave = std::min(leave, std::max(one, two));
      }
      if (enter >= leave) continue;
      const Eigen::Vector3d at = eye + enter * along;
      double value = 0;
      for (int octave = 0; octave < 3; ++octave) {  // cells of three sizes, in space
        const double cell = 0.012 * (1 << octave);
        std::uint64_t key = seed * 1000003 + static_cast<std::uint64_t>(octave);
        for (int k = 0; k < 3; ++k)
          key = key * 6364136223846793005ULL + static_cast<std::uint64_t>(std::llround(at[k] / cell) + 4096);
        value += static_cast<double>((key ^ (key >> 29)) * 0x9E3779B97F4A7C15ULL >> 40) / (1 << 24) / 3;
      }
      const auto grey = static_cast<uchar>(std::lround(255 * value));
      out.at<cv::Vec4b>(y, x) = {grey, grey, grey, 255};
    }
  }
  return out;
}

cv::Mat noise_like(const cv::Mat& rgba) {
  cv::Mat out = rgba.clone();
  for (int y = 0; y < out.rows; ++y)
    for (int x = 0; x < out.cols; ++x)
      for (int c = 0; c < 3; ++c)
        out.at<cv::Vec4b>(y, x)[c] =
            static_cast<uchar>(((static_cast<std::uint64_t>(y * out.cols + x) * 3 + static_cast<std::uint64_t>(c)) *
                                0x9E3779B97F4A7C15ULL) >>
                               56);
  return out;
}

// A sample of one set with two given views and one to be predicted, from pictures.
PhotoSample sample_of(const std::vector<std::pair<int, cv::Mat>>& given, int asked) {
  PhotoSample sample;
  sample.set.id = "box";
  sample.set.width = 600;
  sample.set.height = 400;
  const auto frame_of = [&](int slot) {
    Frame frame;
    frame.azimuth_deg = 45.0 * slot;
    frame.camera = at_azimuth(frame.azimuth_deg);
    return frame;
  };
  for (const auto& [slot, picture] : given) {
    sample.set.frames.push_back(frame_of(slot));
    sample.pictures[static_cast<std::size_t>(slot)] = picture;
  }
  sample.set.missing.push_back(frame_of(asked));
  return sample;
}

TEST(GeometricConsistency, TheTruthAgreesAndOthersDoNot) {
  const auto shown = [](int slot, std::uint64_t seed = 1) { return textured_box(at_azimuth(45.0 * slot), seed); };
  const PhotoSample sample = sample_of({{0, shown(0)}, {2, shown(2)}}, 1);
  const cv::Mat truth = shown(1);
  cv::Mat blurred;
  cv::GaussianBlur(truth, blurred, {}, 12);
  const ConsistencyOfView view = geometric_consistency(
      sample, 1,
      {truth, noise_like(truth), shown(1, 2), shown(0), cv::Mat(truth.size(), CV_8UC4, cv::Scalar::all(0)), blurred},
      truth);
  EXPECT_EQ(view.view.views, 2);
  EXPECT_TRUE(view.view.absent.empty()) << view.view.absent;
  EXPECT_GT(view.view.photograph.matches, 30);
  EXPECT_EQ(view.view.model.inliers, view.view.photograph.inliers);
  EXPECT_GT(view.scores[0], 0.8) << "the truth";
  EXPECT_LT(view.scores[1], 0.15) << "noise";
  EXPECT_LT(view.scores[2], 0.15) << "another vehicle";
  EXPECT_LT(view.scores[3], 0.1) << "a given view, copied";
  EXPECT_EQ(view.scores[4], 0) << "nothing";
  EXPECT_LT(view.scores[5], 0.15) << "blurred";
}

TEST(GeometricConsistency, TellsNothingWithoutNeighboursOrFeatures) {
  const cv::Mat truth = textured_box(at_azimuth(0), 1), back = textured_box(at_azimuth(180), 1);
  const ConsistencyOfView none = geometric_consistency(sample_of({{4, back}}, 0), 0, {truth}, truth);
  EXPECT_EQ(none.view.views, 0);
  EXPECT_THAT(none.view.absent, testing::HasSubstr("no given view within 90°"));
  EXPECT_TRUE(std::isnan(none.scores[0]));
  cv::Mat plain = truth.clone(), side = textured_box(at_azimuth(45), 1);
  plain.forEach<cv::Vec4b>([](cv::Vec4b& pixel, const int*) { pixel = {90, 90, 90, pixel[3]}; });
  const ConsistencyOfView featureless = geometric_consistency(sample_of({{1, side}}, 0), 0, {truth}, plain);
  EXPECT_THAT(featureless.view.absent, testing::HasSubstr("the photograph itself has"));
  EXPECT_TRUE(std::isnan(featureless.scores[0]));
}

TEST(GeometricConsistency, FeaturesAreThoseOfThePicturesPixels) {
  const cv::Mat small = textured_box(at_azimuth(45), 1);
  cv::Mat large;
  cv::resize(small, large, {}, 4, 4, cv::INTER_CUBIC);
  const Features of_small = features_of(small), of_large = features_of(large);
  ASSERT_GT(of_small.at.size(), 100U);
  // Where the same features are found, their places are four times as far.
  std::size_t near = 0;
  for (const Eigen::Vector2d& at : of_small.at) {
    near +=
        std::ranges::any_of(of_large.at, [&](const Eigen::Vector2d& other) { return (other / 4 - at).norm() < 0.3; });
  }
  EXPECT_GT(near, of_small.at.size() / 2);
  test::expect_error(ExitCode::runtime, {"RGBA"}, [] { features_of(cv::Mat(9, 9, CV_8UC1)); });
}

// Shiny paint, cameras estimated from masks: less than in a drawing, but far from noise and from another car.
TEST(GeometricConsistency, OfRealPhotographs) {
  SPINFILL_NEEDS_REAL_DATA();
  const fs::path spins = test::real_data() / "spins";
  std::array<double, 5> mean{};  // of the truth, noise, another car, its mirror image, a given view
  const std::array<const char*, 2> cars = {"cs55-blue", "stinger-white"};
  const std::array<int, 2> slots = {1, 5};
  for (const char* car : cars) {
    const DataSet data = open_data_set((spins / car).string(), "");
    const ViewSet whole = *data.view_set(0);
    SampleSpec spec;
    for (int slot = 0; slot < kSlots; ++slot) spec.references[static_cast<std::size_t>(slot)] = slot % 4 != 1;
    for (const int slot : slots) spec.targets[static_cast<std::size_t>(slot)] = true;
    const PhotoSample sample = photo_sample(whole, spec, {});
    for (const int slot : slots) {
      const std::string name = fmt::format("{:03}.png", 45 * slot);
      const cv::Mat truth = read_picture(spins / car / name),
                    other = read_picture(spins / cars[car == cars[0] ? 1 : 0] / name);
      cv::Mat flipped;
      cv::flip(truth, flipped, 1);
      const ConsistencyOfView view = geometric_consistency(
          sample, slot, {truth, noise_like(truth), other, flipped, sample.pictures[static_cast<std::size_t>(slot - 1)]},
          truth);
      ASSERT_TRUE(view.view.absent.empty()) << name << ": " << view.view.absent;
      EXPECT_EQ(view.view.views, 2);
      for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += view.scores[k] / 4;
    }
  }
  EXPECT_GT(mean[0], 0.3) << "the truth";
  EXPECT_LT(mean[1], 0.1) << "noise";
  EXPECT_LT(mean[2], 0.1) << "another vehicle";
  EXPECT_LT(mean[3], 0.1) << "its mirror image";
  EXPECT_LT(mean[4], 0.1) << "a given view, copied";
}

}  // namespace
}  // namespace spinfill
