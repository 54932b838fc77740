// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include <fstream>

#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "support/drawn_segmenter.h"
#include "support/program_suite.h"

// Training a segmenter, and using it.
namespace spinfill {
namespace {

using testing::HasSubstr;

class TrainSegmenter : public test::ProgramSuite<TrainSegmenter> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "sets", 3);
    fs::create_directory(*folder_ / "drawn");
    write_segmenter_model(test::drawn_segmenter(1), *folder_ / "drawn");
    fs::create_directory(*folder_ / "places");
    // A sky above a floor, run-length-free Radiance: 8×4.
    std::string hdr = "#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 8\n";
    for (int i = 0; i < 32; ++i) hdr += i < 16 ? std::string("\xa0\xb0\xf0\x80") : std::string("\x60\x58\x50\x80");
    write_file_atomic(*folder_ / "places/place.hdr", hdr);
    fs::create_directory(*folder_ / "photographs");
    cv::Mat photograph(80, 120, CV_8UC3, cv::Scalar(120, 130, 160));
    cv::ellipse(photograph, {60, 45}, {40, 18}, 0, 0, 360, cv::Scalar(200, 30, 20), cv::FILLED);
    write_png(*folder_ / "photographs/a.png", photograph);
  }

 protected:
  static test::CommandResult train(const std::string& more) {
    return spinfill("data train-segmenter sets --backdrops places " + more);
  }
  static std::string hash(const std::string& model) { return read_json(*folder_ / model / "manifest.json")["sha256"]; }
};

TEST_F(TrainSegmenter, AModelIsTrainedGoneOnWithAndUsedInPlaceOfTheDefault) {
  const std::string few = "--steps 2 --batch 2 --seed 3 --validate-every 1 ";
  auto result = train("--from drawn " + few + "--notice 'drawn by a test' --out one");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("step 1: IoU"));
  EXPECT_THAT(result.output, HasSubstr("one: IoU"));
  const Json manifest = read_json(*folder_ / "one/manifest.json");
  EXPECT_EQ(manifest["format"], "spinfill-segmenter");
  EXPECT_EQ(manifest["training"]["notice"], "drawn by a test");
  const Json round = manifest["training"]["rounds"][0];
  EXPECT_EQ(round["steps"], 2);
  EXPECT_EQ(round["meanwhile"].size(), 1U);
  EXPECT_EQ(round["validation"]["pictures"].get<int>() + round["validation"]["without_vehicle"].get<int>(), 8);

  ASSERT_EQ(train("--from drawn " + few + "--out same").exit_code, 0);
  EXPECT_EQ(hash("same"), hash("one"));
  result = train("--from one " + few + "--json --out two 2>/dev/null");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(parse_json(result.output, "output")["steps"], 2);
  EXPECT_EQ(read_json(*folder_ / "two/manifest.json")["training"]["rounds"].size(), 2U);
  EXPECT_NE(hash("two"), hash("one"));

  result = spinfill("data segment photographs --segmenter two --json --out masks 2>/dev/null");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(parse_json(result.output, "output")["segmenter"], hash("two"));
  result =
      shell("SPINFILL_SEGMENTER=two '" + test::program() + "' data segment photographs --out named --json 2>/dev/null");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(parse_json(result.output, "output")["segmenter"], hash("two"));

  // Damaged.
  fs::copy(*folder_ / "two", *folder_ / "damaged");
  std::ofstream(*folder_ / "damaged/weights.safetensors", std::ios::app) << "more";
  result = spinfill("data segment photographs --segmenter damaged --out never");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.output, HasSubstr("damaged/weights.safetensors"));
  EXPECT_FALSE(fs::exists(*folder_ / "never"));
  result = spinfill("data segment photographs --segmenter sets --out never");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("sets: is not a segmenter"));
}

TEST_F(TrainSegmenter, AStopSignalWritesWhatWasLearned) {
  const auto result =
      shell("'" + test::program() +
            "' data train-segmenter sets --backdrops places --from drawn "
            "--steps 100000 --batch 2 --validate-every 1 --out stopped 2>log & pid=$!; "
            "until grep -q 'step 1:' log; do kill -0 $pid || break; sleep 0.05; done; kill -TERM $pid; wait $pid");
  EXPECT_EQ(result.exit_code, 75) << result.output;
  EXPECT_THAT(read_file(*folder_ / "log"), HasSubstr("--from stopped goes on"));
  const Json round = read_json(*folder_ / "stopped/manifest.json")["training"]["rounds"][0];
  EXPECT_GE(round["steps"], 1);
  EXPECT_LT(round["steps"], 1000);
  EXPECT_EQ(round["of_steps"], 100000);
  EXPECT_EQ(train("--from stopped --steps 1 --batch 2 --out gone-on").exit_code, 0);
}

TEST_F(TrainSegmenter, WhatCannotBeTrainedIsOneLineAndWritesNothing) {
  const auto refused = [](const test::CommandResult& result, int code, const std::string& why) {
    EXPECT_EQ(result.exit_code, code) << result.output;
    EXPECT_THAT(result.output, HasSubstr(why));
    EXPECT_FALSE(fs::exists(*folder_ / "never"));
  };
  refused(train("--from drawn --batch 3 --out never"), 2, "--batch must be even");
  refused(train("--from drawn --steps 0 --out never"), 2, "--steps");
  refused(train("--from drawn --learning-rate 7 --out never"), 2, "--learning-rate");
  refused(train("--from sets --out never"), 2, "sets: is not a segmenter");
  refused(train("--from '" + test::fixture("../../models/azimuth").string() + "' --out never"), 3, "manifest");
  refused(train("--from sets/splits.json --out never"), 3, "splits.json");
  refused(train("--from gone.onnx --out never"), 2, "there is no such segmentation model");
  refused(train("--from grabcut --out never"), 2, "GrabCut is no network");
  refused(train("--from drawn --out sets/never"), 2, "sets");
  refused(spinfill("data train-segmenter sets --backdrops sets --from drawn --out never"), 2, "no .hdr picture");
  refused(spinfill("data train-segmenter gone --backdrops places --from drawn --out never"), 3, "gone");
  test::write_tiny_data_set(*folder_ / "unsplit", 3);
  write_file_atomic(*folder_ / "unsplit/splits.json", R"({"train": ["tiny-00", "tiny-01", "tiny-02"], "val": []})");
  refused(spinfill("data train-segmenter unsplit --backdrops places --from drawn --out never"), 3,
          "split 'val' is empty");
}

}  // namespace
}  // namespace spinfill
