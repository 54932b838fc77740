// SPDX-License-Identifier: Apache-2.0
#include "data/photo/photo_warp.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include "data/pictures/picture.h"
#include "data/sets/view_camera.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

struct Asked {
  ViewSet set;
  SlotPictures pictures;
};

// A tiny set whose view at `slot` is asked for, in pictures with a border of `wider` px on the left and the top.
Asked without(const fs::path& folder, int slot, int wider = 0) {
  const ViewSet whole = test::write_tiny_set(folder, {.width = 240, .height = 160});
  Asked out;
  out.set = whole;
  out.set.width += wider;
  out.set.height += wider;
  out.set.frames.clear();
  for (Frame frame : whole.frames) {
    frame.camera->cx += wider;
    frame.camera->cy += wider;
    frame.camera->width += wider;
    frame.camera->height += wider;
    if (frame.slot() == slot) {
      out.set.missing = {frame};
      continue;
    }
    cv::Mat& picture = out.pictures[static_cast<std::size_t>(frame.slot())];
    picture = cv::Mat(out.set.height, out.set.width, CV_8UC4, cv::Scalar::all(0));
    read_masked_picture(whole, frame).copyTo(picture(cv::Rect(wider, wider, whole.width, whole.height)));
    out.set.frames.push_back(frame);
  }
  return out;
}

TEST(PhotoWarp, DoesNotDependOnTheFrame) {
  const test::TemporaryFolder folder;
  const Asked plain = without(folder / "a", 1), framed = without(folder / "b", 1, 96);
  const SlotWarps a = warp_photos(plain.set, plain.pictures), b = warp_photos(framed.set, framed.pictures);
  ASSERT_TRUE(a[1] && b[1]);
  EXPECT_FALSE(a[0]);
  const cv::Mat shown = picture_of(*a[1], 240, 160);
  const cv::Mat same = picture_of(*b[1], 336, 256)(cv::Rect(96, 96, 240, 160));
  cv::Mat difference;
  cv::absdiff(shown, same, difference);
  EXPECT_LT(cv::mean(difference.reshape(1))[0], 1.0);  // the grids differ a little
}

TEST(PhotoWarp, HasTheTruthsColoursAndOutline) {
  const test::TemporaryFolder folder;
  for (const int slot : {1, 2, 4}) {
    const Asked asked = without(folder / fmt::format("set-{}", slot), slot);
    const SlotWarps warps = warp_photos(asked.set, asked.pictures);
    const cv::Mat shown = picture_of(*warps[static_cast<std::size_t>(slot)], 240, 160);
    const cv::Mat truth = test::render_tiny_vehicle(*asked.set.missing[0].camera, 1);
    cv::Mat difference;
    cv::absdiff(on_plain_ground(shown, {240, 160}, cv::Scalar::all(255)),
                on_plain_ground(truth, {240, 160}, cv::Scalar::all(255)), difference);
    EXPECT_LT(cv::mean(difference.reshape(1))[0], 4.0) << slot;
  }
}

// Rays that graze a flat roof take many short steps before they arrive.
TEST(PhotoWarp, HasNoHolesWhereRaysGrazeTheBody) {
  const test::TemporaryFolder folder;
  Asked asked = without(folder.path(), 2);
  for (Frame& frame : asked.set.frames) {
    frame.camera = turntable_camera({0.3, 4, 3.4}, frame.azimuth_deg, 720, 480);
    // A box: flat on top.
    cv::Mat& picture = asked.pictures[static_cast<std::size_t>(frame.slot())];
    picture = cv::Mat(480, 720, CV_8UC4, cv::Scalar::all(0));
    std::vector<cv::Point> corners;
    for (const double x : {-0.5, 0.5})
      for (const double y : {-0.2, 0.2})
        for (const double z : {-0.15, 0.15}) {
          const Eigen::Vector2d p = project(*frame.camera, {x, y, z});
          corners.emplace_back(cvRound(p.x()), cvRound(p.y()));
        }
    std::vector<cv::Point> outline;
    cv::convexHull(corners, outline);
    cv::fillConvexPoly(picture, outline, cv::Scalar(90, 90, 90, 255));
  }
  asked.set.width = 720;
  asked.set.height = 480;
  Frame& missing = asked.set.missing[0];
  missing.azimuth_deg = 100;
  missing.camera = turntable_camera({0.6, 4, 3.4}, 100, 720, 480);
  const SlotWarps warps = warp_photos(asked.set, asked.pictures);
  const cv::Mat covered = warps[2]->alpha > 0.5;
  cv::Mat filled = covered.clone();
  std::vector<std::vector<cv::Point>> outlines;
  cv::findContours(covered, outlines, cv::RETR_EXTERNAL, cv::CHAIN_APPROX_NONE);
  cv::drawContours(filled, outlines, -1, cv::Scalar::all(255), cv::FILLED);
  EXPECT_EQ(cv::countNonZero(filled != covered), 0);
  EXPECT_EQ(outlines.size(), 1U);
}

TEST(PhotoWarp, WithoutABodyInCommonThereIsNone) {
  const test::TemporaryFolder folder;
  Asked asked = without(folder.path(), 1);
  // Two references of which each shows the vehicle where the other says that nothing is.
  for (const int slot : {3, 4, 5, 6, 7}) asked.pictures[static_cast<std::size_t>(slot)] = cv::Mat();
  std::erase_if(asked.set.frames, [](const Frame& frame) { return frame.slot() > 2; });
  for (const int slot : {0, 2}) {
    cv::Mat& picture = asked.pictures[static_cast<std::size_t>(slot)];
    picture.setTo(cv::Scalar::all(0));
    picture(cv::Rect(100, slot == 0 ? 2 : 150, 40, 8)).setTo(cv::Scalar(9, 9, 9, 255));
  }
  const SlotWarps warps = warp_photos(asked.set, asked.pictures);
  for (const auto& warp : warps) EXPECT_FALSE(warp);
}

TEST(PhotoWarp, AViewWithoutACameraIsNamed) {
  const test::TemporaryFolder folder;
  Asked asked = without(folder.path(), 3);
  asked.set.missing[0].camera.reset();
  test::expect_error(ExitCode::runtime, {"135 degrees", "no camera"}, [&] { warp_photos(asked.set, asked.pictures); });
}

// A correction moves what is shown, by as much as the surface's depth says; none of it changes nothing.
TEST(PhotoWarp, ACorrectedSurfaceIsLookedUpWhereItLies) {
  const test::TemporaryFolder folder;
  const Asked asked = without(folder.path(), 1);
  const PhotoHull hull(asked.set, asked.pictures, hull_boxes(asked.set, asked.pictures));
  const Letterbox small = fit(240, 160, 48, 32);
  const auto shown = [&](float depth) {
    const DepthCorrection correction{cv::Mat(32, 48, CV_32FC1, cv::Scalar(depth)), small};
    return hull.warp(1, &correction)->colour;
  };
  const cv::Mat plain = hull.warp(1)->colour;
  const auto apart = [&](const cv::Mat& other) {
    return cv::norm(plain, other, cv::NORM_L1) / static_cast<double>(plain.total());
  };
  EXPECT_LT(apart(shown(0)), 0.01);
  EXPECT_GT(apart(shown(0.02F)), 2 * apart(shown(0)));
  EXPECT_GT(apart(shown(0.06F)), apart(shown(0.02F)));
  EXPECT_FALSE(hull.warp(3)) << "a given view";
}

}  // namespace
}  // namespace spinfill
