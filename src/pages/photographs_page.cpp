// SPDX-License-Identifier: Apache-2.0
#include "pages/photographs_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/pictures/picture.h"
#include "data/sets/slots.h"
#include "geometry/angles.h"
#include "pages/html.h"
#include "pages/shown_pictures.h"
#include "pages/template.h"

namespace spinfill {
namespace {

constexpr double kCentre = 130, kRing = 92;  // of the compass, SVG units
constexpr double kGapDeg = 60;               // a wider one is drawn

// Where a camera at an azimuth stands, seen from above: the front, 0°, looks down, the vehicle's left, 90°, right.
std::string place(double azimuth_deg, double radius) {
  return fmt::format("{:.1f} {:.1f}", kCentre + radius * std::sin(azimuth_deg * kDegree),
                     kCentre + radius * std::cos(azimuth_deg * kDegree));
}

std::string arc(double from_deg, double to_deg) {
  const double wide = to_deg - from_deg;
  return fmt::format("<path class=\"gap\" d=\"M {} A {:.0f} {:.0f} 0 {} 0 {}\"/>\n", place(from_deg, kRing), kRing,
                     kRing, wide > 180 ? 1 : 0, place(to_deg, kRing));
}

std::string gaps(const WalkaroundReport& report) {
  const std::vector<double> used = report.used_deg();
  std::string out;
  for (std::size_t i = 0; i < used.size(); ++i) {
    const double next = i + 1 < used.size() ? used[i + 1] : used[0] + 360;
    if (used.size() > 1 && next - used[i] > kGapDeg) out += arc(used[i] + 4, next - 4);
  }
  return out;
}

std::string compass(const WalkaroundReport& report) {
  std::string out;
  for (int slot = 0; slot < kSlots; ++slot) {
    const int azimuth = azimuth_of(slot);
    out +=
        fmt::format("<path class=\"tick\" d=\"M {} L {}\"/><text x=\"{:.1f}\" y=\"{:.1f}\">{}°</text>\n",
                    place(azimuth, kRing - 5), place(azimuth, kRing + 5), kCentre + 116 * std::sin(azimuth * kDegree),
                    kCentre + 116 * std::cos(azimuth * kDegree) + 4, azimuth);
  }
  out += gaps(report);
  for (const PhotographFate fate : {PhotographFate::spare, PhotographFate::further, PhotographFate::used}) {
    for (std::size_t i = 0; i < report.photographs.size(); ++i) {
      const PhotographReport& one = report.photographs[i];
      if (one.fate != fate) continue;
      const double x = kCentre + kRing * std::sin(*one.azimuth_deg * kDegree);
      const double y = kCentre + kRing * std::cos(*one.azimuth_deg * kDegree);
      out += fmt::format(
          "<g class=\"{}\"><circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"/><title>{}: {:.0f}°, confidence "
          "{:.2f}</title></g>\n",
          name_of(fate), x, y, fate == PhotographFate::used ? 8 : 5, html_escaped(one.file), *one.azimuth_deg,
          one.confidence);
    }
  }
  return out;
}

// What the mask leaves out is pale.
cv::Mat with_mask(const cv::Mat& rgb, const cv::Mat& mask) {
  cv::Mat out(rgb.size(), CV_8UC3);
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      const auto& pixel = rgb.at<cv::Vec3b>(y, x);
      const int alpha = mask.at<uchar>(y, x), grey = (54 * pixel[0] + 183 * pixel[1] + 19 * pixel[2]) / 256;
      const int ground[] = {170 + grey * 60 / 255, 175 + grey * 60 / 255, 190 + grey * 60 / 255};
      for (int c = 0; c < 3; ++c)
        out.at<cv::Vec3b>(y, x)[c] = static_cast<uchar>((pixel[c] * alpha + ground[c] * (255 - alpha)) / 255);
    }
  }
  return out;
}

