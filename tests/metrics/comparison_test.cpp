// SPDX-License-Identifier: Apache-2.0
#include "metrics/comparison.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/random.h"
#include "metrics/comparison_text.h"
#include "metrics/report.h"
#include "support/examples.h"

namespace spinfill {
namespace {

// Of so many vehicles with six images each, PSNR round 25 dB, as a report of evaluate; `change` is added to each image
// of a vehicle.
Json report_of(int vehicles, const std::function<double(int vehicle, int image)>& change) {
  Protocol protocol;
  protocol.sampler = "one step";
  Json report = {{"protocol", protocol_to_json(protocol)}, {"images", Json::array()}};
  for (int v = 0; v < vehicles; ++v) {
    for (int i = 0; i < 6; ++i) {
      Json image = {
          {"id", fmt::format("car-{:03}", v)}, {"sample", 10 * v}, {"azimuth_deg", 45 * i}, {"missing", 1 + i % 3}};
      image["category"] = v % 2 == 0 ? "sedan" : "bus";
      image["case"] = i % 4 == 0 ? "front/back" : "mirror view given";
      image["psnr"] = 25 + std::sin(v) + 0.3 * i + change(v, i);
      image["ssim"] = 0.8 + 0.01 * std::cos(v);
      image["lpips"] = 0.05;
      report["images"].push_back(image);
    }
  }
  return report;
}

Json as_it_is(int vehicles) {
  return report_of(vehicles, [](int, int) { return 0.0; });
}

// Noise of a vehicle and of each of its images on top.
Json changed(int vehicles, double by, std::uint64_t seed, double of_vehicle = 0.2, double of_image = 0.3) {
  return report_of(vehicles, [=](int vehicle, int image) {
    Random vehicles_own(seed, static_cast<std::uint64_t>(vehicle), Stream::test),
        images_own(seed, static_cast<std::uint64_t>(1000 * (image + 1) + vehicle), Stream::test);
    return by + of_vehicle * vehicles_own.normal() + of_image * images_own.normal();
  });
}

const Effect& overall(const Comparison& comparison, std::size_t metric = 0) {
  return comparison.groups.front().effects[metric];
}

Comparison compared(const Json& before, const Json& after, const char* limits = nullptr) {
  CompareOptions options;
  if (limits != nullptr) options.limits = DropLimits::parse(limits);
  return compare_reports(before, "old.json", after, "new.json", options);
}

TEST(Comparison, TellsWorseBetterAndEqual) {
  const Json before = as_it_is(24);
  const Comparison worse = compared(before, changed(24, -0.5, 1));
  EXPECT_EQ(overall(worse).verdict, Verdict::worse);
  ASSERT_EQ(worse.regressions.size(), 1U);
  EXPECT_TRUE(worse.regressions[0].starts_with("overall: psnr fell by 0.")) << worse.regressions[0];
  EXPECT_FALSE(worse.group_regressions.empty());

  const Comparison better = compared(before, changed(24, 0.5, 2));
  EXPECT_EQ(overall(better).verdict, Verdict::better);
  EXPECT_TRUE(better.regressions.empty());

  const Comparison same = compared(before, before);
  EXPECT_EQ(overall(same).verdict, Verdict::equal);
  EXPECT_EQ(overall(same).difference.mean, 0);
  EXPECT_TRUE(same.regressions.empty() && same.group_regressions.empty());
  EXPECT_EQ(overall(compared(before, before, "ssim=0.1")).verdict, Verdict::equal)
      << "not a hair apart: without a limit, too";

  const Comparison some = compared(before, changed(200, 0, 3));
  EXPECT_EQ(overall(some).difference.vehicles, 24) << "only what both have is paired";
}

// A drop beyond the limit that other vehicles might not show is no regression, unless limits alone decide.
TEST(Comparison, WhatIsUncertainDoesNotDecide) {
  const Json before = as_it_is(4), after = report_of(4, [](int vehicle, int) { return vehicle == 0 ? -2.0 : 0.0; });
  const Comparison result = compared(before, after);
  EXPECT_NEAR(overall(result).difference.mean, -0.5, 1e-9);
  EXPECT_EQ(overall(result).verdict, Verdict::inconclusive);
  EXPECT_TRUE(result.regressions.empty());
  ASSERT_TRUE(overall(result).more_vehicles);
  EXPECT_GT(*overall(result).more_vehicles, 3);
  EXPECT_NE(verdict_text(overall(result)).find("more vehicles would tell"), std::string::npos);
  const Comparison strict = compare_reports(before, "a", after, "b", {.limits = {}, .limits_alone = true});
  EXPECT_EQ(strict.regressions.size(), 1U);

  const Comparison single = compared(as_it_is(1), changed(1, -3, 5));
  EXPECT_EQ(overall(single).verdict, Verdict::inconclusive);
  EXPECT_NE(verdict_text(overall(single)).find("one vehicle"), std::string::npos);
}

// Neither is averaged away without a word.
TEST(Comparison, ViewsAndScoresThatOnlyOneHasAreNamed) {
  const Json before = as_it_is(3);
  Json after = before;
  after["images"].erase(17);
  after["images"][4]["psnr"] = nullptr;
  const CompareOptions allowed{.limits = {}, .allow_different_protocol = true};
  const std::vector<std::string> notes = compare_reports(before, "old", after, "new", allowed).notes;
  EXPECT_NE(std::ranges::find(notes, "1 target views are only in old"), notes.end());
  EXPECT_NE(std::ranges::find(notes, "1 views have no psnr in new"), notes.end());
  Json elsewhere = before;
  for (Json& image : elsewhere["images"]) {
    image["id"] = "other";
    image["sample"] = image["sample"].get<int>() + 1;
    image["psnr"] = image["psnr"].get<double>() - 5;
  }
  CompareOptions alone = allowed;
  EXPECT_TRUE(compare_reports(before, "old", elsewhere, "new", alone).regressions.empty());
  alone.limits_alone = true;
  const Comparison unpaired = compare_reports(before, "old", elsewhere, "new", alone);
  EXPECT_EQ(unpaired.regressions.size(), 1U);
  EXPECT_TRUE(
      std::ranges::any_of(unpaired.notes, [](const auto& note) { return note.ends_with("limits alone decide"); }));
}

// Twenty checkpoints that are worse by half a decibel, twenty that differ by noise alone.
TEST(Comparison, NightsAreToldApart) {
  const Json before = as_it_is(16);
  for (std::uint64_t night = 0; night < 20; ++night) {
    EXPECT_EQ(overall(compared(before, changed(16, -0.5, 100 + night))).verdict, Verdict::worse) << night;
    const Comparison noise = compared(before, changed(16, 0, 200 + night, 0.02, 0.05));
    EXPECT_TRUE(noise.regressions.empty()) << night;
    EXPECT_NE(overall(noise).verdict, Verdict::inconclusive) << night;
  }
}

TEST(Comparison, LimitsHoldToTheirLastDigit) {
  const Json before = as_it_is(12);
  const auto regressions = [&](double psnr, double lpips, const char* limits) {
    Json after = before;
    for (Json& image : after["images"]) {
      image["psnr"] = image["psnr"].get<double>() + psnr;
      image["lpips"] = image["lpips"].get<double>() + lpips;
    }
    return compared(before, after, limits).regressions.size();
  };
  EXPECT_EQ(regressions(-0.2, 0, "psnr=0.2,lpips=0.01"), 0U);
  EXPECT_EQ(regressions(-0.21, 0, "psnr=0.2,lpips=0.01"), 1U);
  EXPECT_EQ(regressions(-0.21, 0.0101, "psnr=0.2,lpips=0.01"), 2U) << "LPIPS gets worse upwards";
  EXPECT_EQ(regressions(-0.21, -0.04, "psnr=0.2,lpips=0.01"), 1U);
  EXPECT_EQ(regressions(-3, 0, "psnr=50"), 0U);
}

TEST(Comparison, OneGroupAloneIsNamedAndDoesNotDecideUnlessItHasALimit) {
  const Json before = as_it_is(24);
  const Json after = report_of(24, [](int vehicle, int) { return vehicle % 2 == 1 ? -0.3 : 0.0; });  // buses
  Comparison result = compared(before, after, "psnr=0.2");
  EXPECT_TRUE(result.regressions.empty());
  ASSERT_EQ(result.group_regressions.size(), 1U);
  EXPECT_TRUE(result.group_regressions[0].starts_with("by_category bus: psnr fell"));
  result = compared(before, after, "psnr=0.2,bus:psnr=0.25");
  ASSERT_EQ(result.regressions.size(), 1U);
  EXPECT_TRUE(result.regressions[0].starts_with("by_category bus: psnr fell"));
  EXPECT_TRUE(compared(before, after, "psnr=0.2,bus:psnr=0.4").group_regressions.empty());
  CompareOptions all;
  all.groups_count = true;
  result = compare_reports(before, "a", after, "b", all);
  ASSERT_EQ(result.regressions.size(), 1U);
  EXPECT_TRUE(result.group_regressions.empty());
  EXPECT_NE(comparison_junit(result).find("classname=\"by_category bus\" name=\"psnr\"><failure"), std::string::npos);
  test::expect_error(ExitCode::usage, {"van", "bus, sedan"}, [&] { compared(before, after, "van:psnr=0.4"); });
}

TEST(Comparison, IsWrittenForPeopleAndMachines) {
  const Json before = as_it_is(24);
  const Comparison result = compared(before, changed(24, -0.5, 1), "psnr=0.2,ssim=0.005");
  const std::string table = comparison_table(result), markdown = comparison_markdown(result),
                    junit = comparison_junit(result);
  EXPECT_NE(table.find("worse !"), std::string::npos) << table;
  EXPECT_NE(table.find("by_azimuth 225"), std::string::npos);
  EXPECT_LT(table.find("by_azimuth 45"), table.find("by_azimuth 135"));
  EXPECT_NE(markdown.find("- **regression** overall: psnr fell by"), std::string::npos) << markdown;
  EXPECT_NE(markdown.find("| --- | ---: |"), std::string::npos);
  EXPECT_TRUE(junit.starts_with("<?xml")) << junit;
  EXPECT_NE(junit.find("tests=\"2\" failures=\"1\""), std::string::npos) << junit;
  EXPECT_NE(junit.find("<testcase classname=\"overall\" name=\"psnr\"><failure message="), std::string::npos);
  const Json json = comparison_to_json(result);
  EXPECT_EQ(json["regressed"], true);
  const Json psnr = json["groups"]["overall"]["psnr"];
  EXPECT_EQ(psnr["verdict"], "worse");
  EXPECT_EQ(psnr["vehicles"], 24);
  EXPECT_EQ(psnr["images"], 144);
  EXPECT_LT(psnr["interval"][1], 0);
  EXPECT_NEAR(psnr["new"].get<double>() - psnr["old"].get<double>(), psnr["difference"].get<double>(), 1e-9);

  Json hostile = before;
  for (Json& image : hostile["images"]) image["category"] = "a|b\n<img src=x>";
  CompareOptions all;
  all.groups_count = true;
  const Comparison odd = compare_reports(hostile, "a", hostile, "b", all);
  EXPECT_NE(comparison_markdown(odd).find("a\\|b"), std::string::npos);
  EXPECT_NE(comparison_markdown(odd).find("\\<img src=x\\>"), std::string::npos);
  EXPECT_EQ(comparison_junit(odd).find("<img"), std::string::npos);
}

TEST(Comparison, ReportsOfEvaluateAreRead) {
  const auto report = [](double noise) {
    return report_to_json(evaluate(
        example_model(noise), batches_of({example_batch({0, 1, 2}, {{0}, {1, 7}, {2, 4, 5}})}), Protocol(), nullptr));
  };
  const Comparison result = compared(report(0.2), report(0.3));
  EXPECT_EQ(overall(result).verdict, Verdict::worse);
  EXPECT_EQ(overall(result).difference.vehicles, 3);
  EXPECT_EQ(result.regressions.size(), 2U) << "PSNR and SSIM";
  ASSERT_EQ(result.notes.size(), 1U);
  EXPECT_NE(result.notes[0].find("lpips"), std::string::npos);
}

TEST(Comparison, UnlikeProtocolsAreRefusedUnlessAllowed) {
  const Json before = as_it_is(3);
  for (const char* key : {"width", "truth_sha256", "subsets_sha256", "background", "round_to_8_bits", "lpips_net",
                          "split", "definitions", "format", "cameras"}) {
    Json after = before;
    after["protocol"][key] = "other";
    test::expect_error(ExitCode::usage, {"a.json", "b.json", std::string("protocol.") + key, "--allow-different"},
                       [&] { compare_reports(before, "a.json", after, "b.json"); });
    EXPECT_FALSE(compare_reports(before, "a.json", after, "b.json", {.limits = {}, .allow_different_protocol = true})
                     .notes.empty());
  }
  Json after = before;  // how the model samples is its own affair
  after["protocol"]["steps"] = 20;
  after["protocol"]["sampler"] = "heun";
  after["protocol"]["data"] = "elsewhere";
  EXPECT_TRUE(compare_reports(before, "a", after, "b").regressions.empty());
}

// All that differs is named: what moves numbers in the refusal, the model's own affairs as notes.
TEST(Comparison, EveryConditionThatDiffersIsNamed) {
  Json before = as_it_is(3);
  before["protocol"]["cameras"] = "targets' true cameras";
  before["protocol"]["conditions"] = "targets' true cameras, hull of 64 voxels, flanks by plan box";
  Json after = before;
  after["protocol"]["conditions"] = "targets' true cameras, hull of 96 voxels, flanks by plan box, sharp colours";
  after["protocol"]["sampler"] = "heun";
  const auto notes = [&](bool allowed) {
    return compare_reports(before, "a", after, "b", {.limits = {}, .allow_different_protocol = allowed}).notes;
  };
  std::vector<std::string> found = notes(false);
  ASSERT_EQ(found.size(), 2u);
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
  const Json good = as_it_is(3);
  const auto refuse = [&](const Json& json, const std::vector<std::string>& texts) {
    test::expect_error(ExitCode::runtime, texts, [&] {
      compare_reports(good, "a", json, "b", {.limits = {}, .allow_different_protocol = true});
    });
  };
  refuse(Json::array(), {"b", "no protocol"});
  refuse({{"protocol", 1}, {"images", Json::array()}}, {"b: protocol"});
  refuse({{"protocol", Json::object()}, {"images", Json::array()}}, {"b: images"});
  const auto broken = [&](const char* key, const Json& value) {
    Json bad = good;
    bad["images"][4][key] = value;
    refuse(bad, {"b: images[4]", key});
  };
  broken("psnr", "12");
  broken("psnr", 1e300);
  broken("id", 3);
  broken("azimuth_deg", 1.5);
  broken("category", Json());
  Json bad = good;
  bad["images"][4].erase("sample");
  refuse(bad, {"b: images[4].sample"});
  bad = good;
  bad["images"][4] = bad["images"][3];
  refuse(bad, {"car-000", "twice"});
  bad = good;
  for (Json& image : bad["images"]) image.erase("lpips");
  test::expect_error(ExitCode::usage, {"lpips", "b"},
                     [&] { compare_reports(good, "a", bad, "b", {.limits = DropLimits::parse("lpips=0.01")}); });
  test::expect_error(ExitCode::usage, {"'psnrr'", "did you mean psnr"}, [] { DropLimits::parse("psnrr=1"); });
  for (const char* text : {"psnr", "psnr=", "psnr=x", "psnr=-1", "psnr=nan", "psnr=inf", "psnr=1,psnr=2", "psnr=1,", "",
                           "psnr=1e999", "psnr=1 ", ":psnr=1", "bus:=1", "bus:psnr"}) {
    test::expect_error(ExitCode::usage, {"--max-drop"}, [&] { DropLimits::parse(text); });
  }
}

}  // namespace
}  // namespace spinfill
