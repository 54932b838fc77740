// SPDX-License-Identifier: Apache-2.0
#include "pages/spin_page.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/picture.h"
#include "pages/html.h"
#include "pages/spin_template.h"

namespace spinfill {
namespace {

std::string media_type(const SpinFrame& frame) {
  const std::string_view bytes = frame.file;
  if (bytes.substr(0, 8) == std::string_view("\x89PNG\r\n\x1a\n", 8)) return "image/png";
  if (bytes.substr(0, 3) == "\xff\xd8\xff") return "image/jpeg";
  if (bytes.substr(0, 4) == "RIFF" && bytes.size() > 12 && bytes.substr(8, 4) == "WEBP") return "image/webp";
  fail("spin page: the picture at {}° is neither PNG, JPEG nor WebP", frame.azimuth_deg);
}

std::vector<const SpinFrame*> ordered(const std::vector<SpinFrame>& frames) {
  if (frames.empty()) fail("spin page: no frames");
  std::vector<const SpinFrame*> out;
  for (const auto& frame : frames) {
    if (frame.picture.type() != CV_8UC4 || frame.picture.size() != frames[0].picture.size() || frame.picture.empty()) {
      fail("spin page: the picture at {}° is {}×{}, the first {}×{}; all must be 8-bit RGBA of one size",
           frame.azimuth_deg, frame.picture.cols, frame.picture.rows, frames[0].picture.cols, frames[0].picture.rows);
    }
    out.push_back(&frame);
  }
  std::stable_sort(out.begin(), out.end(), [](auto* a, auto* b) { return a->azimuth_deg < b->azimuth_deg; });
  return out;
}

std::string figure(const SpinFrame& frame) {
  const VisibleBox box = visible_box(frame.picture);
  std::string out =
      fmt::format("<figure data-azimuth=\"{}\"{}>", frame.azimuth_deg, frame.generated ? " data-generated" : "");
  // An opaque picture brings its own ground.
  if (box.has_alpha && box.right > box.left) {
    out += fmt::format("<i style=\"--l:{:.2f}%;--r:{:.2f}%;--b:{:.2f}%\"></i>", 100 * box.left, 100 * box.right,
                       100 * box.bottom);
  }
  out += fmt::format("<img alt=\"View from {:.0f} degrees{}\" draggable=\"false\" src=\"data:{};base64,{}\">",
                     frame.azimuth_deg, frame.generated ? ", generated" : "", media_type(frame), base64(frame.file));
  if (frame.generated) out += "<figcaption>Generated</figcaption>";
  return out + "</figure>\n";
}

}  // namespace

VisibleBox visible_box(const cv::Mat& rgba) {
  constexpr int kVisible = 13;
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  double lowest = 255;
  cv::minMaxLoc(alpha, &lowest);
  const cv::Rect box = cv::boundingRect(cv::Mat(alpha >= kVisible));
  const double w = rgba.cols, h = rgba.rows;
  return {box.x / w, box.y / h, (box.x + box.width) / w, (box.y + box.height) / h, lowest < 255};
}

std::string spin_page(const SpinPage& page) {
  std::string views;
  const auto frames = ordered(page.frames);
  for (const SpinFrame* frame : frames) views += figure(*frame);
  return html_filled(kSpinTemplate, {{"TITLE", html_escaped(page.title)},
                                     {"WIDTH", std::to_string(frames[0]->picture.cols)},
                                     {"HEIGHT", std::to_string(frames[0]->picture.rows)},
                                     {"VIEWS", std::move(views)}});
}

cv::Mat contact_sheet(const std::vector<SpinFrame>& frames, int cell_width) {
  constexpr int kColumns = 4;
  const auto views = ordered(frames);
  const cv::Size from = views[0]->picture.size();
  const cv::Size cell(cell_width,
                      std::max(1, static_cast<int>(std::lround(double(cell_width) * from.height / from.width))));
  const int gap = std::max(4, cell_width / 40), caption = std::max(16, cell_width / 12);
  const int columns = std::min<int>(kColumns, static_cast<int>(views.size()));
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
