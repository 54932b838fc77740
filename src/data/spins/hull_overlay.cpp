// SPDX-License-Identifier: Apache-2.0
#include "data/spins/hull_overlay.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/picture.h"

namespace spinfill {
namespace {

constexpr int kGap = 8, kTitle = 40, kCaption = 30, kLegend = 40, kLeastWidth = 1000;  // px
constexpr double kTint = 0.72;                                                         // share of the tint's colour
const cv::Scalar kPaper(246, 247, 248), kInk(40, 44, 52), kGround(196, 198, 202);

void write(cv::Mat& page, const std::string& text, cv::Point at, double scale) {
  cv::putText(page, text, at, cv::FONT_HERSHEY_SIMPLEX, scale, kInk, 1, cv::LINE_AA);
}

// Where coverage passes one half; enlarged first, so that the edge does not follow the pixels' steps.
cv::Mat inside(const cv::Mat& coverage, cv::Size size) {
  cv::Mat scaled;
  cv::resize(coverage, scaled, size, 0, 0, cv::INTER_LINEAR);
  return scaled > 0.5F;
}

void tint(cv::Mat& picture, const cv::Mat& where, const cv::Scalar& colour) {
  cv::Mat tinted;
  cv::addWeighted(picture, 1 - kTint, cv::Mat(picture.size(), CV_8UC3, colour), kTint, 0, tinted);
  tinted.copyTo(picture, where);
}

cv::Mat drawn(const OverlayCell& cell, cv::Size size) {
  cv::Mat picture = on_plain_ground(cell.picture, size, kGround);
  const cv::Mat hull = inside(cell.hull, size), mask = inside(cell.mask, size);
  tint(picture, hull & ~mask, kHullOnly);
  tint(picture, mask & ~hull, kMaskOnly);
  std::vector<std::vector<cv::Point>> outline;
  constexpr int kZoom = 4, kBits = 4;  // found on an enlargement, drawn to a sixteenth of a pixel
  cv::findContours(inside(cell.hull, size * kZoom), outline, cv::RETR_CCOMP, cv::CHAIN_APPROX_NONE);
  for (auto& contour : outline)
    for (cv::Point& p : contour) p = (p * (1 << kBits)) / kZoom;
  // A dark edge keeps the line visible on paint of any colour.
  cv::polylines(picture, outline, true, kInk, 2, cv::LINE_AA, kBits);
  cv::polylines(picture, outline, true, kHullOutline, 1, cv::LINE_AA, kBits);
  return picture;
}

// Shares of the pictures' size: around all silhouettes, so that the vehicle fills the cells and keeps one scale.
cv::Rect2d shown_part(const std::vector<OverlayRow>& rows) {
  constexpr double kMargin = 0.03;
  cv::Rect2d part;
  for (const OverlayRow& row : rows) {
    for (const OverlayCell& cell : row.cells) {
      const cv::Rect box = cv::boundingRect(cv::Mat((cell.hull > 0.5F) | (cell.mask > 0.5F)));
      const double w = cell.hull.cols, h = cell.hull.rows;
      part |= cv::Rect2d(box.x / w, box.y / h, box.width / w, box.height / h);
    }
  }
  if (part.empty()) return {0, 0, 1, 1};
  part = {part.x - kMargin, part.y - kMargin, part.width + 2 * kMargin, part.height + 2 * kMargin};
  return part & cv::Rect2d(0, 0, 1, 1);
}

void draw_legend(cv::Mat& page) {
  int x = kGap;
  const int y = kLegend / 2;
  for (const auto& [colour, text] :
       {std::pair{kHullOutline, "outline of the visual hull"}, std::pair{kHullOnly, "hull only: no mask there"},
        std::pair{kMaskOnly, "mask only: carved away by other views"}}) {
    const bool line = colour == kHullOutline;
    const cv::Rect swatch(x, line ? y - 2 : y - 7, 26, line ? 4 : 14);
    cv::rectangle(page, swatch, colour, cv::FILLED);
    if (line) cv::rectangle(page, swatch, kInk, 1);
    write(page, text, {x + 34, y + 6}, 0.6);
    x += 34 + cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, 0.6, 1, nullptr).width + 28;
  }
}

}  // namespace

cv::Mat hull_overlay(const std::vector<OverlayRow>& rows, int cell_width) {
  std::size_t columns = 0;
  for (const OverlayRow& row : rows) {
    columns = std::max(columns, row.cells.size());
    for (const OverlayCell& cell : row.cells) {
      if (cell.picture.type() != CV_8UC4 || cell.picture.size() != rows[0].cells.at(0).picture.size() ||
          cell.hull.size() != cell.mask.size() || cell.hull.empty())
        fail("hull overlay: '{}' has pictures of another size or kind than the first", cell.caption);
    }
  }
  if (columns == 0) fail("hull overlay: no pictures");
  const cv::Size from = rows[0].cells.at(0).picture.size();
  const cv::Rect2d part = shown_part(rows);
  const double width = cell_width / part.width, height = width * from.height / from.width;
  const cv::Size whole(static_cast<int>(std::lround(width)), std::max(1, static_cast<int>(std::lround(height))));
  cv::Rect shown(static_cast<int>(part.x * width), static_cast<int>(part.y * height), cell_width,
                 static_cast<int>(std::ceil(part.height * height)));
  shown &= cv::Rect({0, 0}, whole);
  const cv::Size cell = shown.size();
  const int band = kTitle + cell.height + kCaption;
  cv::Mat page(kLegend + static_cast<int>(rows.size()) * band + kGap,
               std::max(kLeastWidth, static_cast<int>(columns) * (cell.width + kGap) + kGap), CV_8UC3, kPaper);
  draw_legend(page);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const int y = kLegend + static_cast<int>(r) * band;
    write(page, rows[r].title, {kGap, y + 28}, 0.75);
    for (std::size_t c = 0; c < rows[r].cells.size(); ++c) {
      const int x = kGap + static_cast<int>(c) * (cell.width + kGap);
      drawn(rows[r].cells[c], whole)(shown).copyTo(page(cv::Rect({x, y + kTitle}, cell)));
      write(page, rows[r].cells[c].caption, {x + 2, y + kTitle + cell.height + 21}, 0.65);
    }
  }
  return page;
}

}  // namespace spinfill
