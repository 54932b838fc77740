// SPDX-License-Identifier: Apache-2.0
#include "pages/photo_inspection_page.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "geometry/angles.h"
#include "pages/html.h"
#include "pages/template.h"

namespace spinfill {
namespace {

std::string stage(const std::vector<InspectedPicture>& frames, const std::string& id, const std::string& kind) {
  if (frames.empty()) fail("inspection page: no frames");
  std::string out = fmt::format("<div class=\"stage\" id=\"{}\" style=\"aspect-ratio:{}/{}\"><div class=\"fade\">\n",
                                id, frames[0].picture.cols, frames[0].picture.rows);
  for (const InspectedPicture& frame : frames) {
    out += fmt::format(
        "<img data-azimuth=\"{}\" alt=\"{}, {:.0f} degrees\" draggable=\"false\" src=\"data:image/png;base64,{}\">\n",
        frame.azimuth_deg, kind, frame.azimuth_deg, base64(encode_png(frame.picture)));
  }
  return out + "</div></div>\n";
}

// With its sign; never "-0.00".
std::string departure(double value) {
  return fmt::format("{:+.2f}", std::round(100 * value) / 100 + 0.0);
}

std::string row(const InspectedView& view) {
  const StabilisedView& s = view.stabilised;
  const ViewCorrection& c = s.correction;
  return fmt::format(
      "<tr{}><th scope=\"row\">{}</th><td>{:.1f}°</td><td>{:.1f}°</td><td>{:.1f}°</td><td>{:.3f}</td>"
      "<td>{} %, {} %</td><td>{}°</td><td>{:.4f}</td><td>{:.3f}</td><td>{:.3f}</td><td>{}</td></tr>\n",
      s.trusted ? "" : " class=\"doubted\"", html_escaped(view.file), view.stated_azimuth_deg, s.azimuth_deg,
      s.elevation_deg, std::exp(c.log_scale), departure(100 * c.shift_x), departure(100 * c.shift_y),
      departure(c.roll / kDegree), s.miss, view.iou_before, view.iou_after, s.trusted ? "yes" : "no");
}

}  // namespace

std::string photo_inspection_page(const PhotoInspection& inspection) {
  const Stabilisation& s = inspection.stabilisation;
  std::string rows, notes;
  for (const InspectedView& view : inspection.views) rows += row(view);
  rows += fmt::format(
      "<tr class=\"mean\"><th scope=\"row\">mean</th><td></td><td></td><td></td><td></td><td></td><td></td>"
      "<td>{:.4f}</td><td>{:.3f}</td><td>{:.3f}</td><td></td></tr>\n",
      s.miss, inspection.mean_iou(false), inspection.mean_iou(true));
  for (const auto* list : {&s.warnings, &s.notes})
    for (const std::string& note : *list) notes += "<li>" + html_escaped(note) + "</li>\n";
  const std::string facts = fmt::format(
      "{} photographs, {}; elevation {:.1f}°, distance {:.2f} vehicle lengths; residual {:.4f} lengths, confidence "
      "{:.2f}",
      inspection.views.size(), s.hand_held ? "hand-held" : "a studio's", s.elevation_deg, s.distance, s.miss,
      s.confidence);
  return filled_template("photo_inspection.html",
                         {{"TITLE", html_escaped(inspection.title)},
                          {"FACTS", facts},
                          {"RAW", stage(inspection.raw, "raw", "As photographed")},
                          {"STEADY", stage(inspection.steady, "steady", "Stabilised")},
                          {"OVERLAY", base64(encode_png(inspection.overlay))},
                          {"ROWS", rows},
                          {"NOTES", notes.empty() ? "" : "<h2>Notes</h2>\n<ul>\n" + notes + "</ul>\n"}});
}

void write_photo_inspection(const PhotoInspection& inspection, const fs::path& folder) {
  write_png(folder / "overlay.png", inspection.overlay);
  write_file_atomic(folder / "index.html", photo_inspection_page(inspection));
}

}  // namespace spinfill
