// SPDX-License-Identifier: Apache-2.0
#include "data/spins/photo_inspection.h"

#include <gtest/gtest.h>

#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "data/sets/view_set.h"
#include "data/spins/hull_agreement.h"
#include "data/spins/hull_overlay.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

// Photographs that were not framed alike, of which only the azimuths are stated.
ViewSet write_departed_set(const fs::path& folder) {
  const test::TinySetOptions options{.width = 240, .height = 160, .cameras = false};
  ViewSet set = test::write_tiny_set(folder, options);
  for (std::size_t i = 0; i < set.frames.size(); ++i) {
    const double odd = i % 2 == 0 ? 1 : -1, third = static_cast<double>(i % 3) - 1;
    const Framing framing{1 + 0.05 * third, 0.03 * odd, 0.025 * third, 0};
    const Camera camera = turntable_camera(test::tiny_turntable(options), set.frames[i].azimuth_deg, 240, 160);
    write_png(folder / set.frames[i].file_path, test::render_tiny_vehicle(reframed(camera, framing), options.seed));
  }
  return set;
}

// Standard deviation over the frames of the middle of what is seen, px.
double jitter(const std::vector<InspectedPicture>& frames, bool vertical) {
  std::vector<double> middles;
  double mean = 0, squares = 0;
  for (const InspectedPicture& frame : frames) {
    cv::Mat alpha;
    cv::extractChannel(frame.picture, alpha, 3);
    const cv::Moments m = cv::moments(alpha);
    middles.push_back((vertical ? m.m01 : m.m10) / m.m00);
  }
  for (const double at : middles) mean += at / static_cast<double>(middles.size());
  for (const double at : middles) squares += (at - mean) * (at - mean) / static_cast<double>(middles.size());
  return std::sqrt(squares);
}

class PhotoInspections : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new test::TemporaryFolder;
    set_ = new ViewSet(write_departed_set(folder_->path()));
    result_ = new PhotoInspection(inspect_photos(*set_));
  }
  static void TearDownTestSuite() {
    delete result_;
    delete set_;
    delete folder_;
  }
  static test::TemporaryFolder* folder_;
  static ViewSet* set_;
  static PhotoInspection* result_;
};
test::TemporaryFolder* PhotoInspections::folder_ = nullptr;
ViewSet* PhotoInspections::set_ = nullptr;
PhotoInspection* PhotoInspections::result_ = nullptr;

TEST_F(PhotoInspections, ScoresAsHullAgreementDoes) {
  std::vector<SpinPicture> pictures;
  std::vector<Camera> before, after;
  std::vector<bool> trusted;
  for (std::size_t i = 0; i < set_->frames.size(); ++i) {
    pictures.push_back(spin_picture(*set_, set_->frames[i]));
    before.push_back(turntable_camera(Turntable{}, set_->frames[i].azimuth_deg, set_->width, set_->height));
    after.push_back(result_->stabilisation.views[i].camera);
    trusted.push_back(result_->stabilisation.views[i].trusted);
  }
  const auto at_first = hull_agreement(pictures, before, std::vector<bool>(8, true));
  const auto at_last = hull_agreement(pictures, after, trusted);
  ASSERT_EQ(result_->views.size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_DOUBLE_EQ(result_->views[i].iou_before, at_first[i].as_photographed) << i;
    EXPECT_DOUBLE_EQ(result_->views[i].iou_after, at_last[i].as_photographed) << i;
  }
  EXPECT_GT(result_->mean_iou(true), result_->mean_iou(false) + 0.05);
  EXPECT_GT(result_->mean_iou(true), 0.9);
}

TEST_F(PhotoInspections, OverlayShowsWhatStabilisationChanged) {
  // Both rows show the same photographs at the same places: a tint is where one row is the other one mixed with it.
  const cv::Mat& page = result_->overlay;
  EXPECT_GE(page.cols, 8 * 320);
  const int legend = 40, gap = 8, band = (page.rows - legend - gap) / 2;
  int before = 0, after = 0;
  for (int y = legend; y < legend + band; ++y) {
    for (int x = 0; x < page.cols; ++x) {
      const cv::Vec3b first = page.at<cv::Vec3b>(y, x), last = page.at<cv::Vec3b>(y + band, x);
      const auto tinted = [](const cv::Vec3b& p, const cv::Vec3b& by_itself, const cv::Scalar& tint) {
        for (int c = 0; c < 3; ++c)
          if (std::abs(p[c] - 0.28 * by_itself[c] - 0.72 * tint[c]) > 3) return false;
        return true;
      };
      for (const cv::Scalar& tint : {kHullOnly, kMaskOnly}) {
        before += tinted(first, last, tint);
        after += tinted(last, first, tint);
      }
    }
  }
  EXPECT_GT(before, 5000);
  EXPECT_GT(before, 4 * after);
}

TEST_F(PhotoInspections, StabilisedSpinStaysInPlace) {
  ASSERT_EQ(result_->steady.size(), 8u);
  EXPECT_GT(jitter(result_->raw, false), 5);
  EXPECT_LT(jitter(result_->steady, false), 0.5 * jitter(result_->raw, false));
  EXPECT_LT(jitter(result_->steady, true), 0.5 * jitter(result_->raw, true));
}

TEST_F(PhotoInspections, JsonHoldsEveryView) {
  const Json json = to_json(*result_);
  EXPECT_EQ(json["id"], result_->title);
  ASSERT_EQ(json["frames"].size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    const Json& frame = json["frames"][i];
    EXPECT_EQ(frame["stated_azimuth_deg"], 45.0 * static_cast<double>(i));
    EXPECT_NEAR(frame["iou_after"].get<double>(), result_->views[i].iou_after, 1e-4);
    for (const char* key : {"azimuth_deg", "elevation_deg", "scale", "shift_x", "shift_y", "roll_deg", "residual"})
      EXPECT_TRUE(frame[key].is_number()) << key;
    EXPECT_TRUE(frame["trusted"].is_boolean());
  }
  EXPECT_NEAR(json["iou_before"].get<double>(), result_->mean_iou(false), 1e-4);
  EXPECT_TRUE(json["confidence"].is_number());
}

}  // namespace
}  // namespace spinfill
