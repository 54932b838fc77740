// SPDX-License-Identifier: Apache-2.0
#include "metrics/nights.h"

#include "core/files/files.h"
#include "metrics/report.h"
#include "support/examples.h"

namespace spinfill {
namespace {

Json report_with(double noise) {
  return report_to_json(evaluate(example_model(noise), batches_of({example_batch({0, 1, 2}, {{0}, {1, 7}, {2, 4, 5}})}),
                                 Protocol(), nullptr));
}

class NightsTest : public ::testing::Test {
 protected:
  Nights add(const Json& report, const char* time) {
    const Comparison comparison = compare_reports(trusted_, "trusted", report, "new");
    Nights nights = with_night(folder_.path(), report, "new", comparison, time);
    write_nights(folder_.path(), nights);
    return nights;
  }
  test::TemporaryFolder folder_;
  Json trusted_ = report_with(0.2);
};

TEST_F(NightsTest, AreKeptInTheirOrder) {
  EXPECT_EQ(add(report_with(0.2), "2026-01-01T02:00:00Z").nights.size(), 1U);
  const Nights two = add(report_with(0.3), "2026-01-02T02:00:00Z");
  ASSERT_EQ(two.nights.size(), 2U);
  EXPECT_EQ(two.nights[0]["regressed"], false);
  EXPECT_EQ(two.nights[0]["verdicts"]["psnr"], "equal");
  EXPECT_EQ(two.nights[1]["regressed"], true);
  EXPECT_EQ(two.nights[1]["verdicts"]["psnr"], "worse");
  EXPECT_EQ(two.nights[1]["time"], "2026-01-02T02:00:00Z");
  EXPECT_TRUE(two.nights[1]["overall"]["intervals"]["psnr"].is_array());
  EXPECT_FALSE(add(report_with(0.3), "2026-01-02T03:00:00Z").added) << "the same report again";
  EXPECT_EQ(add(report_with(0.2), "2026-01-03T02:00:00Z").nights.size(), 3U);
  const std::string text = read_file(folder_ / "nights.jsonl");
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
}

TEST_F(NightsTest, WhatWasMeasuredOtherwiseOrIsDamagedIsRefused) {
  add(report_with(0.2), "2026-01-01T02:00:00Z");
  trusted_["protocol"]["width"] = 7;
  Json other = report_with(0.2);
  other["protocol"]["width"] = 7;
  test::expect_error(ExitCode::usage, {"--history", "protocol.width", "another folder"}, [&] { add(other, "t"); });
  for (const char* line : {"{\"time\":3}\n", "[1,2]\n", "{\"time\":\"a\"", "x\n"}) {
    write_file_atomic(folder_ / "nights.jsonl", line);
    trusted_ = report_with(0.2);
    test::expect_error(ExitCode::runtime, {"nights.jsonl:1"}, [&] { add(report_with(0.2), "t"); });
  }
}

TEST(Nights, TimeIsUtc) {
  const std::string now = utc_now();
  EXPECT_EQ(now.size(), 20U);
  EXPECT_EQ(now.back(), 'Z');
  EXPECT_EQ(now[10], 'T');
}

}  // namespace
}  // namespace spinfill
