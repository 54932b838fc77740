// SPDX-License-Identifier: Apache-2.0
#include "pages/contact_sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "data/pictures/picture.h"

namespace spinfill {

cv::Mat contact_sheet(const std::vector<SpinFrame>& frames, int cell_width) {
  constexpr int kColumns = 4, kFew = 16;
  const auto views = by_azimuth(frames);
  const cv::Size from = views[0]->picture.size();
  const cv::Size cell(cell_width,
                      std::max(1, static_cast<int>(std::lround(double(cell_width) * from.height / from.width))));
  const int gap = std::max(4, cell_width / 40), caption = std::max(16, cell_width / 12);
  const int most = views.size() <= kFew ? kColumns : static_cast<int>(std::ceil(std::sqrt(double(views.size()))));
  const int columns = std::min<int>(most, static_cast<int>(views.size()));
  const int rows = (static_cast<int>(views.size()) + columns - 1) / columns;
  cv::Mat sheet(rows * (cell.height + caption + gap) + gap, columns * (cell.width + gap) + gap, CV_8UC3,
                cv::Scalar(240, 241, 243));
  for (std::size_t i = 0; i < views.size(); ++i) {
    const int x = gap + static_cast<int>(i) % columns * (cell.width + gap);
    const int y = gap + static_cast<int>(i) / columns * (cell.height + caption + gap);
    on_plain_ground(views[i]->picture, cell, cv::Scalar::all(255))
        .copyTo(sheet(cv::Rect(x, y, cell.width, cell.height)));

    const bool generated = views[i]->generated;
    const cv::Scalar ink = generated ? cv::Scalar(180, 83, 9) : cv::Scalar(75, 82, 94);
    cv::rectangle(sheet, cv::Rect(x, y + cell.height, cell.width, std::max(2, caption / 12)), ink, cv::FILLED);
    const std::string text = fmt::format("{:03.0f} deg  {}", views[i]->azimuth_deg, generated ? "generated" : "given");
    const double scale = caption / 48.0;
    const int thickness = std::max(1, static_cast<int>(std::lround(scale * 1.5)));
    cv::putText(sheet, text, {x + gap / 2, y + cell.height + caption * 3 / 4}, cv::FONT_HERSHEY_SIMPLEX, scale, ink,
                thickness, cv::LINE_AA);
  }
  return sheet;
}

}  // namespace spinfill
