// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/silhouette.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "geometry/scene.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::disc;

TEST(SilhouetteDistance, PlacesTheEdgeWithinAPixel) {
  // The left 3.3 pixels are inside.
  at::Tensor alpha = at::zeros({6, 10});
  alpha.narrow(1, 0, 3).fill_(1);
  alpha.select(1, 3).fill_(0.3);
  const at::Tensor d = silhouette_distance(alpha);
  for (int x = 0; x < 10; ++x) EXPECT_NEAR(d[2][x].item<double>(), 3.3 - (x + 0.5), 1e-5) << x;
}

TEST(Silhouette, DistanceAndContourAreThoseOfADisc) {
  const Silhouette silhouette(disc(120, 200, 90, 60, 40));
  EXPECT_NEAR(silhouette.distance(0.45 + 0.1, 0.3), 20.0 / 200, 0.09 * 20 / 200);  // octagonal: up to 8 % long
  EXPECT_NEAR(silhouette.distance(0.45 + 0.2, 0.3), 0, 0.002);
  EXPECT_LT(silhouette.distance(1.4, 0.3), silhouette.distance(0.99, 0.3));  // goes on falling outside
  Eigen::Vector2d gradient;
  silhouette.distance(0.45 + 0.19, 0.3, gradient);
  EXPECT_NEAR(gradient.x(), -1, 0.1);
  EXPECT_NEAR(gradient.y(), 0, 0.1);
  ASSERT_GE(silhouette.contour().size(), 100U);
  for (const auto& point : silhouette.contour()) EXPECT_NEAR(std::hypot(point.x() - 0.45, point.y() - 0.3), 0.2, 0.002);
  EXPECT_NEAR(silhouette.low().x(), 0.25, 0.003);
  EXPECT_NEAR(silhouette.high().y(), 0.5, 0.003);
}

TEST(Silhouette, RefusesWhatHoldsNothing) {
  test::expect_error(ExitCode::runtime, {"nothing is covered"}, [] { Silhouette{at::zeros({20, 30})}; });
  test::expect_error(ExitCode::runtime, {"[H,W]"}, [] { Silhouette{at::zeros({1, 20, 30})}; });
}

TEST(Silhouette, ThePicturesBorderIsNoEdge) {
  const Silhouette cut(disc(80, 100, 5, 40, 30));  // beyond the left border
  for (const auto& point : cut.contour()) EXPECT_GT(point.x(), 0.01);
}

}  // namespace
}  // namespace spinfill
