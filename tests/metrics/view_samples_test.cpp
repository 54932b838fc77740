// SPDX-License-Identifier: Apache-2.0
#include "metrics/view_samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "metrics/comparison.h"
#include "metrics/report.h"
#include "metrics/summary.h"
#include "support/examples.h"

namespace spinfill {
namespace {

Predictors models(const std::vector<double>& noises) {
  Predictors samples;
  for (const double noise : noises) samples.push_back(example_model(noise));
  return samples;
}

EvaluationReport scored(const Predictors& samples) {
  return evaluate(samples, batches_of({example_batch({0}, {{1, 2}}), example_batch({1}, {{3}})}), {}, nullptr);
}

TEST(ViewSamples, MeanSpreadAndBestAreThoseOfTheSamples) {
  const EvaluationReport report = scored(models({0.1, 0.2, 0.4}));
  EXPECT_EQ(report.protocol.samples, 3);
  std::vector<EvaluationReport> alone;
  for (const double noise : {0.1, 0.2, 0.4}) alone.push_back(scored(models({noise})));
  double deviations = 0, means = 0, bests = 0, worst_l2 = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const ImageRow& row = report.images[i];
    ASSERT_EQ(row.samples.size(), 3U);
    ASSERT_EQ(row.scores.size(), 1 + kBaselines.size());
    double mean = 0, squares = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_EQ(row.samples[k][0], alone[k].images[i].scores[0][0]);
      EXPECT_TRUE(alone[k].images[i].samples.empty());
      mean += row.samples[k][0] / 3;
    }
    for (std::size_t k = 0; k < 3; ++k) squares += std::pow(row.samples[k][0] - mean, 2);
    EXPECT_NEAR(row.scores[0][0], mean, 1e-12);
    EXPECT_EQ(row.scores[2][0], alone[0].images[i].scores[2][0]) << "baselines are no samples";
    deviations += std::sqrt(squares / 2) / 3;
    means += mean / 3;
    bests += row.samples[0][0] / 3;
    worst_l2 += row.samples[2][kL2] / 3;
  }
  const auto samples = view_samples(report);
  ASSERT_TRUE(samples);
  EXPECT_FALSE(samples->alike);
  EXPECT_NEAR(samples->deviation[0], deviations, 1e-12);
  EXPECT_NEAR(samples->best[0], bests, 1e-12);
  EXPECT_NEAR(samples->each[1][0], summarise(alone[1]).overall.mean[0], 1e-12);
  EXPECT_LT(samples->best[kL2], worst_l2) << "the lowest, where lower is better";
  EXPECT_TRUE(std::isnan(samples->best[kLpips])) << "there is none";
  EXPECT_FALSE(view_samples(alone[0]));
  // The best never stands without the mean.
  const Json json = report_to_json(report).at("overall");
  EXPECT_NEAR(json["psnr"].get<double>(), means, 1e-12);
  EXPECT_EQ(json["samples"]["psnr"]["mean"], json["psnr"]);
  EXPECT_EQ(json["samples"]["seeds"], Json({0, 1, 2}));
  EXPECT_TRUE(json["samples"]["psnr"].contains("best_of_3"));
  EXPECT_TRUE(json["samples"]["lpips"]["deviation"].is_null());
  EXPECT_THAT(report_table(report), testing::HasSubstr("best of 3"));
}

TEST(ViewSamples, ThatAreAllAlikeAreSaidToBe) {
  const EvaluationReport report = scored(models({0.3, 0.3, 0.3})), one = scored(models({0.3}));
  EXPECT_TRUE(view_samples(report)->alike);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < kL2; ++k) {
      if (k == kLpips) continue;
      EXPECT_EQ(report.images[i].scores[0][k], one.images[i].scores[0][k]) << "to the bit";
    }
  }
  const Json json = report_to_json(report)["overall"]["samples"];
  EXPECT_EQ(json["alike"], true);
  EXPECT_FALSE(json.contains("psnr"));
  EXPECT_THAT(report_table(report),
              testing::AllOf(testing::HasSubstr("nothing is drawn"), testing::Not(testing::HasSubstr("best of"))));
}

TEST(ViewSamples, ReportsOfThemAreReadBackAndTheirNumberIsChecked) {
  const Json json = report_to_json(scored(models({0.1, 0.2})));
  EXPECT_EQ(report_to_json(report_from_json(json, "here")), json);
  Json broken = json;
  broken["images"][1]["samples"].erase(0);
  test::expect_error(ExitCode::runtime, {"images[1].samples", "2 samples"}, [&] { report_from_json(broken, "here"); });
  broken = json;
  broken["images"][0]["samples"][1]["psnr"] = "high";
  test::expect_error(ExitCode::runtime, {"images[0]", "psnr"}, [&] { report_from_json(broken, "here"); });
  for (const Json& wrong : {Json(0), Json(1e9), Json("two")}) {
    broken = json;
    broken["protocol"]["samples"] = wrong;
    test::expect_error(ExitCode::runtime, {"protocol.samples"}, [&] { report_from_json(broken, "here"); });
  }
}

TEST(ViewSamples, AnotherNumberIsAnotherProtocol) {
  const Json two = report_to_json(scored(models({0.1, 0.2}))), one = report_to_json(scored(models({0.1})));
  EXPECT_FALSE(one["protocol"].contains("samples")) << "as reports were before";
  test::expect_error(ExitCode::usage, {"protocol.samples is 1 and 2"}, [&] { compare_reports(one, "a", two, "b"); });
  // Means are compared.
  const Comparison compared = compare_reports(two, "a", two, "b");
  EXPECT_NEAR(*compared.groups[0].effects[0].before, two["overall"]["psnr"].get<double>(), 1e-12);
}

}  // namespace
}  // namespace spinfill
