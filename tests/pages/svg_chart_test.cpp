// SPDX-License-Identifier: Apache-2.0
#include "pages/svg_chart.h"

#include <gtest/gtest.h>

namespace spinfill {
namespace {

TEST(SvgChart, SpansTheirValues) {
  const std::string chart = svg_chart("loss", {{"loss", {{0, 4}, {100, 1}}}});
  EXPECT_NE(chart.find("aria-label=\"loss\""), std::string::npos);
  EXPECT_NE(chart.find("points=\"64.0,"), std::string::npos);
  ChartLine spike{"x", {}};
  for (int i = 0; i < 5000; ++i) spike.points.emplace_back(i, i == 2345 ? 50. : 0.);
  EXPECT_NE(svg_chart("x", {spike}).find(",40.2 "), std::string::npos);  // the one high value is not thinned away
  EXPECT_EQ(svg_chart("none", {}), "");
  // Ticks of a flat curve are told apart.
  const std::string flat = svg_chart("flat", {{"psnr", {{0, 21.6901}, {4, 21.6922}}}});
  EXPECT_NE(flat.find(">21.6905<"), std::string::npos) << flat;
  EXPECT_NE(flat.find(">21.691<"), std::string::npos) << flat;
}

}  // namespace
}  // namespace spinfill
