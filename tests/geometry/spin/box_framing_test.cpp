// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/box_framing.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <list>

#include "geometry/angles.h"
#include "geometry/scene.h"
#include "geometry/spin/stabilise.h"

namespace spinfill {
namespace {

// A box of width×height px about a place in a picture of 150×100 px.
at::Tensor box(int x, int y, int width, int height) {
  at::Tensor alpha = at::zeros({100, 150}, at::kFloat);
  alpha.slice(0, y - height / 2, y + height / 2).slice(1, x - width / 2, x + width / 2).fill_(1);
  return alpha;
}

class Boxes {
 public:
  void add(const at::Tensor& alpha) { pointers_.push_back(&kept_.emplace_back(alpha)); }
  const std::vector<const Silhouette*>& all() const { return pointers_; }

 private:
  std::list<Silhouette> kept_;
  std::vector<const Silhouette*> pointers_;
};

TEST(BoxFraming, IsKnownWhereAllBoxesLieAlike) {
  Boxes boxes;
  for (const int width : {60, 100, 124}) boxes.add(box(75, 50, width, 44));
  EXPECT_FALSE(box_framing(boxes.all())) << "three may be so by chance";
  boxes.add(box(75, 50, 90, 44));
  boxes.add(box(70, 48, 80, 30));  // a broken mask
  const auto framing = box_framing(boxes.all());
  ASSERT_TRUE(framing);
  EXPECT_NEAR(framing->middle.x(), 0.5, 1e-3);
  EXPECT_NEAR(framing->middle.y(), 50 / 150.0, 1e-3);
  EXPECT_NEAR(framing->height, 44 / 150.0, 1e-3);
}

TEST(BoxFraming, IsNoneOfATurntable) {
  Boxes higher, aside;
  for (const int more : {0, 2, 4, 2, 0, 2}) higher.add(box(75, 50, 90, 40 + 2 * more));
  for (const int to : {0, 5, 0, -5, 3, -3}) aside.add(box(75 + to, 50, 90, 44));
  EXPECT_FALSE(box_framing(higher.all()));
  EXPECT_FALSE(box_framing(aside.all()));
}

// Wherever a hidden view would lie else, the hull's box comes to where it is in the given pictures.
TEST(BoxFraming, BringsTheHullsBoxThere) {
  std::vector<SpinPicture> given;
  Boxes boxes;
  for (const double azimuth : {0.0, 90.0, 180.0, 270.0}) {
    given.push_back({test::disc(80, 120, 60, 40, 25), azimuth});
    boxes.add(given.back().alpha);
  }
  const Stabilisation spin = stabilise(given);
  const auto framing = box_framing(boxes.all());
  ASSERT_TRUE(framing);
  EXPECT_FALSE(spin.framing) << "of a turntable, whose ball it is";
  ViewCorrection off;
  off.log_scale = 0.2;
  off.shift_x = 0.06;
  off.shift_y = -0.04;
  const auto framed = [&](const ViewCorrection& from) {
    return framed_by_box(*framing, spin.hull, spin.turntable, 45, from, 120, 80);
  };
  const ViewCorrection from_off = framed(off), from_none = framed({});
  for (double ViewCorrection::*part :
       {&ViewCorrection::log_scale, &ViewCorrection::shift_x, &ViewCorrection::shift_y}) {
    EXPECT_NEAR(from_off.*part, from_none.*part, 0.01);
    EXPECT_GT(std::abs(from_off.*part - off.*part), 0.02);
  }
  // What is that far from the others' size is no hull of the vehicle.
  ViewCorrection tiny;
  tiny.log_scale = -2;
  EXPECT_EQ(framed(tiny).log_scale, tiny.log_scale);
  EXPECT_EQ(framed(tiny).shift_x, tiny.shift_x);
}

}  // namespace
}  // namespace spinfill
