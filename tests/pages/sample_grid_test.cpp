// SPDX-License-Identifier: Apache-2.0
#include "pages/sample_grid.h"

#include <ATen/ATen.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "support/examples.h"

namespace spinfill {
namespace {

TEST(SampleGrid, ShowsReferencesTruthAndErrorsWhereTheyBelong) {
  const test::TemporaryFolder folder;
  const Batch batch = example_batch({0, 1}, {{0}, {1, 7}}, 20, 24);
  draw_sample_grid(batch, batch.colour, folder / "grid.png");
  draw_sample_grid(batch, at::zeros_like(batch.colour), folder / "black.png");
  const cv::Mat same = cv::imread((folder / "grid.png").string()), black = cv::imread((folder / "black.png").string());
  ASSERT_FALSE(same.empty());
  ASSERT_EQ(same.size(), black.size());
  // Where the two differ: the generated view and its error map, of the target alone (first set: slot 0).
  cv::Mat difference, grey;
  cv::absdiff(same, black, difference);
  cv::cvtColor(difference, grey, cv::COLOR_BGR2GRAY);
  const cv::Rect box = cv::boundingRect(grey(cv::Rect(0, 0, grey.cols, grey.rows / 2)));
  EXPECT_GE(box.x, 132);
  EXPECT_LE(box.x + box.width, 132 + 96);  // 24 px shown four times as large
  const cv::Mat second = grey(cv::Rect(0, grey.rows / 2, grey.cols, grey.rows / 2));
  EXPECT_EQ(cv::countNonZero(second(cv::Rect(0, 0, 132 + 100, second.rows))), 0);   // slot 0 is given there
  EXPECT_GT(cv::countNonZero(second(cv::Rect(132 + 100, 0, 96, second.rows))), 0);  // slot 1 is not
}

TEST(SampleGrid, WrongInputIsRefused) {
  const test::TemporaryFolder folder;
  const Batch batch = example_batch({0}, {{0}});
  test::expect_error(ExitCode::runtime, {"grid.png", "[1,8,3,20,24]"},
                     [&] { draw_sample_grid(batch, batch.colour[0], folder / "grid.png"); });
  test::expect_error(ExitCode::runtime, {"grid.png"},
                     [&] { draw_sample_grid(batch, batch.colour, folder / "none" / "grid.png"); });
}

}  // namespace
}  // namespace spinfill
