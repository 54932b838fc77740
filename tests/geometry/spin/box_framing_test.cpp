// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/box_framing.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

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

}  // namespace
}  // namespace spinfill
