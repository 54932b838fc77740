// SPDX-License-Identifier: Apache-2.0
#include "metrics/report.h"
#include "core/files/json.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "metrics/estimates.h"
#include "metrics/summary.h"
#include "support/examples.h"

namespace spinfill {
namespace {

EvaluationReport example_report(double noise = 0.2) {
  Protocol protocol;
  protocol.data = "out/demo/data";
  protocol.split = "test";
  protocol.sampler = "one step";
  protocol.steps = 1;
  EvaluationReport report = evaluate(
      example_model(noise), batches_of({example_batch({0, 1, 2}, {{0}, {1, 7}, {2, 4, 5}})}), protocol, nullptr);
  report.model["name"] = "runs/example";
  return report;
}

TEST(Report, HasTheAgreedKeysAndComesBack) {
  const test::TemporaryFolder folder;
  const EvaluationReport report = example_report();
  write_report(folder / "metrics.json", report);
  const Json json = read_json(folder / "metrics.json");
  for (const char* key :
       {"protocol", "model", "overall", "by_missing", "by_azimuth", "by_category", "by_case", "baselines", "images"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  for (const std::string& name : kBaselines) {
    for (const char* key : {"overall", "by_missing", "by_azimuth", "by_category", "by_case"}) {
      EXPECT_TRUE(json["baselines"][name].contains(key)) << name << key;
    }
  }
  EXPECT_TRUE(json["overall"]["lpips"].is_null());
  EXPECT_FALSE(json["protocol"]["lpips_absent"].get<std::string>().empty());
  EXPECT_EQ(json["images"].size(), 6u);
  EXPECT_EQ(json["model"]["name"], "runs/example");
  EXPECT_EQ(json["protocol"]["steps"], 1);
  EXPECT_EQ(text_of(report_from_json(json, "metrics.json")), text_of(report));
}

TEST(Report, AnEmptyEvaluationIsNotWritten) {
  const test::TemporaryFolder folder;
  const EvaluationReport empty = evaluate(example_model(0), batches_of({}), {}, nullptr);
  test::expect_error(ExitCode::runtime, {"no target view"}, [&] { write_report(folder / "metrics.json", empty); });
  EXPECT_FALSE(std::filesystem::exists(folder / "metrics.json"));
}

TEST(Report, HostileFilesAreRefusedByField) {
  const Json good = report_to_json(example_report());
  const auto refuse = [](const Json& json, const std::vector<std::string>& texts) {
    test::expect_error(ExitCode::runtime, texts, [&] { report_from_json(json, "m.json"); });
  };
  refuse(Json::array(), {"m.json"});
  refuse(Json::object(), {"m.json"});
  Json bad = good;
  bad["images"][1]["azimuth_deg"] = 50;
  refuse(bad, {"images[1].azimuth_deg"});
  bad["images"][1]["azimuth_deg"] = 1e300;
  refuse(bad, {"images[1].azimuth_deg"});
  bad = good;
  bad["images"][2]["psnr"] = "high";
  refuse(bad, {"images[2].psnr"});
  bad = good;
  bad["images"][0].erase("id");
  refuse(bad, {"images[0].id", "missing"});
  bad = good;
  bad["images"][3]["baselines"].erase("mirror");
  refuse(bad, {"images[3].baselines", "mirror"});
  bad = good;
  bad["images"][3]["references"] = Json::array({0, 45, 90, 135, 180, 225, 270, 315, 0});
  refuse(bad, {"images[3].references"});
  bad = good;
  bad["images"][3] = 7;
  refuse(bad, {"images[3]"});
  bad = good;
  bad["protocol"]["width"] = -4;
  refuse(bad, {"protocol.width"});
  bad = good;
  bad["protocol"].erase("truth_sha256");
  refuse(bad, {"protocol.truth_sha256"});
  bad = good;
  bad["images"].push_back(bad["images"][0]);
  refuse(bad, {"car-0", "twice"});
}

TEST(Report, TableShowsModelAndBaselinesSideBySide) {
  const EvaluationReport report = example_report();
  const std::string table = report_table(report);
  EXPECT_NE(table.find("LPIPS absent"), std::string::npos);
  EXPECT_NE(table.find("24×20 px"), std::string::npos);
  EXPECT_NE(table.find("rounded to 8 bits"), std::string::npos);
  EXPECT_NE(table.find("one step"), std::string::npos);
  for (const char* row : {"overall (6)", "1 missing (1)", "2 missing (2)", "3 missing (3)", "mirror view given (2)",
                          "front/back (2)", "side without mirror (2)"}) {
    EXPECT_NE(table.find(row), std::string::npos) << row << "\n" << table;
  }
  const std::size_t header = table.find("model  ");
  ASSERT_NE(header, std::string::npos);
  const std::string line =
      table.substr(table.rfind('\n', header) + 1, table.find('\n', header) - table.rfind('\n', header) - 1);
  std::size_t place = 0;
  for (const char* name : {"model", "nearest", "mirror", "prior", "mirror-or-prior"}) {
    place = line.find(name, place);
    ASSERT_NE(place, std::string::npos) << name;
    ++place;
  }
  // The first row of scores ends where the header's columns end.
  const std::size_t row = table.find("  PSNR ");
  const std::string scores = table.substr(row, table.find('\n', row) - row);
  const auto columns = [](const std::string& text) {
    return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  };
  EXPECT_EQ(columns(scores), columns(line));
  EXPECT_TRUE(line.ends_with("model, 95 %  model − mirror-or-prior")) << line;
  EXPECT_NE(scores.find(fmt::format("{:.2f}", summarise(report).overall.mean[0])), std::string::npos);
  EXPECT_NE(scores.find(fmt::format("{:.2f}", summarise(report, 4).overall.mean[0])), std::string::npos);
}

// Over vehicles: what one more picture of the same vehicle would not change.
TEST(Report, ScoresHaveIntervals) {
  const EvaluationReport report = example_report();
  const Json json = report_to_json(report);
  VehicleSums psnr, gain;
  for (const ImageRow& row : report.images) {
    psnr[row.id].sum += row.scores[0][0];
    gain[row.id].sum += row.scores[0][0] - row.scores[4][0];
    ++psnr[row.id].images;
    ++gain[row.id].images;
  }
  const Json& overall = json["overall"];
  ASSERT_TRUE(estimate_mean(psnr).interval);
  EXPECT_EQ(overall["intervals"]["psnr"], Json(*estimate_mean(psnr).interval));
  EXPECT_TRUE(overall["intervals"]["lpips"].is_null());
  EXPECT_LT(overall["intervals"]["psnr"][0], overall["psnr"]);
  EXPECT_GT(overall["intervals"]["psnr"][1], overall["psnr"]);
  const Json& against = json["baselines"]["mirror-or-prior"]["model_differs_by"]["psnr"];
  EXPECT_EQ(against["interval"], Json(*estimate_mean(gain).interval));
  EXPECT_NEAR(against["difference"].get<double>(), estimate_mean(gain).mean, 1e-12);
  EXPECT_TRUE(json["baselines"]["nearest"]["overall"]["intervals"]["psnr"].is_array());
}

TEST(Report, TablesTitleTellsTheTargetsCameras) {
  EvaluationReport report = example_report();
  report.protocol.cameras = "targets' true cameras";
  report = report_from_json(report_to_json(report), "r");
  const std::string table = report_table(report);
  EXPECT_LT(table.find("6 target views of 24×20 px; targets' true cameras\n"), table.find('\n')) << table;
}

TEST(Report, TableSaysWhenTheModelWasTrainedOnLpips) {
  EvaluationReport report = example_report();
  report.protocol.lpips_net = "squeeze";
  report.protocol.lpips_sha256 = std::string(64, 'a');
  EXPECT_EQ(report_table(report).find("model's loss"), std::string::npos);
  report.model["lpips_in_loss"] = 10.0;
  EXPECT_NE(report_table(report).find("model's loss"), std::string::npos);
}

}  // namespace
}  // namespace spinfill
