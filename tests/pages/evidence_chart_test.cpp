// SPDX-License-Identifier: Apache-2.0
#include "pages/evidence_chart.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace spinfill {
namespace {

TEST(EvidenceChart, HasAPointForEachFilledTenth) {
  EvaluationReport report;
  EXPECT_EQ(evidence_chart(report), "");
  ImageRow& row = report.images.emplace_back();
  row.photo.emplace();
  EXPECT_EQ(evidence_chart(report), "");
  EvidenceErrors& errors = row.photo->evidence.emplace();
  errors.by_invented[0] = {500, 5};
  errors.by_invented[4] = {3, 1};  // too few
  errors.by_invented[9] = {400, 100};
  const std::string chart = evidence_chart(report);
  EXPECT_EQ(chart.rfind("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox", 0), 0U);
  EXPECT_NE(chart.find("a pixel that is invented<"), std::string::npos) << "one line alone is named by the title";
  EXPECT_NE(chart.find("0.5 at per cent 95"), std::string::npos) << chart;  // √(100/400), the last point
  EXPECT_EQ(chart.find("mirrored</title>"), std::string::npos);
  const std::size_t points = chart.find("points=\"") + 8;
  EXPECT_EQ(std::count(chart.begin() + static_cast<std::ptrdiff_t>(points),
                       chart.begin() + static_cast<std::ptrdiff_t>(chart.find('"', points)), ','),
            2);
}

}  // namespace
}  // namespace spinfill
