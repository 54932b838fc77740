// SPDX-License-Identifier: Apache-2.0
#include "metrics/evaluation.h"
#include "core/files/json.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <latch>
#include <utility>

#include "data/priors/prior_image.h"
#include "data/sets/categories.h"
#include "metrics/image_metrics.h"
#include "metrics/report.h"
#include "metrics/summary.h"
#include "support/examples.h"

namespace spinfill {
namespace {

using Missing = std::vector<std::vector<std::int64_t>>;

std::vector<Batch> six_sets() {
  std::vector<Batch> sets;
  const Missing missing = {{0}, {1, 7}, {2, 4, 5}, {3}, {6, 2}, {4}};
  for (std::int64_t i = 0; i < 6; ++i) sets.push_back(example_batch({i}, {missing[i]}));
  return sets;
}

TEST(Baselines, NearestCopiesTheNearestReferenceByTrueAzimuth) {
  Batch batch = example_batch({1}, {{2, 3}});
  const at::Tensor by_slots = baseline_pictures("nearest", batch);
  EXPECT_TRUE(at::equal(by_slots[0][2], batch.colour[0][1]));
  EXPECT_TRUE(at::equal(by_slots[0][3], batch.colour[0][4]));
  batch.azimuth_deg[0][4] = 183.0;
  batch.azimuth_deg[0][2] = 119.0;  // 74° from the left neighbour, 64° from the right one
  EXPECT_TRUE(at::equal(baseline_pictures("nearest", batch)[0][2], batch.colour[0][4]));
}

TEST(Baselines, NearestTakesTheLowerSlotOfTwoAndTheBackgroundOfNone) {
  Batch batch = example_batch({1}, {{0}});
  EXPECT_TRUE(at::equal(baseline_pictures("nearest", batch)[0][0], batch.colour[0][1]));  // not slot 7
  batch.is_reference.fill_(false);
  batch.background.fill_(0.25);
  EXPECT_TRUE(at::equal(baseline_pictures("nearest", batch)[0][0], at::full_like(batch.colour[0][0], 0.25)));
}

TEST(Baselines, MirrorFlipsTheMirrorViewElseCopiesTheNearest) {
  const Batch batch = example_batch({1}, {{1, 2, 6, 0}});
  const at::Tensor mirror = baseline_pictures("mirror", batch), nearest = baseline_pictures("nearest", batch);
  EXPECT_TRUE(at::equal(mirror[0][1], batch.colour[0][7].flip({2})));
  EXPECT_TRUE(at::equal(mirror[0][2], nearest[0][2]));
  EXPECT_TRUE(at::equal(mirror[0][0], nearest[0][0]));
  EXPECT_FALSE(at::equal(mirror[0][1], nearest[0][1]));
}

TEST(Baselines, PriorsAreThePriorImages) {
  const Batch batch = example_batch({1}, {{1, 4}});
  EXPECT_TRUE(at::equal(baseline_pictures("prior", batch), prior_image(batch.priors, batch.background)));
  EXPECT_TRUE(
      at::equal(baseline_pictures("mirror-or-prior", batch), mirror_or_prior_image(batch.priors, batch.background)));
}

TEST(Baselines, DoNotSeeTheTargets) {
  const Batch batch = example_batch({3, 4}, {{1, 4}, {0, 2, 6}});
  Batch changed = batch;
  const at::Tensor targets = batch.is_target.view({2, 8, 1, 1, 1});
  changed.colour = at::where(targets, at::rand_like(batch.colour), batch.colour);
  changed.alpha = at::where(targets, at::rand_like(batch.alpha), batch.alpha);
  ASSERT_FALSE(at::equal(changed.colour, batch.colour));
  for (const std::string& name : kBaselines) {
    const at::Tensor before = baseline_pictures(name, batch), after = baseline_pictures(name, changed);
    EXPECT_TRUE(at::equal(before.masked_select(targets), after.masked_select(targets))) << name;
  }
}

TEST(Baselines, WrongNamesAndAbsentPriorsAreErrors) {
  test::expect_error(ExitCode::usage, {"mirror-or-piror", "did you mean mirror-or-prior", "nearest"},
                     [] { baseline_predictor("mirror-or-piror"); });
  Batch batch = example_batch({3}, {{1}});
  batch.priors = {};
  test::expect_error(ExitCode::runtime, {"prior", "not computed"}, [&] { baseline_pictures("prior", batch); });
}

TEST(Cases, MirrorGivenFrontBackOrSide) {
  std::vector<bool> given(8, true);
  given[1] = given[2] = given[6] = given[0] = given[4] = false;
  EXPECT_EQ(case_of(1, given), "mirror view given");
  EXPECT_EQ(case_of(2, given), "side without mirror");
  EXPECT_EQ(case_of(6, given), "side without mirror");
  EXPECT_EQ(case_of(0, given), "front/back");
  EXPECT_EQ(case_of(4, given), "front/back");
}

TEST(Evaluation, ScoresEveryTargetOfEverySubsetByHand) {
  const auto sets = six_sets();
  const EvaluationReport report = evaluate(example_model(0.2), batches_of(sets), {}, nullptr);
  ASSERT_EQ(report.images.size(), 10u);
  EXPECT_EQ(report.protocol.vehicles, 6);
  EXPECT_EQ(report.protocol.images, 10);
  EXPECT_EQ(report.protocol.subset_count, 6);
  EXPECT_EQ(report.protocol.width, 24);
  EXPECT_EQ(report.protocol.height, 20);
  EXPECT_EQ(report.protocol.background[1], 1);
  EXPECT_TRUE(report.protocol.round_to_8_bits);
  double sum = 0, foreground = 0, sum_nearest = 0;
  for (const ImageRow& row : report.images) {
    const Batch& batch = sets[row.sample];
    const at::Tensor truth = rounded_to_8_bits(batch.colour[0][row.slot]).unsqueeze(0);
    const at::Tensor alpha = batch.alpha[0][row.slot].unsqueeze(0);
    const at::Tensor shown = rounded_to_8_bits(example_model(0.2)(batch).pictures[0][row.slot]).unsqueeze(0);
    const at::Tensor nearest = rounded_to_8_bits(baseline_pictures("nearest", batch)[0][row.slot]).unsqueeze(0);
    EXPECT_NEAR(row.scores[0][0], psnr(shown, truth).item<double>(), 1e-9);
    EXPECT_NEAR(row.scores[0][1], foreground_psnr(shown, truth, alpha).item<double>(), 1e-9);
    EXPECT_NEAR(row.scores[0][2], ssim(shown, truth).item<double>(), 1e-9);
    EXPECT_NEAR(row.scores[0][3], foreground_ssim(shown, truth, alpha).item<double>(), 1e-9);
    EXPECT_TRUE(std::isnan(row.scores[0][4]));
    EXPECT_NEAR(row.scores[1][0], psnr(nearest, truth).item<double>(), 1e-9);
    EXPECT_EQ(row.category, kCategories[row.sample % 3]);
    sum += row.scores[0][0];
    foreground += row.scores[0][1];
    sum_nearest += row.scores[1][0];
  }
  EXPECT_NEAR(summarise(report).overall.mean[0], sum / 10, 1e-12);
  EXPECT_NEAR(summarise(report).overall.mean[1], foreground / 10, 1e-12);
  EXPECT_NEAR(summarise(report, 1).overall.mean[0], sum_nearest / 10, 1e-12);
  EXPECT_EQ(method_count(report), 5u);
}

TEST(Evaluation, BatchSizeAndOrderDoNotChangeADigit) {
  const auto sets = six_sets();
  const auto together = example_batch({0, 1, 2, 3, 4, 5}, {{0}, {1, 7}, {2, 4, 5}, {3}, {6, 2}, {4}});
  const std::string one_by_one = text_of(evaluate(example_model(0.2), batches_of(sets), {}, nullptr));
  EXPECT_EQ(one_by_one, text_of(evaluate(example_model(0.2), batches_of({together}), {}, nullptr)));
  EXPECT_EQ(one_by_one, text_of(evaluate(example_model(0.2), batches_of({sets.rbegin(), sets.rend()}), {}, nullptr)));
}

TEST(Evaluation, BatchesSideBySideDoNotChangeADigit) {
  const auto sets = six_sets();
  std::vector<std::string> seen;
  EvaluateOptions options;
  options.on_batch = [&](const BatchScored& scored) { seen.push_back(scored.batch.ids[0]); };
  const std::string one_by_one = text_of(evaluate(example_model(0.2), batches_of(sets), {}, nullptr, options));
  const std::vector<std::string> in_order = std::exchange(seen, {});
  for (const std::int64_t at_once : {2, 4, 6, 7}) {
    options.batches_at_once = at_once;
    std::latch all_here(std::min<std::int64_t>(at_once, 6));  // of the first group
    const Predictor model = [&](const Batch& batch) {
      if (batch.samples[0] < at_once) all_here.arrive_and_wait();
      EXPECT_FALSE(at::GradMode::is_enabled());
      return example_model(0.2)(batch);
    };
    EXPECT_EQ(one_by_one, text_of(evaluate(model, batches_of(sets), {}, nullptr, options))) << at_once;
    EXPECT_EQ(std::exchange(seen, {}), in_order) << at_once;
  }
}

TEST(Evaluation, AnySplitMergesToTheLastDigit) {
  const auto sets = six_sets();
  const std::string whole = text_of(evaluate(example_model(0.2), batches_of(sets), {}, nullptr));
  for (const std::size_t world : {2u, 3u, 4u, 8u}) {
    std::vector<EvaluationReport> shares;
    for (std::size_t rank = 0; rank < world; ++rank) {
      std::vector<Batch> share;
      for (std::size_t i = rank; i < sets.size(); i += world) share.push_back(sets[i]);
      const EvaluationReport report = evaluate(example_model(0.2), batches_of(share), {}, nullptr);
      // Through text, as processes exchange it.
      shares.push_back(report_from_json(parse_json(text_of(report), "share"), "share"));
    }
    EXPECT_EQ(text_of(merge(shares)), whole) << world;
    EXPECT_EQ(text_of(merge({shares.rbegin(), shares.rend()})), whole) << world;
  }
}

TEST(Evaluation, SharesThatOverlapOrDifferDoNotMerge) {
  const auto sets = six_sets();
  const EvaluationReport one = evaluate(example_model(0.2), batches_of({sets[0]}), {}, nullptr);
  test::expect_error(ExitCode::runtime, {"car-0", "twice"}, [&] { merge({one, one}); });
  Protocol other;
  other.split = "val";
  const EvaluationReport two = evaluate(example_model(0.2), batches_of({sets[1]}), other, nullptr);
  test::expect_error(ExitCode::runtime, {"unlike", "split"}, [&] { merge({one, two}); });
  EvaluateOptions alone;
  alone.baselines = false;
  const EvaluationReport bare = evaluate(example_model(0.2), batches_of({sets[1]}), {}, nullptr, alone);
  EXPECT_EQ(method_count(bare), 1u);
  test::expect_error(ExitCode::runtime, {"baselines"}, [&] { merge({one, bare}); });
}

TEST(Evaluation, AveragesArePerImageAndNotPerSetOrBatch) {
  // One set with three targets that are perfect, one with a single bad target.
  const std::vector<Batch> sets = {example_batch({0}, {{1, 2, 3}}), example_batch({1}, {{1}})};
  const Predictor model = [](const Batch& batch) {
    return batch.samples[0] == 0 ? batch.colour : at::zeros_like(batch.colour);
  };
  const EvaluationReport report = evaluate(model, batches_of(sets), {}, nullptr);
  const double bad = report.images.back().scores[0][0];
  ASSERT_LT(bad, 20);
  EXPECT_NEAR(summarise(report).overall.mean[0], (3 * kPsnrCap + bad) / 4, 1e-9);
}

TEST(Evaluation, GroupsAreThoseOfTheSubsets) {
  const EvaluationReport report = evaluate(example_model(0.2), batches_of(six_sets()), {}, nullptr);
  const Json json = report_to_json(report);
  EXPECT_EQ(json["by_missing"]["1"]["images"], 3);
  EXPECT_EQ(json["by_missing"]["2"]["images"], 4);
  EXPECT_EQ(json["by_missing"]["3"]["images"], 3);
  EXPECT_EQ(json["by_azimuth"]["180"]["images"], 2);
  EXPECT_EQ(json["by_azimuth"]["90"]["images"], 2);
  EXPECT_EQ(json["by_category"]["sedan"]["images"], 2);
  EXPECT_EQ(json["by_category"]["suv"]["images"], 4);
  EXPECT_EQ(json["by_category"]["hatchback"]["images"], 4);
  EXPECT_EQ(json["by_case"]["front/back"]["images"], 3);
  EXPECT_EQ(json["by_case"]["side without mirror"]["images"], 4);  // 1,7 and 6,2
  EXPECT_EQ(json["by_case"]["mirror view given"]["images"], 3);
  for (const char* grouping : {"by_missing", "by_azimuth", "by_category", "by_case"}) {
    double sum = 0;
    for (const auto& [name, group] : json[grouping].items()) {
      sum += group["psnr"].get<double>() * group["images"].get<double>();
    }
    EXPECT_NEAR(sum / 10, json["overall"]["psnr"].get<double>(), 1e-9) << grouping;
  }
}

TEST(Evaluation, AViewWithoutForegroundIsLeftOutOfThatMeanAlone) {
  Batch batch = example_batch({0}, {{1, 2}});
  batch.alpha[0][2].zero_();
  const EvaluationReport report = evaluate(example_model(0.2), batches_of({batch}), {}, nullptr);
  const Json json = report_to_json(report);
  EXPECT_EQ(json["overall"]["images"], 2);
  EXPECT_EQ(json["overall"]["foreground_images"], 1);
  EXPECT_EQ(json["overall"]["foreground_psnr"], json["images"][0]["foreground_psnr"]);
  EXPECT_TRUE(json["images"][1]["foreground_psnr"].is_null());
  EXPECT_FALSE(json["images"][1]["psnr"].is_null());
}

TEST(Evaluation, BadPredictionsAreNamed) {
  const auto sets = six_sets();
  const auto run = [&](const Predictor& model) { evaluate(model, batches_of(sets), {}, nullptr); };
  test::expect_error(ExitCode::runtime, {"car-1", "315°", "not finite"}, [&] {
    run([](const Batch& batch) {
      at::Tensor pictures = batch.colour.clone();
      if (batch.samples[0] == 1) pictures[0][7][0][3][3] = NAN;
      return pictures;
    });
  });
  test::expect_error(ExitCode::runtime, {"[1,8,3,20,23]"},
                     [&] { run([](const Batch& batch) { return batch.colour.narrow(4, 0, 23); }); });
  // What the model makes of references does not matter.
  run([](const Batch& batch) {
    return at::where(batch.is_target.view({-1, 8, 1, 1, 1}), batch.colour, at::full_like(batch.colour, NAN));
  });
}

TEST(Evaluation, MixedBackgroundsAndSizesAreRefused) {
  auto sets = six_sets();
  sets[3].background = at::full({1, 3}, 0.5);
  test::expect_error(ExitCode::runtime, {"car-3", "background"},
                     [&] { evaluate(example_model(0), batches_of(sets), {}, nullptr); });
  sets = six_sets();
  sets[2] = example_batch({2}, {{2}}, 20, 25);
  test::expect_error(ExitCode::runtime, {"car-2", "25×20", "24×20"},
                     [&] { evaluate(example_model(0), batches_of(sets), {}, nullptr); });
}

TEST(Evaluation, ABaselineAsTheModelScoresLikeItself) {
  for (std::size_t i = 0; i < kBaselines.size(); ++i) {
    const EvaluationReport report = evaluate(baseline_predictor(kBaselines[i]), batches_of(six_sets()), {}, nullptr);
    const Json json = report_to_json(report);
    EXPECT_EQ(json["overall"].dump(), json["baselines"][kBaselines[i]]["overall"].dump());
    EXPECT_EQ(json["by_case"].dump(), json["baselines"][kBaselines[i]]["by_case"].dump());
  }
}

TEST(Evaluation, TheHashesFollowSubsetsAndTruth) {
  auto sets = six_sets();
  const Protocol before = evaluate(example_model(0.2), batches_of(sets), {}, nullptr).protocol;
  sets[0].colour[0][0][0][5][5] = 0.123;
  const Protocol truth = evaluate(example_model(0.2), batches_of(sets), {}, nullptr).protocol;
  EXPECT_EQ(before.subsets_sha256, truth.subsets_sha256);
  EXPECT_NE(before.truth_sha256, truth.truth_sha256);
  sets = six_sets();
  sets[0].is_reference[0][5] = false;  // one reference less, the same targets
  const Protocol subset = evaluate(example_model(0.2), batches_of(sets), {}, nullptr).protocol;
  EXPECT_NE(before.subsets_sha256, subset.subsets_sha256);
  EXPECT_EQ(before.truth_sha256, subset.truth_sha256);
}

TEST(Evaluation, LpipsIsScoredOrAbsentWithAReason) {
  SPINFILL_NEEDS_REAL_DATA();
  const Lpips lpips = Lpips::load(test::real_data() / "lpips" / "lpips_squeeze.safetensors");
  const Batch batch = example_batch({0}, {{1, 2}});
  const EvaluationReport report = evaluate(example_model(0.2), batches_of({batch}), {}, &lpips);
  EXPECT_EQ(report.protocol.lpips_net, "squeeze");
  EXPECT_EQ(report.protocol.lpips_sha256, lpips.sha256());
  for (const ImageRow& row : report.images) {
    const at::Tensor truth = rounded_to_8_bits(batch.colour[0][row.slot]).unsqueeze(0);
    const at::Tensor shown = rounded_to_8_bits(example_model(0.2)(batch).pictures[0][row.slot]).unsqueeze(0);
    EXPECT_NEAR(row.scores[0][4], lpips.distance(shown, truth).item<double>(), 1e-6);
    EXPECT_GT(row.scores[1][4], row.scores[0][4]);
  }
  const EvaluationReport small =
      evaluate(example_model(0.2), batches_of({example_batch({0}, {{1}}, 20, 16)}), {}, &lpips);
  EXPECT_TRUE(small.protocol.lpips_net.empty());
  EXPECT_NE(small.protocol.lpips_absent.find("16×20"), std::string::npos);
  EXPECT_TRUE(std::isnan(small.images[0].scores[0][4]));
}

// For the model, the baselines and every subset in which the view is asked for.
TEST(Evaluation, FeaturesOfATrueViewAreComputedOnce) {
  const Lpips plain = Lpips::from_tensors(example_lpips_weights("squeeze"), "example");
  const Lpips keeping = plain.keeping_truths(std::uint64_t{64} << 20);
  std::vector<Batch> sets;
  for (const std::vector<std::int64_t>& missing : Missing{{1}, {1, 2}, {2, 5}}) {
    sets.push_back(example_batch({0}, {missing}));  // one vehicle
    sets.back().samples[0] = static_cast<std::int64_t>(sets.size());
  }
  const EvaluationReport report = evaluate(example_model(0.2), batches_of(sets), {}, &keeping);
  EXPECT_EQ(report.images.size(), 5U);
  EXPECT_EQ(keeping.truths()->made(), 3);
  const Lpips nothing_kept = plain.keeping_truths(0);
  EXPECT_EQ(text_of(evaluate(example_model(0.2), batches_of(sets), {}, &nothing_kept)), text_of(report));
  EXPECT_EQ(nothing_kept.truths()->made(), 5);
  EXPECT_EQ(text_of(evaluate(example_model(0.2), batches_of(sets), {}, &plain)), text_of(report));
}

// Below SSIM's window SSIM is absent with the reason; the others come, and reports hold and compare that.
TEST(Evaluation, PicturesBelowAMetricsWindowLackThatMetricAlone) {
  const auto score = [](std::int64_t height, std::int64_t width) {
    return evaluate(example_model(0.2), batches_of({example_batch({0}, {{1, 2}}, height, width)}), {}, nullptr);
  };
  for (const auto& [height, width] : {std::pair{10, 24}, {20, 10}, {8, 8}, {1, 1}}) {
    const EvaluationReport report = score(height, width);
    EXPECT_NE(report.protocol.ssim_absent.find(fmt::format("{}×{}", width, height)), std::string::npos);
    ASSERT_EQ(report.images.size(), 2U);
    for (const ImageRow& row : report.images) {
      for (const Scores& scores : row.scores) {
        EXPECT_TRUE(std::isfinite(scores[0]));
        EXPECT_TRUE(std::isnan(scores[2]));
        EXPECT_TRUE(std::isnan(scores[3]));
      }
    }
    const Json json = report_to_json(report);
    EXPECT_TRUE(json["overall"]["ssim"].is_null());
    EXPECT_EQ(json["protocol"]["ssim_absent"], report.protocol.ssim_absent);
    EXPECT_EQ(report_from_json(json, "r").protocol.ssim_absent, report.protocol.ssim_absent);
    const std::string table = report_table(report);
    EXPECT_NE(table.find("SSIM absent: " + report.protocol.ssim_absent), std::string::npos) << table;
    EXPECT_NE(table.find("–"), std::string::npos) << table;
  }
  EXPECT_TRUE(score(11, 11).protocol.ssim_absent.empty());
  EXPECT_TRUE(std::isfinite(score(11, 11).images[0].scores[0][2]));
}

}  // namespace
}  // namespace spinfill
