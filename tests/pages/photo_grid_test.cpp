// SPDX-License-Identifier: Apache-2.0
#include "pages/photo_grid.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "support/support.h"

namespace spinfill {
namespace {

constexpr int kAt = 2;  // slot

// A square vehicle of one colour in a picture of 200×100 px.
cv::Mat square(const cv::Scalar& colour, int left) {
  cv::Mat picture(100, 200, CV_8UC4, cv::Scalar::all(0));
  picture(cv::Rect(left, 30, 50, 50)).setTo(colour);
  return picture;
}

TEST(PhotoGrid, ShowsEachViewsCropInItsColumns) {
  const test::TemporaryFolder folder;
  PhotoSample sample;
  SlotPictures truths;
  truths[kAt] = square({200, 0, 0, 255}, 60);
  std::vector<SlotPictures> pictures(1 + kBaselines.size());
  pictures[0][kAt] = square({0, 200, 0, 255}, 60);
  for (std::size_t i = 1; i < pictures.size(); ++i) pictures[i][kAt] = square({0, 0, 200, 255}, 60);
  ImageRow row;
  row.id = "car";
  row.slot = kAt;
  row.references = {0, 1};
  row.photo.emplace();
  row.scores = std::vector<Scores>(pictures.size());
  const std::vector<ImageRow> rows = {row};
  draw_photo_grid({sample, truths, pictures, {}, rows}, folder / "grid.png");
  const cv::Mat page = cv::imread((folder / "grid.png").string());
  ASSERT_FALSE(page.empty());
  const auto columns_of = [&](const cv::Vec3b& bgr) {
    cv::Mat found;
    cv::inRange(page, bgr, bgr, found);
    cv::Mat labels;
    return cv::connectedComponents(found, labels) - 1;
  };
  EXPECT_EQ(columns_of({0, 0, 200}), 1) << "truth";
  EXPECT_EQ(columns_of({0, 200, 0}), 1) << "model";
  EXPECT_EQ(columns_of({200, 0, 0}), 4) << "baselines";
  draw_photo_grid({sample, truths, pictures, {}, {}}, folder / "none.png");
  EXPECT_FALSE(fs::exists(folder / "none.png")) << "nothing was asked for";
  test::expect_error(ExitCode::runtime, {"grid.png"}, [&] {
    draw_photo_grid({sample, truths, pictures, {}, rows}, folder / "none" / "grid.png");
  });
}

}  // namespace
}  // namespace spinfill
