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

}  // namespace
}  // namespace spinfill
