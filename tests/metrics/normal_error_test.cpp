// SPDX-License-Identifier: Apache-2.0
#include "metrics/normal_error.h"

#include <ATen/ATen.h>

#include <cmath>

#include "metrics/evaluation.h"
#include "metrics/report.h"
#include "metrics/summary.h"
#include "support/examples.h"

namespace spinfill {
namespace {

TEST(NormalErrors, EqualAHandComputation) {
  const at::Tensor truth = at::zeros({3, 1, 6}), normals = at::zeros({3, 1, 6}), alpha = at::ones({1, 1, 6});
  for (int x = 0; x < 4; ++x) truth[2][0][x] = 1;
  normals[2][0][0] = 0.3;                    // right, whatever its length: 0 degrees
  normals[0][0][1] = 2;                      // 90
  normals[1][0][2] = normals[2][0][2] = -1;  // 135
  alpha[0][0][3] = 0.4;                      // beside the vehicle
  truth[2][0][4] = 0.4;                      // an outline
  truth[0][0][5] = 1;                        // nothing given: 90
  const NormalError error = normal_error(normals, truth, alpha);
  EXPECT_NEAR(error.mean, (0 + 90 + 135 + 90) / 4.0, 1e-5);
  EXPECT_NEAR(error.median, 90, 1e-5);
  EXPECT_TRUE(std::isnan(normal_error(normals, truth, at::zeros_like(alpha)).mean));
  EXPECT_TRUE(std::isnan(normal_error(normals, truth, at::zeros_like(alpha)).median));
  EXPECT_EQ(normal_error(truth, truth, alpha).mean, 0);
  test::expect_error(ExitCode::runtime, {"cannot be compared"},
                     [&] { normal_error(normals, truth.narrow(2, 0, 3), alpha); });
}

// tests/fixtures/metrics/make_normals.py
TEST(NormalErrors, EqualNumpys) {
  const Json stored = read_json(test::fixture("metrics/normals.json"));
  for (const Json& entry : stored.at("cases")) {
    const auto which = entry.at("which").get<std::uint32_t>();
    const std::int64_t h = entry.at("height"), w = entry.at("width");
    const at::Tensor normals = 2 * sequence(which, {3, h, w}) - 1, truth = 2 * sequence(which + 1, {3, h, w}) - 1;
    const NormalError error = normal_error(normals, truth, sequence(which + 2, {1, h, w}));
    EXPECT_NEAR(error.mean, entry.at("mean").get<double>(), 1e-9);
    EXPECT_NEAR(error.median, entry.at("median").get<double>(), 1e-9);
  }
}

TEST(NormalErrors, AreScoredBesideTheHulls) {
  Batch batch = example_batch({1}, {{2, 5}});
  batch.normals = (2 * sequence(1, batch.colour.sizes().vec()) - 1).to(at::kFloat);
  batch.priors.normal = (2 * sequence(2, batch.colour.sizes().vec()) - 1).to(at::kFloat);
  const Predictor model = [](const Batch& given) { return Prediction(given.colour, given.normals); };
  const auto report_of = [&](const Batch& given, const Predictor& predictor) {
    Protocol protocol;
    protocol.normals = given.normals.defined();
    return evaluate(predictor, batches_of({given}), protocol, nullptr);
  };
  const EvaluationReport report = report_of(batch, model);
  ASSERT_EQ(report.images.size(), 2u);
  const ImageRow& row = report.images[0];
  EXPECT_EQ(row.scores[0][kNormalError], 0);
  const NormalError hull = normal_error(batch.priors.normal[0][2], batch.normals[0][2], batch.alpha[0][2]);
  for (const std::size_t baseline : {3, 4}) {  // prior, mirror-or-prior
    EXPECT_EQ(row.scores[baseline][kNormalError], hull.mean);
    EXPECT_EQ(row.scores[baseline][kNormalErrorMedian], hull.median);
  }
  EXPECT_TRUE(std::isnan(row.scores[1][kNormalError])) << "nearest says nothing of normals";

  // In the report with its definition, and back.
  const Json json = report_to_json(report);
  EXPECT_EQ(json.at("overall").at("normal_error"), 0);
  EXPECT_EQ(json.at("protocol").at("normals"), true);
  EXPECT_TRUE(json.at("protocol").at("definitions").contains("normal_error"));
  EXPECT_EQ(summarise(report_from_json(json, "report"), 3).overall.mean[kNormalError],
            summarise(report, 3).overall.mean[kNormalError]);
  EXPECT_NE(report_table(report).find("median error of normals"), std::string::npos);
  EXPECT_FALSE(higher_is_better(kNormalError) || higher_is_better(kNormalErrorMedian));
  EXPECT_FALSE(measured_at(ScoredAt::photo, kNormalError));

  // Without: nothing of it is shown, and older reports are read.
  Batch plain = batch;
  plain.normals = at::Tensor();
  const EvaluationReport without = report_of(plain, model);
  EXPECT_EQ(report_table(without).find("normals"), std::string::npos);
  Json old = report_to_json(without);
  EXPECT_FALSE(old.at("protocol").contains("normals"));
  EXPECT_TRUE(old.at("images")[0].at("normal_error").is_null());
  for (Json& image : old["images"]) image.erase("normal_error");
  EXPECT_NO_THROW(report_from_json(old, "old"));

  const Predictor wrong = [](const Batch& given) { return Prediction(given.colour, given.alpha); };
  test::expect_error(ExitCode::runtime, {"the model gave normals"}, [&] { report_of(batch, wrong); });
  const Predictor infinite = [](const Batch& given) { return Prediction(given.colour, given.normals / 0.0); };
  test::expect_error(ExitCode::runtime, {"not finite"}, [&] { report_of(batch, infinite); });
}

}  // namespace
}  // namespace spinfill
