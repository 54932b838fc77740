// SPDX-License-Identifier: Apache-2.0
// Normal pictures on their way into a batch.
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <opencv2/imgcodecs.hpp>

#include "core/files/files.h"
#include "data/batches/make_batch.h"
#include "data/batches/samples.h"
#include "data/pictures/normal_picture.h"
#include "data/sets/content.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "support/mutate.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;

class NormalsInBatches : public testing::Test {
 protected:
  NormalsInBatches() {
    test::write_tiny_set(set_folder_, {.normals = true});
    config_.width = 48;
    config_.height = 32;
    spec_.references = Slots(0b11101110);
    spec_.targets = Slots(0b00010001);
    spec_.normals = NormalViews::all;
  }
  DataSet data() const { return {folder_.path(), {read_view_set(set_folder_)}}; }
  Batch make(const SampleSpec& spec) const { return make_batch(data(), std::span(&spec, 1), config_); }
  static double most(const at::Tensor& values) { return values.abs().max().item<double>(); }

  test::TemporaryFolder folder_;
  fs::path set_folder_ = folder_ / "tiny";
  DataConfig config_;
  SampleSpec spec_;
};

TEST_F(NormalsInBatches, AreThoseThatWereRendered) {
  const Batch batch = make(spec_);
  ASSERT_EQ(batch.normals.sizes(), batch.colour.sizes());
  const ViewSet set = read_view_set(set_folder_);
  for (const Frame& frame : set.frames) {
    const cv::Mat rendered = test::tiny_normals(*frame.camera);
    const at::Tensor expected =
        at::from_blob(rendered.data, {rendered.rows, rendered.cols, 3}, at::kFloat).permute({2, 0, 1});
    EXPECT_LT(most(batch.normals[0][frame.slot()] - expected), 1e-4) << frame.azimuth_deg;
  }
  EXPECT_TRUE(batch.normals_given.equal(batch.is_reference.to(at::kFloat)));

  // On demand alone, and of those views alone that are asked for.
  SampleSpec other = spec_;
  other.normals = NormalViews::targets;
  const Batch of_targets = make(other);
  EXPECT_TRUE(of_targets.normals[0][0].equal(batch.normals[0][0]));
  EXPECT_EQ(most(of_targets.normals[0][1]), 0);
  EXPECT_EQ(most(of_targets.normals_given), 0);
  other.normals = NormalViews::none;
  EXPECT_FALSE(make(other).normals.defined());
  config_.normals = true;
  EXPECT_EQ(training_sample(data(), config_, 1, 0).normals, NormalViews::all);
}

// The vehicle is its own mirror image, so a mirrored sample must show what the renderer shows from there.
TEST_F(NormalsInBatches, AMirroredSampleHasTheMirroredVehiclesNormals) {
  SampleSpec mirrored = spec_;
  mirrored.augmentation.mirror = true;
  const Batch plain = make(spec_), other = make(mirrored);
  EXPECT_LT(most(plain.normals - other.normals), 1e-3);
  EXPECT_GT(most(plain.normals[0][1].flip({2}) - other.normals[0][1]), 0.5) << "flipping the picture is not enough";
}

// Half the size: means of four, shorter where they differ or where there is nothing.
TEST_F(NormalsInBatches, SmallerPicturesHoldMeans) {
  const at::Tensor whole = make(spec_).normals;
  config_.width = 24;
  config_.height = 16;
  const at::Tensor half = make(spec_).normals;
  const at::Tensor mean = at::avg_pool2d(whole.flatten(0, 1), {2, 2}, {2, 2}).view(half.sizes());
  EXPECT_LT(most(half - mean), 1e-5);
}

TEST_F(NormalsInBatches, WhatIsNoNormalPictureIsRefused) {
  const auto replace = [&](const cv::Mat& picture) {
    ASSERT_TRUE(cv::imwrite((set_folder_ / "normal-000.png").string(), picture));
  };
  replace(cv::Mat(32, 48, CV_8UC3, cv::Scalar::all(9)));
  expect_error(ExitCode::runtime, {"normal-000.png", "not an RGB picture of 16 bits"}, [&] { make(spec_); });
  replace(cv::Mat(16, 24, CV_16UC3, cv::Scalar::all(9)));
  expect_error(ExitCode::runtime, {"normal-000.png", "24x16", "48x32"}, [&] { make(spec_); });
  write_file_atomic(set_folder_ / "normal-000.png", "no picture");
  expect_error(ExitCode::runtime, {"normal-000.png"}, [&] { make(spec_); });
  ViewSet set = read_view_set(set_folder_);
  set.frames[2].normal_file_path.clear();
  write_transforms(set);
  expect_error(ExitCode::runtime, {"tiny", "090.png", "has no normal_file_path", "evaluation.normals"},
               [&] { require_normals(data()); });
}

TEST_F(NormalsInBatches, DamagedFilesAreOneLine) {
  const ViewSet set = read_view_set(set_folder_);
  const std::string valid = read_file(set_folder_ / "normal-000.png");
  test::mutate_and_try(valid, [&](std::string_view bytes) {
    write_file_atomic(set_folder_ / "normal-000.png", std::string(bytes));
    read_normals(set, set.frames[0]);
  });
}

TEST_F(NormalsInBatches, ARunIsBoundToThem) {
  const DataContent plain = content_of(data()), with = content_of(data(), {.normals = true});
  EXPECT_NE(difference(plain, with), "");
  cv::imwrite((set_folder_ / "normal-000.png").string(), cv::Mat(32, 48, CV_16UC3, cv::Scalar::all(9)));
  EXPECT_EQ(difference(plain, content_of(data())), "");
  EXPECT_NE(difference(with, content_of(data(), {.normals = true})), "");
}

TEST(NormalPictures, GoThereAndBack) {
  cv::Mat normals(1, 3, CV_32FC3, cv::Scalar::all(0));
  normals.at<cv::Vec3f>(0, 1) = {0.6F, -0.8F, 0};
  normals.at<cv::Vec3f>(0, 2) = {-1, 0, 0};
  const cv::Mat back = normals_of_colours(normals_as_colours(normal_picture(normals)));
  for (int x = 0; x < 3; ++x)
    for (int c = 0; c < 3; ++c)
      EXPECT_NEAR(back.at<cv::Vec3f>(0, x)[c], normals.at<cv::Vec3f>(0, x)[c], 2e-5) << x << " " << c;
}

}  // namespace
}  // namespace spinfill
