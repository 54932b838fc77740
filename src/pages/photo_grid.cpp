// SPDX-License-Identifier: Apache-2.0
#include "pages/photo_grid.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/ranges.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "data/pictures/picture.h"
#include "metrics/report.h"
#include "pages/shown_pictures.h"

namespace spinfill {
namespace {

constexpr int kWidest = 480, kSpace = 6, kColumnTitle = 22, kRowTitle = 20;  // px
const cv::Scalar kGround = cv::Scalar::all(255), kTextColour = cv::Scalar::all(40);

// One row: what is shown of a view, all of one size.
std::vector<cv::Mat> cells_of(const PhotoScored& scored, int slot) {
  const auto at = static_cast<std::size_t>(slot);
  const cv::Mat& truth = scored.truths[at];
  const cv::Rect box = scored_box(truth);
  std::vector<cv::Mat> cells = {shown_picture(truth, box, kWidest)};
  for (std::size_t m = 0; m < scored.pictures.size(); ++m) {
    cells.push_back(shown_picture(scored.pictures[m][at], box, kWidest));
    if (m == 0) cells.push_back(error_map(cells.back(), cells.front()));
  }
  return cells;
}

void put_text(cv::Mat& page, const std::string& text, int x, int y) {
  cv::putText(page, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, 0.42, kTextColour, 1, cv::LINE_AA);
}

}  // namespace

void draw_photo_grid(const PhotoScored& scored, const std::filesystem::path& path) {
  std::vector<std::string> heads = {"truth", "model", fmt::format("error, white = {:g}", kErrorScale)};
  heads.insert(heads.end(), kBaselines.begin(), kBaselines.end());
  std::vector<std::vector<cv::Mat>> rows;
  int width = 0, height = kColumnTitle + kSpace;
  for (const ImageRow& row : scored.rows) {
    rows.push_back(cells_of(scored, static_cast<int>(row.slot)));
    width = std::max(width, rows.back().front().cols);
    height += kRowTitle + rows.back().front().rows + kSpace;
  }
  if (rows.empty()) return;
  width = std::max(width, 150);
  cv::Mat page(height, static_cast<int>(heads.size()) * (width + kSpace) + kSpace, CV_8UC3, kGround);
  for (std::size_t i = 0; i < heads.size(); ++i)
    put_text(page, heads[i], kSpace + static_cast<int>(i) * (width + kSpace), kColumnTitle - 6);
  int y = kColumnTitle;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const ImageRow& row = scored.rows[r];
    const auto score = [&](std::size_t k) {  // plain letters: the font has no dash
      return std::isfinite(row.scores.front()[k]) ? score_text(k, row.scores.front()[k]) : "none";
    };
    std::vector<std::int64_t> given;
    for (const std::int64_t slot : row.references) given.push_back(azimuth_of(slot));
    put_text(page,
             fmt::format("{} at {:.4g}, from {}: PSNR {}, SSIM {}, LPIPS {}, IoU {}", row.id, row.photo->azimuth_deg,
                         fmt::join(given, " "), score(0), score(2), score(kLpips), score(kSilhouetteIou)),
             kSpace, y + kRowTitle - 6);
    y += kRowTitle;
    for (std::size_t i = 0; i < rows[r].size(); ++i)
      rows[r][i].copyTo(
          page(cv::Rect(kSpace + static_cast<int>(i) * (width + kSpace), y, rows[r][i].cols, rows[r][i].rows)));
    y += rows[r].front().rows + kSpace;
  }
  write_png(path, page);
}

}  // namespace spinfill
