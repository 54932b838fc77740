// SPDX-License-Identifier: Apache-2.0
#include "metrics/mlflow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "metrics/report.h"
#include "support/examples.h"

namespace spinfill {
namespace {

const MlflowTime kTime{std::chrono::milliseconds(1767225600123)};

EvaluationReport scored(double noise) {
  EvaluationReport report =
      evaluate(example_model(noise), batches_of({example_batch({0, 1, 2}, {{0}, {1, 7}, {2, 4, 5}})}), {}, nullptr);
  report.model = {{"name", "runs/a"}, {"step", 1400}, {"model_sha256", "ab12"}};
  return report;
}

// As MLflow's service takes it: each list of objects with these fields and types and no others, keys of letters that it
// allows, no key twice.
std::map<std::string, double> checked(const Json& batch) {
  std::map<std::string, double> metrics;
  EXPECT_EQ(batch.size(), 3U);
  for (const char* list : {"tags", "params"}) {
    for (const Json& entry : batch.at(list)) {
      EXPECT_EQ(entry.size(), 2U);
      EXPECT_TRUE(entry.at("key").is_string() && entry.at("value").is_string());
      EXPECT_LE(entry["value"].get<std::string>().size(), 5000U);
    }
  }
  for (const Json& entry : batch.at("metrics")) {
    EXPECT_EQ(entry.size(), 4U);
    EXPECT_THAT(entry.at("key").get<std::string>(), testing::MatchesRegex("[-_./ a-zA-Z0-9]+"));
    EXPECT_EQ(entry.at("timestamp"), 1767225600123);
    EXPECT_EQ(entry.at("step"), 1400);
    EXPECT_TRUE(metrics.emplace(entry["key"], entry.at("value").get<double>()).second) << entry["key"];
  }
  return metrics;
}

std::string tag_of(const Json& batch, const std::string& key) {
  for (const Json& tag : batch["tags"])
    if (tag["key"] == key) return tag["value"];
  return "";
}

TEST(Mlflow, HasTheScoresOfAReport) {
  const EvaluationReport report = scored(0.2);
  const Json batch = mlflow_batch(report, kTime), json = report_to_json(report);
  const auto metrics = checked(batch);
  EXPECT_EQ(metrics.at("psnr"), json["overall"]["psnr"].get<double>());
  EXPECT_EQ(metrics.at("psnr_low"), json["overall"]["intervals"]["psnr"][0].get<double>());
  EXPECT_EQ(metrics.at("psnr_minus_mirror-or-prior"),
            json["baselines"]["mirror-or-prior"]["model_differs_by"]["psnr"]["difference"].get<double>());
  EXPECT_EQ(metrics.at("by_missing/2/ssim"), json["by_missing"]["2"]["ssim"].get<double>());
  EXPECT_FALSE(metrics.contains("lpips")) << "what is absent is no number";
  EXPECT_EQ(tag_of(batch, "model.model_sha256"), "ab12");
  EXPECT_EQ(tag_of(batch, "predictions_sha256"), json["predictions"]["sha256"]);
}

TEST(Mlflow, KeysAreThoseItTakesAndOneRequestIsEnough) {
  EvaluationReport report = scored(0.2);
  report.images[0].category = "vélo:cargo";
  report.model["note"] = std::string(4996, 'a') + "äöüä";
  EXPECT_TRUE(checked(mlflow_batch(report, kTime)).contains("by_category/v__lo_cargo/psnr"));
  EXPECT_NO_THROW(mlflow_batch(report, kTime).dump());
  const ImageRow row = report.images[0];
  for (int i = 0; i < 300; ++i) {
    report.images.push_back(row);
    report.images.back().category = fmt::format("c{}", i);
  }
  EXPECT_LT(checked(mlflow_batch(report, kTime)).size(), 900U);
}

TEST(Mlflow, HasTheVerdictsOfAComparison) {
  const Json before = report_to_json(scored(0.2)), after = report_to_json(scored(0.4));
  const Comparison comparison = compare_reports(before, "old.json", after, "new.json");
  const Json batch = mlflow_batch(comparison, after["model"], kTime);
  const auto metrics = checked(batch);
  EXPECT_NEAR(metrics.at("compare/psnr"),
              after["overall"]["psnr"].get<double>() - before["overall"]["psnr"].get<double>(), 1e-9);
  EXPECT_EQ(metrics.at("compare/regressions"), static_cast<double>(comparison.regressions.size()));
  EXPECT_EQ(tag_of(batch, "compare.verdict.psnr"), name_of(comparison.groups[0].effects[0].verdict));
  EXPECT_EQ(tag_of(batch, "compare.old"), "old.json");
  EXPECT_NE(batch.dump(1).substr(0, 4096).find(kMlflowMark), std::string::npos)
      << "known by it when it is written anew";
}

}  // namespace
}  // namespace spinfill