std::string embedded(const std::string& file, const char* kind, const cv::Mat& rgb) {
  return fmt::format("<img alt=\"{}, {}\" width=\"{}\" height=\"{}\" src=\"{}\">", html_escaped(file), kind, rgb.cols,
                     rgb.rows, picture_address(rgb));
}

std::string verdict(const PhotographReport& one) {
  if (one.trouble == Trouble::none) return {};
  return fmt::format(" <span class=\"verdict\">{}: {}</span>", name_of(one.verdict), name_of(one.trouble));
}

std::string card(const PhotographReport& one) {
  std::string facts = one.azimuth_deg ? fmt::format("{:.0f}°, confidence {:.2f}", *one.azimuth_deg, one.confidence)
                                      : std::string("no azimuth");
  return fmt::format(
      "<article class=\"{0}\"><div class=\"pair\">{1}{2}</div>\n<h3>{3}</h3><p><b>{0}</b>{6} · {4}</p>{5}</article>\n",
      name_of(one.fate), embedded(one.file, "as it came", one.preview),
      embedded(one.file, "its mask", with_mask(one.preview, one.mask)), html_escaped(one.file), facts,
      one.why.empty() ? "" : "<p class=\"why\">" + html_escaped(one.why) + "</p>", verdict(one));
}

std::string left_out(const WalkaroundReport& report) {
  if (report.left_out.empty()) return {};
  std::string out = "<h2>Other files</h2>\n<ul>\n";
  for (const LeftOut& file : report.left_out)
    out += fmt::format("<li>{}: {}</li>\n", html_escaped(file.file), html_escaped(file.why));
  return out + "</ul>\n";
}

std::string films(const WalkaroundReport& report) {
  std::string out;
  for (const FilmFrames& film : report.films)
    out += fmt::format("<p>{}: the sharpest {} of {} pictures, spread over {:.1f} s by how far they move{}</p>\n",
                       html_escaped(film.file), film.chosen.size(), film.pictures, film.seconds,
                       film.range == DynamicRange::standard ? "" : "; " + range_told(film.range));
  return out;
}

}  // namespace

std::string photographs_page(const WalkaroundReport& report) {
  std::vector<const PhotographReport*> order;
  for (const PhotographReport& one : report.photographs) order.push_back(&one);
  // Used ones round the vehicle from the front on, then further ones, spare ones, then those that were refused.
  const auto from_front = [](const PhotographReport* one) {
    const double azimuth = one->azimuth_deg.value_or(0);
    return nearest_slot(azimuth) == 0 && azimuth > 180 ? azimuth - 360 : azimuth;
  };
  std::ranges::stable_sort(order, [&](const PhotographReport* a, const PhotographReport* b) {
    return a->fate != b->fate ? a->fate < b->fate : from_front(a) < from_front(b);
  });
  std::string cards;
  for (const PhotographReport* one : order) cards += card(*one);
  const auto count = [&](PhotographFate fate) {
    return std::ranges::count(report.photographs, fate, &PhotographReport::fate);
  };
  return filled_template(
      "photographs.html",
      {{"TITLE", html_escaped(report.title)},
       {"FACTS",
        fmt::format(
            "{} photographs: {} used, {} further, {} spare, {} refused; the widest gap between used ones is {:.0f}°",
            report.photographs.size(), count(PhotographFate::used), count(PhotographFate::further),
            count(PhotographFate::spare), count(PhotographFate::refused), widest_gap(report.used_deg()))},
       {"DOUBT", report.doubt.empty() ? "" : "<p class=\"why\">" + html_escaped(report.doubt) + "</p>\n"},
       {"ORDER", report.order == ShootingOrder::untold
                     ? ""
                     : "<p>Order: " + html_escaped(told_in_words(report.order)) + "</p>\n"},
       {"FILMS", films(report)},
       {"COMPASS", compass(report)},
       {"CARDS", cards},
       {"OTHERS", left_out(report)}});
}

void write_photographs_page(const WalkaroundReport& report, const fs::path& file) {
  write_file_atomic(file, photographs_page(report));
}

}  // namespace spinfill
