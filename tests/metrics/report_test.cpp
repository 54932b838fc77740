// SPDX-License-Identifier: Apache-2.0
#include "metrics/report.h"
#include "core/files/json.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "metrics/comparison.h"
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
  EXPECT_EQ(scores.size(), line.size());
  EXPECT_NE(scores.find(fmt::format("{:.2f}", summarise(report).overall.mean[0])), std::string::npos);
  EXPECT_NE(scores.find(fmt::format("{:.2f}", summarise(report, 4).overall.mean[0])), std::string::npos);
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

TEST(Comparison, FindsARegressionOverallAndNamesTheGroups) {
  const Json before = report_to_json(example_report(0.2)), after = report_to_json(example_report(0.3));
  const auto compare = [](const Json& a, const Json& b, const char* limits) {
    return compare_reports(a, "old.json", b, "new.json",
                           *limits == 0 ? std::nullopt : std::optional(DropLimits::parse(limits)), false);
  };
  const Comparison worse = compare(before, after, "");
  ASSERT_EQ(worse.regressions.size(), 2u);  // PSNR and SSIM
  EXPECT_NE(worse.regressions[0].find("psnr fell by"), std::string::npos);
  EXPECT_FALSE(worse.group_regressions.empty());
  ASSERT_EQ(worse.notes.size(), 1u);
  EXPECT_NE(worse.notes[0].find("lpips"), std::string::npos);
  EXPECT_TRUE(compare(after, before, "").regressions.empty());
  EXPECT_TRUE(compare(before, before, "").regressions.empty());
  EXPECT_TRUE(compare(before, before, "psnr=0,ssim=0").regressions.empty());
  EXPECT_TRUE(compare(before, after, "psnr=50").regressions.empty());
  EXPECT_EQ(compare(before, after, "foreground_psnr=0.1").regressions.size(), 1u);
}

TEST(Comparison, LimitsHoldToTheirLastDigit) {
  Json before = report_to_json(example_report());
  before["overall"]["psnr"] = 25.0;
  before["overall"]["lpips"] = 0.05;
  Json after = before;
  const auto regressions = [&] {
    return compare_reports(before, "a", after, "b", DropLimits::parse("psnr=0.2,lpips=0.01"), false).regressions.size();
  };
  after["overall"]["psnr"] = 24.8;
  EXPECT_EQ(regressions(), 0u);
  after["overall"]["psnr"] = 24.79;
  EXPECT_EQ(regressions(), 1u);
  after["overall"]["lpips"] = 0.0601;  // LPIPS gets worse upwards
  EXPECT_EQ(regressions(), 2u);
  after["overall"]["lpips"] = 0.01;
  EXPECT_EQ(regressions(), 1u);
}

TEST(Comparison, OneGroupAloneIsNamedAndDoesNotDecide) {
  const Json before = report_to_json(example_report());
  Json after = before;
  after["by_case"]["front/back"]["psnr"] = before["by_case"]["front/back"]["psnr"].get<double>() - 1;
  const Comparison result = compare_reports(before, "a", after, "b", std::nullopt, false);
  EXPECT_TRUE(result.regressions.empty());
  ASSERT_EQ(result.group_regressions.size(), 1u);
  EXPECT_NE(result.group_regressions[0].find("by_case front/back"), std::string::npos);
}

TEST(Comparison, UnlikeProtocolsAreRefusedUnlessAllowed) {
  const Json before = report_to_json(example_report());
  for (const char* key : {"width", "truth_sha256", "subsets_sha256", "background", "round_to_8_bits", "lpips_net",
                          "split", "definitions", "format", "cameras"}) {
    Json after = before;
    after["protocol"][key] = "other";
    test::expect_error(ExitCode::usage, {"a.json", "b.json", std::string("protocol.") + key, "--allow-different"},
                       [&] { compare_reports(before, "a.json", after, "b.json", std::nullopt, false); });
    EXPECT_FALSE(compare_reports(before, "a.json", after, "b.json", std::nullopt, true).notes.empty());
  }
  Json after = before;  // how the model samples is its own affair
  after["protocol"]["steps"] = 20;
  after["protocol"]["sampler"] = "heun";
  after["protocol"]["data"] = "elsewhere";
  EXPECT_TRUE(compare_reports(before, "a", after, "b", std::nullopt, false).regressions.empty());
}

