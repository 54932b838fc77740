// SPDX-License-Identifier: Apache-2.0
#include "data/photo/lettering.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include <opencv2/imgproc.hpp>

#include "data/photo/photo_warp.h"
#include "data/pictures/picture.h"
#include "data/sets/set_pictures.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

// A painted side with the gaps of two doors, handles, a sill and a moulding.
cv::Mat panels() {
  cv::Mat side(240, 640, CV_8UC4, cv::Scalar::all(0));
  cv::rectangle(side, {20, 40}, {619, 219}, {120, 60, 40, 255}, cv::FILLED);
  for (const int x : {200, 330, 460}) cv::line(side, {x, 50}, {x, 190}, {40, 20, 15, 255}, 2, cv::LINE_AA);
  for (const int x : {290, 420}) cv::rectangle(side, {x, 90}, {x + 24, 97}, {200, 190, 185, 255}, cv::FILLED);
  cv::line(side, {60, 150}, {580, 150}, {60, 30, 20, 255}, 4, cv::LINE_AA);
  cv::rectangle(side, {20, 195}, {619, 219}, {25, 25, 25, 255}, cv::FILLED);
  return side;
}

TEST(Lettering, IsFoundAmongPanels) {
  const cv::Mat plain = panels();
  EXPECT_LT(cv::mean(lettering_of(plain))[0], 0.002);
  for (const double height : {0.7, 1.4}) {
    cv::Mat lettered = plain.clone();
    cv::putText(lettered, "TAXI 0800 555", {215, 138}, cv::FONT_HERSHEY_DUPLEX, height, {240, 240, 235, 255}, 2,
                cv::LINE_AA);
    const cv::Mat found = lettering_of(lettered);
    ASSERT_EQ(found.size(), lettered.size());
    const cv::Rect word(225, 122, static_cast<int>(140 * height), 14);
    EXPECT_GT(cv::mean(found(word))[0], 0.35) << height;
    EXPECT_LT(cv::mean(found(cv::Rect(30, 160, 560, 25)))[0], 0.05) << height;
    cv::Mat larger;  // the vehicle's size is what counts
    cv::resize(lettered, larger, {}, 3, 3, cv::INTER_CUBIC);
    EXPECT_NEAR(cv::mean(lettering_of(larger))[0], cv::mean(found)[0], 0.2 * cv::mean(found)[0]) << height;
  }
  EXPECT_EQ(cv::countNonZero(lettering_of(cv::Mat(8, 8, CV_8UC4, cv::Scalar::all(0)))), 0) << "nothing is covered";
}

// A side whose mirror view is given: what that shows of lettering is told.
TEST(Lettering, OnTheMirrorSideIsTold) {
  const test::TemporaryFolder folder;
  const ViewSet whole = test::write_tiny_set(folder.path(), {.width = 480, .height = 320});
  for (const bool lettered : {false, true}) {
    ViewSet set = whole;
    SlotPictures pictures;
    std::erase_if(set.frames, [&](const Frame& frame) { return frame.slot() == 6; });
    set.missing = {*whole.frame_at(6)};
    for (const Frame& frame : set.frames)
      pictures[static_cast<std::size_t>(frame.slot())] = read_masked_picture(whole, frame);
    if (lettered) {
      cv::Mat& side = pictures[2];
      cv::Mat alpha;
      cv::extractChannel(side, alpha, 3);
      const cv::Rect box = cv::boundingRect(alpha);
      cv::Mat marked = side.clone();
      cv::putText(marked, "TAXI 0800", {box.x + box.width * 3 / 10, box.y + box.height * 6 / 10},
                  cv::FONT_HERSHEY_DUPLEX, box.width / 420.0, {255, 255, 255, 255}, 2, cv::LINE_AA);
      marked.copyTo(side, alpha);
    }
    const PhotoGeometry geometry = photo_geometry(set, pictures);
    const PhotoWarp warp = *geometry.warper.aligned_onto(0);
    ASSERT_EQ(warp.lettered.size(), warp.alpha.size());
    const double told = cv::mean(warp.lettered.mul(warp.mirrored), warp.alpha > 0.9)[0];
    if (lettered)
      EXPECT_GT(told, 0.02);
    else
      EXPECT_LT(told, 0.005);
    EXPECT_TRUE(geometry.warps[6]->lettered.empty()) << "the baseline tells nothing";
  }
}

}  // namespace
}  // namespace spinfill
