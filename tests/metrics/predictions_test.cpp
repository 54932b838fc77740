// SPDX-License-Identifier: Apache-2.0
#include "metrics/predictions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "core/files/sha256.h"
#include "data/pictures/picture.h"
#include "metrics/comparison.h"
#include "metrics/report.h"
#include "support/examples.h"

namespace spinfill {
namespace {

// Values of Python's hashlib: sha256(b"2x1 " + bytes([1, 2, 3, 4, 5, 6])).
TEST(Predictions, AreKnownByTheirPixels) {
  const cv::Mat picture = (cv::Mat_<cv::Vec3b>(1, 2) << cv::Vec3b(1, 2, 3), cv::Vec3b(4, 5, 6));
  EXPECT_EQ(picture_sha256(picture), "2ff0a1ac1dacbe924b0af46c1814b28f56c5359a785491ea272f1f1d0c6f9371");
  cv::Mat wide(1, 4, CV_8UC3, cv::Scalar::all(9));
  picture.copyTo(wide(cv::Rect(1, 0, 2, 1)));
  EXPECT_EQ(picture_sha256(wide(cv::Rect(1, 0, 2, 1))), picture_sha256(picture)) << "rows with gaps";
  EXPECT_NE(picture_sha256(picture.reshape(3, 2)), picture_sha256(picture)) << "the shape counts";
}

TEST(Predictions, ArePicturesInEightBits) {
  const at::Tensor values = at::tensor({0.0, 0.5, 1.3, -0.2, 0.999, 0.1}).reshape({3, 1, 2});
  const cv::Mat rgb = rgb_picture(values);
  EXPECT_EQ(rgb.at<cv::Vec3b>(0, 0), cv::Vec3b(0, 255, 255));
  EXPECT_EQ(rgb.at<cv::Vec3b>(0, 1), cv::Vec3b(128, 0, 26));
}

TEST(Predictions, TheReportStatesEachHashAndOneOverAll) {
  const auto report_of = [](double noise) {
    return evaluate(example_model(noise), batches_of({example_batch({0, 1}, {{0}, {1, 7}})}), {}, nullptr);
  };
  const Json json = report_to_json(report_of(0.2));
  std::string lines;
  for (const Json& image : json["images"]) lines += image["prediction_sha256"].get<std::string>() + "\n";
  EXPECT_EQ(json["predictions"]["sha256"], sha256_hex(lines));
  EXPECT_EQ(json["predictions"]["kept"], false);
  EXPECT_EQ(json["images"][0]["prediction_sha256"],
            picture_sha256(rgb_picture(example_model(0.2)(example_batch({0}, {{0}})).pictures[0][0])));
  EXPECT_NE(report_to_json(report_of(0.3))["predictions"]["sha256"], json["predictions"]["sha256"]);
  const auto notes = [&](const Json& other) { return compare_reports(json, "a", other, "b").notes; };
  const std::string same = "both hold the same pictures, to the last bit";
  EXPECT_THAT(notes(json), testing::Contains(same));
  EXPECT_THAT(notes(report_to_json(report_of(0.3))), testing::Not(testing::Contains(same)));
  // Reports of before hold none.
  Json old = json;
  for (Json& image : old["images"]) image.erase("prediction_sha256");
  EXPECT_FALSE(report_to_json(report_from_json(old, "old")).contains("predictions"));
}

TEST(Predictions, AreKeptByVehicleSampleAndAzimuth) {
  const test::TemporaryFolder folder;
  const Batch batch = example_batch({3}, {{2, 6}});
  EvaluateOptions options;
  options.on_batch = [&](const BatchScored& scored) { keep_predictions(folder.path(), scored); };
  const EvaluationReport report = evaluate(example_model(0.2), batches_of({batch}), {}, nullptr, options);
  ASSERT_EQ(report.images.size(), 2U);
  for (const ImageRow& row : report.images) {
    const std::int64_t azimuth = 45 * row.slot;
    const auto read = [&](const std::string& hash) {
      return read_prediction(folder.path(), "car-3", 3, azimuth, ScoredAt::model, hash);
    };
    EXPECT_EQ(picture_sha256(read(row.prediction_sha256)), row.prediction_sha256);
    test::expect_error(ExitCode::runtime, {"is not the picture that was scored"}, [&] { read("other"); });
    EXPECT_EQ(picture_sha256(read_truth(folder.path(), "car-3", azimuth, ScoredAt::model)),
              picture_sha256(rgb_picture(batch.colour[0][row.slot])));
  }
}

TEST(Predictions, NoIdLeadsElsewhere) {
  for (const char* id : {"../up", "a/b", ".hidden", "", "a\nb"})
    test::expect_error(ExitCode::runtime, {"vehicle's id"}, [&] { prediction_path(id, 0, 90); });
}

}  // namespace
}  // namespace spinfill