// All that differs is named: what moves numbers in the refusal, the model's own affairs as notes.
TEST(Comparison, EveryConditionThatDiffersIsNamed) {
  Json before = report_to_json(example_report());
  before["protocol"]["cameras"] = "targets' true cameras";
  before["protocol"]["conditions"] = "targets' true cameras, hull of 64 voxels, flanks by plan box";
  Json after = before;
  after["protocol"]["conditions"] = "targets' true cameras, hull of 96 voxels, flanks by plan box, sharp colours";
  after["protocol"]["sampler"] = "heun";
  const auto notes = [&](bool allowed) {
    return compare_reports(before, "a", after, "b", std::nullopt, allowed).notes;
  };
  std::vector<std::string> found = notes(false);
  ASSERT_EQ(found.size(), 3u);  // and that there is no LPIPS
  EXPECT_EQ(found[0],
            "the two differ: protocol.conditions is \"hull of 64 voxels\" and \"hull of 96 voxels, sharp colours\"");
  EXPECT_EQ(found[1], "the two differ: protocol.sampler is \"one step\" and \"heun\"");

  after["protocol"]["cameras"] = "cameras estimated from the references";
  after["protocol"]["definitions"]["ssim"] = "another window";
  test::expect_error(ExitCode::usage,
                     {"protocol.cameras is \"targets' true cameras\" and \"cameras estimated from the references\"",
                      "protocol.definitions.ssim"},
                     [&] { notes(false); });
  found = notes(true);
  EXPECT_EQ(std::ranges::count_if(found, [](const auto& note) { return note.starts_with("not measured alike"); }), 2);

  before["protocol"].erase("cameras");  // both of an older version
  after = before;
  found = notes(false);
  EXPECT_EQ(std::ranges::count_if(found, [](const auto& note) { return note.starts_with("neither report says"); }), 1);
}

TEST(Comparison, WrongFilesAndLimitsAreOneLine) {
  const Json good = report_to_json(example_report());
  const auto refuse = [&](const Json& json, const std::vector<std::string>& texts) {
    test::expect_error(ExitCode::runtime, texts, [&] { compare_reports(good, "a", json, "b", std::nullopt, true); });
  };
  refuse(Json::array(), {"b"});
  refuse({{"protocol", 1}, {"overall", Json::object()}}, {"b: overall.images"});
  Json bad = good;
  bad["overall"]["psnr"] = "12";
  refuse(bad, {"b: overall.psnr"});
  bad["overall"]["psnr"] = 1e300;
  refuse(bad, {"b: overall.psnr"});
  bad = good;
  bad["by_case"]["front/back"] = 3;
  refuse(bad, {"b: by_case front/back"});
  bad = good;
  bad["overall"]["images"] = 0;
  refuse(bad, {"b: overall.images"});
  test::expect_error(ExitCode::usage, {"lpips", "a"},
                     [&] { compare_reports(good, "a", good, "b", DropLimits::parse("lpips=0.01"), false); });
  test::expect_error(ExitCode::usage, {"'psnrr'", "did you mean psnr"}, [] { DropLimits::parse("psnrr=1"); });
  for (const char* text : {"psnr", "psnr=", "psnr=x", "psnr=-1", "psnr=nan", "psnr=inf", "psnr=1,psnr=2", "psnr=1,", "",
                           "psnr=1e999", "psnr=1 "}) {
    test::expect_error(ExitCode::usage, {"--max-drop"}, [&] { DropLimits::parse(text); });
  }
}

}  // namespace
}  // namespace spinfill
