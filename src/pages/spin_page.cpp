// SPDX-License-Identifier: Apache-2.0
#include "pages/spin_page.h"

#include <cmath>
#include <string_view>

#include "core/error.h"
#include "data/pictures/visible_box.h"
#include "pages/html.h"
#include "pages/template.h"

namespace spinfill {
namespace {

std::string media_type(const SpinFrame& frame) {
  const std::string_view bytes = frame.file;
  if (bytes.substr(0, 8) == std::string_view("\x89PNG\r\n\x1a\n", 8)) return "image/png";
  if (bytes.substr(0, 3) == "\xff\xd8\xff") return "image/jpeg";
  if (bytes.substr(0, 4) == "RIFF" && bytes.size() > 12 && bytes.substr(8, 4) == "WEBP") return "image/webp";
  fail("spin page: the picture at {}° is neither PNG, JPEG nor WebP", frame.azimuth_deg);
}

std::string figure(const SpinFrame& frame) {
  const VisibleBox box = visible_box(frame.picture);
  std::string out =
      fmt::format("<figure data-azimuth=\"{}\"{}>", frame.azimuth_deg, frame.generated ? " data-generated" : "");
  out += "<div>";
  // An opaque picture has its own background.
  if (box.has_alpha && box.right > box.left) {
    out += fmt::format("<i style=\"--l:{:.2f}%;--r:{:.2f}%;--b:{:.2f}%\"></i>", 100 * box.left, 100 * box.right,
                       100 * box.bottom);
  }
  out += fmt::format(
      "<img alt=\"View from {:.0f} degrees{}\" decoding=\"sync\" draggable=\"false\" src=\"data:{};base64,{}\">",
      frame.azimuth_deg, frame.generated ? ", generated" : "", media_type(frame), base64(frame.file));
  if (!frame.evidence.empty()) {
    out += fmt::format("<img class=\"evidence\" alt=\"{}\" draggable=\"false\" src=\"data:image/png;base64,{}\">",
                       html_escaped(frame.evidence_text), base64(frame.evidence));
  }
  out += "</div>";
  if (frame.generated) {
    out += "<figcaption>Generated";
    if (!frame.evidence.empty()) out += "<span>: " + html_escaped(frame.evidence_text) + "</span>";
    out += "</figcaption>";
  }
  return out + "</figure>\n";
}

}  // namespace

std::string spin_page(const SpinPage& page) {
  std::string views;
  const auto frames = by_azimuth(page.frames);
  for (const SpinFrame* frame : frames) views += figure(*frame);
  const cv::Size shown = frames[0]->picture.size();
  const int width = page.width > 0 ? page.width : shown.width;
  const auto height = std::lround(double(width) * shown.height / shown.width);
  return filled_template("spin.html", {{"TITLE", html_escaped(page.title)},
                                       {"WIDTH", std::to_string(width)},
                                       {"HEIGHT", std::to_string(height)},
                                       {"VIEWS", std::move(views)}});
}

}  // namespace spinfill
