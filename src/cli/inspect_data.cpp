// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_data.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/picture.h"
#include "data/sets/set_pictures.h"

namespace spinfill {
namespace {

constexpr int kCell = 128, kLabel = 150, kGap = 4;  // px

}  // namespace

void write_data_sheet(const DataSummary& data, const fs::path& path, int rows) {
  if (data.first.empty()) fail("{}: has no set to draw", data.folder.string());
  const int shown = std::min<int>(rows, static_cast<int>(data.first.size()));
  cv::Mat page(shown * (kCell + kGap) + kGap, kLabel + kSlots * (kCell + kGap), CV_8UC3, cv::Scalar(255, 255, 255));
  for (int r = 0; r < shown; ++r) {
    const ViewSet& set = data.first[static_cast<std::size_t>(r)];
    const int y = kGap + r * (kCell + kGap);
    const cv::Scalar ink(40, 40, 40);
    cv::putText(page, set.id.substr(0, 20), {4, y + 16}, cv::FONT_HERSHEY_SIMPLEX, 0.4, ink, 1, cv::LINE_AA);
    cv::putText(page, set.category.substr(0, 20), {4, y + 34}, cv::FONT_HERSHEY_SIMPLEX, 0.4, ink, 1, cv::LINE_AA);
    for (int slot = 0; slot < kSlots; ++slot) {
      cv::Mat cell = page(cv::Rect(kLabel + slot * (kCell + kGap), y, kCell, kCell));
      cell.setTo(cv::Scalar(232, 232, 232));
      const Frame* frame = set.frame_at(slot);
      if (frame == nullptr) continue;
      const cv::Mat picture = read_masked_picture(set, *frame);
      const double scale =
          std::min(static_cast<double>(kCell) / picture.cols, static_cast<double>(kCell) / picture.rows);
      cv::Mat small, channels[4], rgb;
      cv::resize(
          picture, small,
          {std::max(1, static_cast<int>(picture.cols * scale)), std::max(1, static_cast<int>(picture.rows * scale))}, 0,
          0, scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
      cv::split(small, channels);
      cv::Mat alpha, colour;
      cv::merge(std::vector<cv::Mat>{channels[3], channels[3], channels[3]}, alpha);
      cv::merge(std::vector<cv::Mat>{channels[0], channels[1], channels[2]}, colour);
      colour.convertTo(colour, CV_32F);
      alpha.convertTo(alpha, CV_32F, 1 / 255.);
      const cv::Mat composited = colour.mul(alpha) + 255 * (cv::Scalar::all(1) - alpha);
      composited.convertTo(rgb, CV_8U);
      rgb.copyTo(cell(cv::Rect((kCell - rgb.cols) / 2, (kCell - rgb.rows) / 2, rgb.cols, rgb.rows)));
    }
  }
  write_png(path, page);
}

}  // namespace spinfill
