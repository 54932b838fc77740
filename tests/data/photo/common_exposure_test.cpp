// SPDX-License-Identifier: Apache-2.0
#include "data/photo/common_exposure.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include <opencv2/core.hpp>

#include "data/sets/set_pictures.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

// Eight photographs of a tiny vehicle whose light does not depend on the camera.
class CommonExposureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    set_ = test::write_tiny_set(folder_ / "set", {.width = 240, .height = 160});
    for (const Frame& frame : set_.frames) pictures_.push_back(read_masked_picture(set_, frame));
  }
  CommonExposure find() const {
    std::vector<PhotoView> views, carving;
    for (std::size_t i = 0; i < pictures_.size(); ++i) {
      views.push_back({&set_.frames[i], &pictures_[i]});
      if (cv::countNonZero(pictures_[i].reshape(1)) > 0) carving.push_back(views.back());
    }
    return common_exposure(views, carving, set_.width, set_.height);
  }
  // The gains that take `given` back, from a mean of zero over `of`.
  static StopsGain mended(const std::vector<StopsGain>& given, std::size_t view, const std::vector<std::size_t>& of) {
    StopsGain out{};
    for (std::size_t c = 0; c < 3; ++c) {
      for (const std::size_t k : of) out[c] += given[k][c] / static_cast<double>(of.size());
      out[c] -= given[view][c];
    }
    return out;
  }
  test::TemporaryFolder folder_;
  ViewSet set_;
  std::vector<cv::Mat> pictures_;
};

TEST_F(CommonExposureTest, FindsKnownGains) {
  const std::vector<StopsGain> given = {{-0.5, -0.5, -0.5}, {-0.2, -0.3, -0.4}, {0, 0, 0},          {-1, -1, -1},
                                        {-0.3, -0.2, -0.1}, {-0.1, -0.1, -0.1}, {-0.7, -0.6, -0.5}, {0, 0, 0}};
  for (std::size_t i = 0; i < given.size(); ++i) pictures_[i] = with_gain(pictures_[i], given[i]);
  const CommonExposure found = find();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const StopsGain wanted = mended(given, i, {0, 1, 2, 3, 4, 5, 6, 7});
    EXPECT_TRUE(found.views[i].odd.empty()) << found.views[i].odd;
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(found.views[i].stops[c], wanted[c], 0.06) << i << " " << c;
  }
  EXPECT_GT(found.before, 0.3);
  EXPECT_LT(found.after, 0.1 * found.before);
}

TEST_F(CommonExposureTest, LeavesViewsAloneThatDoNotDiffer) {
  const CommonExposure found = find();
  EXPECT_FALSE(found.changes());
  for (const ViewExposure& view : found.views) {
    EXPECT_EQ(view.stops, kNoGain);
    EXPECT_GT(view.pixels, 1000);
    EXPECT_TRUE(to_json(view).is_null());
  }
}

// A lamp that stands with the camera brightens what turns towards it: no view is to blame.
TEST_F(CommonExposureTest, LightThatStandsWithTheCameraIsNoExposure) {
  for (cv::Mat& picture : pictures_) {
    for (int x = 0; x < picture.cols; ++x) {
      const double stops = -0.8 + 0.8 * x / picture.cols;
      const cv::Mat column = picture.col(x);
      with_gain(column, {stops, stops, stops}).copyTo(column);
    }
  }
  const CommonExposure found = find();
  for (const ViewExposure& view : found.views) EXPECT_NEAR(view.exposure(), 0, 0.1);
}

TEST_F(CommonExposureTest, BoundsWhiteBalanceAndNamesWhatNoGainMends) {
  pictures_[1] = with_gain(pictures_[1], {-1.2, 0, 0});
  pictures_[5] = with_gain(pictures_[5], {-2.7, -2.7, -2.7});
  cv::Mat& blown = pictures_[3];
  for (int y = 0; y < blown.rows; ++y)
    for (int x = 0; x < blown.cols; ++x) {
      auto& pixel = blown.at<cv::Vec4b>(y, x);
      for (int c = 0; c < 3; ++c) pixel[c] = cv::saturate_cast<uchar>(pixel[c] * 2.2);
      if (y > blown.rows * 2 / 5) pixel = {255, 255, 255, pixel[3]};
    }
  const CommonExposure found = find();
  const StopsGain& bounded = found.views[1].stops;
  double most = 0;
  for (const double stops : bounded) most = std::max(most, std::abs(stops - found.views[1].exposure()));
  EXPECT_NEAR(most, 0.3, 0.005);
  EXPECT_GT(bounded[0], bounded[1]);
  EXPECT_NE(found.views[3].odd.find("over-exposed"), std::string::npos) << found.views[3].odd;
  EXPECT_NE(found.views[5].odd.find("too dark"), std::string::npos) << found.views[5].odd;
  EXPECT_NEAR(found.views[5].exposure(), 2, 1e-3);
  for (const std::size_t i : {0, 2, 4, 6, 7}) {
    EXPECT_TRUE(found.views[i].odd.empty()) << found.views[i].odd;
    EXPECT_NEAR(found.views[i].exposure(), found.views[0].exposure(), 0.1) << i;
  }
}

TEST_F(CommonExposureTest, AViewThatHasNothingInCommonStaysAsItIs) {
  pictures_[2].setTo(0);
  const CommonExposure found = find();
  EXPECT_EQ(found.views[2].pixels, 0);
  EXPECT_EQ(found.views[2].stops, kNoGain);
  EXPECT_GT(found.views[1].pixels, 1000);
}

}  // namespace
}  // namespace spinfill
