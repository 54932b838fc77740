// SPDX-License-Identifier: Apache-2.0
#include "pages/sample_grid.h"

#include <ATen/ATen.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "support/examples.h"

namespace spinfill {
namespace {

// 24 px are shown six times as large: cells of 144 px from 56 px, 6 px apart.
constexpr int kFirst = 56, kStep = 150;

// Where two grids differ, columns of cells only.
std::vector<int> differing_columns(const cv::Mat& a, const cv::Mat& b) {
  cv::Mat difference, grey;
  cv::absdiff(a, b, difference);
  cv::cvtColor(difference, grey, cv::COLOR_BGR2GRAY);
  std::vector<int> columns;
  for (int c = 0; kFirst + (c + 1) * kStep <= a.cols; ++c)
    if (cv::countNonZero(grey(cv::Rect(kFirst + c * kStep, 0, 144, grey.rows))) > 0) columns.push_back(c);
  EXPECT_EQ(cv::countNonZero(grey(cv::Rect(0, 0, kFirst, grey.rows))), 0);
  return columns;
}

TEST(SampleGrid, ShowsTargetsBesideTruthAndReferencesInARow) {
  const test::TemporaryFolder folder;
  const auto drawn = [&](const Batch& batch, const at::Tensor& generated) {
    draw_sample_grid(batch, generated, folder / "grid.png");
    return cv::imread((folder / "grid.png").string());
  };
  const Batch batch = example_batch({0, 1}, {{0}, {1, 7}}, 20, 24);
  const cv::Mat grid = drawn(batch, batch.colour);
  const cv::Mat two = drawn(batch.one(1), batch.colour.narrow(0, 1, 1)),
                one = drawn(batch.one(0), batch.colour.narrow(0, 0, 1));
  EXPECT_EQ(grid.rows, one.rows + two.rows);
  EXPECT_EQ(two.rows - one.rows, 120 + 6) << "a row for each target, none for a reference";
  // truth, generated, error, mirror-or-prior
  EXPECT_EQ(differing_columns(grid, drawn(batch, at::zeros_like(batch.colour))), (std::vector{1, 2}));
  Batch other = batch;
  other.priors.flipped = at::zeros_like(batch.priors.flipped);
  other.priors.warped = at::zeros_like(batch.priors.warped);
  EXPECT_EQ(differing_columns(grid, drawn(other, batch.colour)), (std::vector{3}));
  // A reference is shown once, at half the size, above the targets.
  Batch changed = batch;
  changed.colour = batch.colour.clone();
  changed.colour[0][3].zero_();
  cv::Mat difference, grey;
  cv::absdiff(drawn(changed, batch.colour), grid, difference);
  cv::cvtColor(difference, grey, cv::COLOR_BGR2GRAY);
  const cv::Rect box = cv::boundingRect(grey(cv::Rect(0, 0, grey.cols, 110)));
  EXPECT_EQ(box.x / 78, (kFirst + 2 * 78) / 78) << "the third of those given: 45°, 90°, 135°";
  EXPECT_LE(box.width, 72);
  EXPECT_LE(box.height, 60);
}

TEST(SampleGrid, WithoutPriorsThereIsNoBaseline) {
  const test::TemporaryFolder folder;
  Batch batch = example_batch({0}, {{0}}, 20, 24);
  draw_sample_grid(batch, batch.colour, folder / "with.png");
  batch.priors = {};
  draw_sample_grid(batch, batch.colour, folder / "without.png");
  EXPECT_LE(cv::imread((folder / "without.png").string()).cols, cv::imread((folder / "with.png").string()).cols);
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
