// SPDX-License-Identifier: Apache-2.0
#include "pages/picture_grid.h"

#include <algorithm>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/picture.h"

namespace spinfill {
namespace {

constexpr int kLeastWidth = 192, kTitleRoom = 20, kHeadRoom = 22, kBetween = 6;  // px

void label(cv::Mat& page, const std::string& text, int x, int y) {
  cv::putText(page, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, 0.4, cv::Scalar::all(40), 1, cv::LINE_AA);
}

cv::Size shown_size(const cv::Mat& picture) {
  const int zoom = (kLeastWidth + picture.cols - 1) / picture.cols;
  return {picture.cols * zoom, picture.rows * zoom};
}

}  // namespace

void draw_picture_grid(const std::vector<PictureGridRow>& rows, const std::vector<std::string>& heads,
                       const std::filesystem::path& path) {
  if (rows.empty() || heads.empty()) fail("{}: no picture to draw", path.string());
  int column = 0, height = kHeadRoom + kBetween;
  for (const PictureGridRow& row : rows) {
    if (row.pictures.size() != heads.size()) fail("{}: a row needs {} pictures", path.string(), heads.size());
    const cv::Size size = shown_size(row.pictures.front());
    column = std::max(column, size.width);
    height += kTitleRoom + size.height + kBetween;
  }
  const auto left = [&](std::size_t i) { return kBetween + static_cast<int>(i) * (column + kBetween); };
  cv::Mat page(height, left(heads.size()), CV_8UC3, cv::Scalar::all(255));
  for (std::size_t i = 0; i < heads.size(); ++i) label(page, heads[i], left(i), kHeadRoom - 6);
  int top = kHeadRoom;
  for (const PictureGridRow& row : rows) {
    label(page, row.title, kBetween, top + kTitleRoom - 6);
    top += kTitleRoom;
    const cv::Size size = shown_size(row.pictures.front());
    for (std::size_t i = 0; i < row.pictures.size(); ++i) {
      cv::Mat shown;
      cv::resize(row.pictures[i], shown, size, 0, 0, cv::INTER_NEAREST);
      shown.copyTo(page(cv::Rect({left(i), top}, size)));
    }
    top += size.height + kBetween;
  }
  write_png(path, page);
}

}  // namespace spinfill
