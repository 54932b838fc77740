// SPDX-License-Identifier: Apache-2.0
// A model with normals as a user makes and runs it, on vehicles of `synth`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include <opencv2/imgcodecs.hpp>

#include "data/pictures/picture.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

using ::testing::HasSubstr;

class NormalsProgram : public test::ProgramSuite<NormalsProgram> {
 public:
  static void fill() {
    const auto made = spinfill("synth --out data --sets 4 --size 48 --seed 3");
    if (made.exit_code != 0) fail("{}", made.output);
    write_config(
        "steps: 6, batch_sets: 2, micro_batch_sets: 2, regression_share: 0.5, checkpoint_every: 3, keep_last: 9, "
        "validate_every: 6, validation_sets: 1, sample_grids: 1, log_every: 1, threads: 1");
  }

 protected:
  static constexpr const char* kOn = " --set model.normals=true --set data.normals=true";
  static void expect_error(const std::string& arguments, int code, const std::vector<std::string>& texts) {
    const auto result = shell(arguments);
    EXPECT_EQ(result.exit_code, code) << arguments << ": " << result.output;
    for (const std::string& text : texts) EXPECT_THAT(result.output, HasSubstr(text)) << arguments;
  }
};

TEST_F(NormalsProgram, TrainsResumesEvaluatesExportsAndCompletes) {
  auto result = shell(train("run", kOn));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("degrees off"));
  fs::copy(*folder_ / "run", *folder_ / "cut", fs::copy_options::recursive);
  fs::remove_all(*folder_ / "cut/checkpoints/step-6");
  result = spinfill("train --resume --out cut");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(checkpoint_hashes("cut", 6), checkpoint_hashes("run", 6));

  result = spinfill("evaluate --model run --data data --out report --grids 1");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("error of normals"));
  const Json report = read_json(*folder_ / "report/metrics.json");
  const double own = report.at("overall").at("normal_error"),
               hull = report.at("baselines").at("prior").at("overall").at("normal_error");
  EXPECT_TRUE(own > 1 && own < 120 && hull > 1 && hull < 90) << own << " " << hull;
  EXPECT_TRUE(report.at("baselines").at("nearest").at("overall").at("normal_error").is_null());
  EXPECT_THAT(read_file(*folder_ / "report/report.html"), HasSubstr("error of normals"));
  result = spinfill("evaluate --model run --data data --out given --grids 0 --set evaluation.reference_normals=true");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json given = read_json(*folder_ / "given/metrics.json");
  EXPECT_THAT(given.at("protocol").at("conditions").get<std::string>(), HasSubstr("references' normals given"));
  EXPECT_NE(given.at("overall").at("normal_error"), own);
  // The sets' own normals are as wide as a grid's further columns.
  const cv::Mat grid = read_picture(*folder_ / "report/grid-000.png");
  EXPECT_GT(grid.cols, 6 * 144);

  result = spinfill("export --run run --out bundle");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(spinfill("export --check bundle").exit_code, 0);
  result = spinfill("evaluate --model bundle --data data --out again --grids 0");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(read_json(*folder_ / "again/metrics.json").at("overall"), report.at("overall"));

  // Three views of one vehicle, whose own normals are not looked at.
  const Json splits = read_json(*folder_ / "data/splits.json");
  const fs::path vehicle = *folder_ / "data" / splits.at("test")[0].get<std::string>();
  fs::create_directory(*folder_ / "photos");
  for (const char* view : {"000.png", "045.png", "180.png"}) fs::copy(vehicle / view, *folder_ / "photos" / view);
  for (const char* views : {"", " --views 24"}) {
    result = spinfill(fmt::format("complete --model bundle --input photos --out spin{}", views) + " --replace");
    ASSERT_EQ(result.exit_code, 0) << result.output;
    const Json frames = read_json(*folder_ / "spin/transforms.json").at("frames");
    int generated = 0;
    for (const Json& frame : frames) {
      EXPECT_EQ(frame.contains("normal_file_path"), frame.at("generated").get<bool>());
      if (!frame.at("generated")) continue;
      ++generated;
      const std::string file = frame.at("normal_file_path");
      EXPECT_EQ(file, "normals/" + frame.at("file_path").get<std::string>());
      const cv::Mat normals = cv::imread((*folder_ / "spin" / file).string(), cv::IMREAD_UNCHANGED);
      const cv::Mat picture = read_picture(*folder_ / "spin" / frame.at("file_path").get<std::string>());
      ASSERT_EQ(normals.type(), CV_16UC3);
      ASSERT_EQ(normals.size(), picture.size());
      int covered = 0;
      for (int y = 0; y < normals.rows; ++y) {
        for (int x = 0; x < normals.cols; ++x) {
          const auto& n = normals.at<cv::Vec3w>(y, x);
          if (n == cv::Vec3w(0, 0, 0)) continue;
          ++covered;
          EXPECT_GE(picture.at<cv::Vec4b>(y, x)[3], 128);
          double square = 0;
          for (int c = 0; c < 3; ++c) square += std::pow((n[c] - 32768.0) / 32767, 2);
          EXPECT_NEAR(square, 1, 1e-3);
        }
      }
      EXPECT_GT(covered, 20) << file;
    }
    EXPECT_EQ(generated, static_cast<int>(frames.size()) - 3);
  }
  // What it writes can be read as any set.
  result = spinfill("data check spin");
  EXPECT_EQ(result.exit_code, 0) << result.output;
}

TEST_F(NormalsProgram, WhatDoesNotGoTogetherIsRefused) {
  expect_error(train("no", " --set model.normals=true"), 2, {"data.normals", "model.normals"});
  expect_error(train("no", std::string(kOn) + " --set model.output=sources --set model.prior_image=prior"), 2,
               {"model", "normals", "sources"});
  expect_error(train("no", std::string(kOn) + " --set train.objective=distill --set distill.teacher=run"), 2,
               {"model.normals", "not distilled"});
  test::write_tiny_data_set(*folder_ / "bare", 6);
  expect_error(fmt::format("'{}' train --config tiny.yaml --set data.path=bare --out no {}", test::program(), kOn), 3,
               {"bare", "has no normal_file_path"});
  EXPECT_FALSE(fs::exists(*folder_ / "no"));
  ASSERT_EQ(shell(train("short", std::string(kOn) + " --set train.steps=1 --set train.validate_every=0")).exit_code, 0);
  expect_error(fmt::format("'{}' evaluate --model short --data bare --out bad", test::program()), 3,
               {"has no normal_file_path", "evaluation.normals"});
  const auto result =
      spinfill("evaluate --model short --data bare --out pictures --grids 0 --set evaluation.normals=false");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(read_json(*folder_ / "pictures/metrics.json").at("overall").at("normal_error").is_null());
}

}  // namespace
}  // namespace spinfill
