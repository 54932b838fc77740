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

// What an odd reference shows gives way to what the others show; the hull stays as it is.
TEST(PhotoWarp, AReferenceWithASmallWeightTellsLittleColour) {
  const test::TemporaryFolder folder;
  Asked asked = without(folder.path(), 1);
  asked.pictures[2].forEach<cv::Vec4b>([](cv::Vec4b& p, const int*) { p = {255, 0, 255, p[3]}; });
  const auto warped = [&](const SlotWeights& weights) {
    const PhotoWindows windows = photo_windows(asked.set, photo_views_of(asked.set, asked.pictures));
    return *PhotoWarper(asked.set, asked.pictures, windows, weights).onto(0);
  };
  const auto magenta = [](const PhotoWarp& warp) {
    const cv::Scalar colour = cv::mean(warp.colour, warp.alpha > 0.5);
    return (colour[0] + colour[2]) / 2 - colour[1];
  };
  SlotWeights weights = kEqualWeights;
  const PhotoWarp plain = warped(weights);
  weights[2] = 0.1;
  const PhotoWarp less = warped(weights);
  EXPECT_LT(magenta(less), 0.7 * magenta(plain));
  EXPECT_EQ(cv::norm(plain.alpha, less.alpha, cv::NORM_INF), 0);
  weights.fill(0.5);
  EXPECT_LT(cv::norm(plain.colour, warped(weights).colour, cv::NORM_L1) / static_cast<double>(plain.colour.total()),
            0.02)
      << "equal weights change nothing beside each other";
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

// A generated view tells what no photograph shows, and nothing of the hull.
TEST(PhotoWarp, GeneratedViewsShowWhatNoPhotographDoes) {
  const test::TemporaryFolder folder;
  const ViewSet whole = test::write_tiny_set(folder / "set", {.width = 240, .height = 160});
  Asked asked;
  asked.set = whole;
  asked.set.frames = {*whole.frame_at(0), *whole.frame_at(1), *whole.frame_at(7)};
  asked.set.missing = {*whole.frame_at(4), *whole.frame_at(3)};
  for (const Frame& frame : asked.set.frames)
    asked.pictures[static_cast<std::size_t>(frame.slot())] = read_masked_picture(whole, frame);
  PhotoWarper warper(asked.set, asked.pictures, photo_windows(asked.set, photo_views_of(asked.set, asked.pictures)));
  const PhotoWarp before = *warper.onto(1);
  EXPECT_TRUE(before.generated_trust.empty());
  // From behind: magenta, and only half of it.
  cv::Mat anchor = read_masked_picture(whole, *whole.frame_at(4));
  anchor.forEach<cv::Vec4b>([](cv::Vec4b& pixel, const int* at) {
    pixel = {255, 0, 255, at[1] < 120 ? pixel[3] : static_cast<unsigned char>(0)};
  });
  warper.add_generated(anchor);
  const PhotoWarp after = *warper.onto(1);
  EXPECT_EQ(cv::norm(before.alpha, after.alpha, cv::NORM_INF), 0) << "the hull is the photographs'";
  EXPECT_EQ(cv::norm(before.colour, after.colour, cv::NORM_INF), 0);
  EXPECT_EQ(cv::norm(before.trust, after.trust, cv::NORM_INF), 0);
  int only_there = 0, neither = 0;
  for (int y = 0; y < after.alpha.rows; ++y) {
    for (int x = 0; x < after.alpha.cols; ++x) {
      if (after.alpha.at<float>(y, x) < 1 || after.trust.at<float>(y, x) > 0.1F) continue;
      const float trust = after.generated_trust.at<float>(y, x);
      neither += trust < 0.1F;
      if (trust < 0.9F) continue;
      ++only_there;
      const auto colour = after.generated_colour.at<cv::Vec3f>(y, x);
      EXPECT_NEAR(colour[0], 1, 0.02);
      EXPECT_NEAR(colour[1], 0, 0.02);
    }
  }
  EXPECT_GT(only_there, 100);
  EXPECT_GT(neither, 10);
  // A second one, of the view itself: where both show something, both tell.
  anchor.setTo(cv::Scalar(0, 255, 0, 255));
  warper.add_generated(anchor);
  const PhotoWarp both = *warper.onto(1);
  EXPECT_GT(cv::sum(both.generated_colour)[1], cv::sum(after.generated_colour)[1]);
  EXPECT_GT(cv::sum(both.generated_trust)[0], cv::sum(after.generated_trust)[0]);
}

// Lettering is reversed on the mirror side: of an end seen from both corners, little comes from there, and the sources
// that are left agree.
TEST(PhotoWarp, DirectSourcesComeBeforeMirroredOnes) {
  const test::TemporaryFolder folder;
  const Asked end = without(folder / "end", 0);
  const PhotoGeometry geometry = photo_geometry(end.set, end.pictures);
  const PhotoWarp aligned = *geometry.warper.aligned_onto(0);
  const auto share = [](const PhotoWarp& warp) { return cv::mean(warp.mirrored, warp.alpha > 0.9)[0]; };
  EXPECT_GT(share(*geometry.warps[0]), 0.15);
  EXPECT_LT(share(aligned), 0.05);
  EXPECT_EQ(cv::norm(aligned.alpha, geometry.warps[0]->alpha, cv::NORM_INF), 0) << "the outline is the hull's";
  // A side that is given on the other side only is still the mirror's.
  Asked side = without(folder / "side", 2);
  const PhotoGeometry beside = photo_geometry(side.set, side.pictures);
  EXPECT_GT(share(*beside.warper.aligned_onto(0)), 0.3);
}

// Rays of the mirror view coincide with the view's own: its picture is right, though the hull is not where the vehicle
// is, since another photograph's camera is wrong and cuts a part away.
TEST(PhotoWarp, TheMirrorViewNeedsNoHull) {
  const test::TemporaryFolder folder;
  Asked asked = without(folder.path(), 1);
  for (Frame& frame : asked.set.frames)
    if (frame.slot() % 2 == 0) frame.camera->cx += 12;  // of seven, four
  const cv::Mat truth = test::render_tiny_vehicle(*asked.set.missing[0].camera, 1);
  const auto off = [&](const PhotoWarp& warp) {
    cv::Mat difference;
    const cv::Mat made = picture_of(warp, 240, 160);
    cv::absdiff(on_plain_ground(made, {240, 160}, cv::Scalar::all(255)),
                on_plain_ground(truth, {240, 160}, cv::Scalar::all(255)), difference);
    return cv::mean(difference.reshape(1))[0];
  };
  const auto made = [&] { return photo_geometry(asked.set, asked.pictures); };
  const PhotoGeometry given = made();
  const PhotoWarp with = *given.warper.aligned_onto(0);
  EXPECT_LT(off(with), 3) << "the spot on its left side alone";
  EXPECT_LT(off(with), 0.6 * off(*given.warps[1]));
  EXPECT_NEAR(with.outlined, 1, 1e-6);
  // What it shows is told as the mirror side's.
  EXPECT_GT(cv::mean(with.mirrored, with.alpha > 0.9)[0], 0.85);
  // A photograph that weighs less leaves more to the others; from 20° beside it tells nothing by itself.
  SlotWeights weights = kEqualWeights;
  weights[7] = 0.25;
  EXPECT_NEAR(photo_geometry(asked.set, asked.pictures, weights).warper.aligned_onto(0)->outlined, 0.25, 1e-6);
  asked.set.missing[0].camera = turntable_camera(test::tiny_turntable({}), 25, 240, 160);
  EXPECT_EQ(made().warper.aligned_onto(0)->outlined, 0);
}

// Plates and badges are in the middle of the ends: there the exact mirror view does not tell, though it does beside.
TEST(PhotoWarp, LetteringOnTheEndsIsNotReversed) {
  const test::TemporaryFolder folder;
  const Asked corner = without(folder.path(), 5);
  const PhotoGeometry geometry = photo_geometry(corner.set, corner.pictures);
  const PhotoWarp plain = *geometry.warps[5], aligned = *geometry.warper.aligned_onto(0);
  int unmirrored = 0, mirrored = 0;
  for (int y = 0; y < plain.alpha.rows; ++y) {
    for (int x = 0; x < plain.alpha.cols; ++x) {
      if (plain.alpha.at<float>(y, x) < 1 || plain.mirrored.at<float>(y, x) < 0.4F) continue;
      unmirrored += aligned.mirrored.at<float>(y, x) < 0.02F;
      mirrored += aligned.mirrored.at<float>(y, x) > 0.2F;
    }
  }
  EXPECT_GT(unmirrored, 30);
  EXPECT_GT(mirrored, 10 * unmirrored);
}

// Between two given views that are a right angle apart, photographs from there show more than these.
TEST(PhotoWarp, FurtherPhotographsTell) {
  const test::TemporaryFolder folder;
  Asked asked = without(folder.path(), 1);
  std::erase_if(asked.set.frames, [](const Frame& frame) { return frame.slot() % 2 == 1; });
  const cv::Mat truth = test::render_tiny_vehicle(*asked.set.missing.front().camera, 1);
  const auto error_of = [&](const std::vector<FurtherPicture>& further) {
    const PhotoWindows windows = photo_windows(asked.set, photo_views_of(asked.set, asked.pictures, further));
    const PhotoWarper warper(asked.set, asked.pictures, windows, kEqualWeights, further);
    const cv::Mat made = picture_of(*warper.aligned_onto(0), asked.set.width, asked.set.height);
    return cv::norm(on_plain_ground(made, made.size(), cv::Scalar::all(255)),
                    on_plain_ground(truth, truth.size(), cv::Scalar::all(255)), cv::NORM_L2SQR);
  };
  std::vector<FurtherPicture> pictures;
  for (const double azimuth : {30.0, 60.0}) {
    Frame frame;
    frame.azimuth_deg = azimuth;
    frame.camera = camera_towards(asked.set, azimuth, {});
    pictures.push_back({test::render_tiny_vehicle(*frame.camera, 1)});
    asked.set.further.push_back(std::move(frame));
  }
  const double told = error_of(pictures);
  EXPECT_LT(told, 0.6 * error_of({}));
  // Those that weigh less tell less.
  for (FurtherPicture& one : pictures) one.picture.setTo(cv::Scalar(0, 0, 0, 255), one.picture > 0);
  const double wrong = error_of(pictures);
  for (FurtherPicture& one : pictures) one.weight = 0.1;
  EXPECT_LT(error_of(pictures), 0.9 * wrong);
}

// A correction moves what is shown, the more the farther; none of it changes nothing.
TEST(PhotoWarp, ACorrectedSurfaceIsLookedUpWhereItLies) {
  const test::TemporaryFolder folder;
  const Asked asked = without(folder.path(), 1);
  const PhotoGeometry geometry = photo_geometry(asked.set, asked.pictures);
  const Letterbox small = fit(240, 160, 48, 32);
  const cv::Mat plain = geometry.warps[1]->colour;
  const auto moved_by = [&](float depth) {
    const DepthCorrection correction{cv::Mat(32, 48, CV_32FC1, cv::Scalar(depth)), small};
    const cv::Mat other = geometry.warper.onto(0, &correction)->colour;
    return cv::norm(plain, other, cv::NORM_L1) / static_cast<double>(plain.total());
  };
  EXPECT_LT(moved_by(0), 0.01);
  EXPECT_GT(moved_by(0.02F), 2 * moved_by(0));
  EXPECT_GT(moved_by(0.06F), moved_by(0.02F));
}

// The network and the photographs may move it the same way, each as far as one alone may.
TEST(PhotoWarp, WhatIsMovedTwiceIsNotHidden) {
  const test::TemporaryFolder folder;
  const Asked asked = without(folder.path(), 1);
  const PhotoGeometry geometry = photo_geometry(asked.set, asked.pictures);
  const auto shown = [&](float depth) {
    const DepthCorrection correction{cv::Mat(32, 48, CV_32FC1, cv::Scalar(depth)), fit(240, 160, 48, 32)};
    const PhotoWarp warp = *geometry.warper.aligned_onto(0, &correction);
    return cv::mean(warp.trust, warp.alpha > 0.9)[0];
  };
  EXPECT_GT(shown(0.08F), 0.97 * shown(0));
}

}  // namespace
}  // namespace spinfill
