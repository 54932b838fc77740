// SPDX-License-Identifier: Apache-2.0
#include "pages/data_sheet.h"

#include "data/pictures/picture.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

TEST(DataSheet, HasARowPerSetAndACellPerSlot) {
  const test::TemporaryFolder folder;
  const std::vector<ViewSet> sets = {test::write_tiny_set(folder / "a"),
                                     test::write_tiny_set(folder / "b", {.slots = {0, 2}})};
  write_data_sheet(sets, folder / "sheet.png");
  const cv::Mat sheet = read_picture(folder / "sheet.png");
  const int cell = 128, label = 150, gap = 4;
  ASSERT_EQ(sheet.size(), cv::Size(label + 8 * (cell + gap), 2 * (cell + gap) + gap));
  for (int row = 0; row < 2; ++row) {
    for (int slot = 0; slot < 8; ++slot) {
      const auto middle =
          sheet.at<cv::Vec4b>(gap + row * (cell + gap) + cell / 2, label + slot * (cell + gap) + cell / 2);
      const bool empty = middle == cv::Vec4b(232, 232, 232, 255);
      EXPECT_EQ(empty, row == 1 && slot != 0 && slot != 2) << row << " " << slot;
    }
  }
}

// Red that is hidden where nothing covers must not tint the edge of what is blue.
TEST(DataSheet, HiddenColoursDoNotBleedIntoEdges) {
  const test::TemporaryFolder folder;
  const ViewSet set = test::write_tiny_set(folder / "a", {.width = 480, .height = 320, .slots = {0}});
  cv::Mat picture(320, 480, CV_8UC4, cv::Scalar(255, 0, 0, 0));
  picture(cv::Rect(201, 101, 150, 130)).setTo(cv::Scalar(0, 0, 255, 255));
  write_png(folder / "a/000.png", picture);
  write_data_sheet({set}, folder / "sheet.png");
  const cv::Mat sheet = read_picture(folder / "sheet.png");
  int blue = 0;
  for (int y = 30; y < 100; ++y) {
    for (int x = 150; x < 278; ++x) {
      const auto pixel = sheet.at<cv::Vec4b>(y, x);
      EXPECT_NEAR(pixel[0], pixel[1], 1) << x << " " << y;
      blue += pixel[0] < 10 && pixel[2] == 255;
    }
  }
  EXPECT_GT(blue, 500);
}

}  // namespace
}  // namespace spinfill
