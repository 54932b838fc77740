// SPDX-License-Identifier: Apache-2.0
#include "pages/gallery.h"

#include <fmt/format.h>

#include "core/error.h"
#include "pages/html.h"
#include "pages/shown_pictures.h"

namespace spinfill {
namespace {

constexpr int kSmall = 200;  // px of width, below which pixels are shown as they are

std::string shot_figure(const GalleryShot& shot) {
  if (!shot.problem.empty())
    return fmt::format("<figure class=\"bad\">{}<figcaption>{}</figcaption></figure>\n", html_escaped(shot.problem),
                       html_escaped(shot.name));
  return fmt::format("<figure><img{} alt=\"{}\" src=\"{}\"><figcaption>{}</figcaption></figure>\n",
                     shot.small ? " class=\"small\"" : "", html_escaped(shot.name), shot.address,
                     html_escaped(shot.name));
}

}  // namespace

GalleryShot shot_of(std::string name, const cv::Mat& rgb) {
  return {std::move(name), picture_address(rgb), {}, rgb.cols < kSmall};
}

Json to_json(const GalleryView& view) {
  Json shots = Json::array();
  for (const GalleryShot& shot : view.shots)
    shots.push_back({{"name", shot.name}, {"address", shot.address}, {"problem", shot.problem}, {"small", shot.small}});
  return {{"title", view.title}, {"facts", view.facts}, {"shots", std::move(shots)}};
}

GalleryView gallery_view_from_json(const Json& value, const std::string& where) {
  try {
    GalleryView view{value.at("title"), value.at("facts"), {}};
    for (const Json& shot : value.at("shots"))
      view.shots.push_back({shot.at("name"), shot.at("address"), shot.at("problem"), shot.at("small")});
    return view;
  } catch (const Json::exception&) {
    fail("{}: not a view as evaluate draws it", where);
  }
}

std::string gallery(const std::string& title, const std::string& line, const std::vector<GalleryView>& views) {
  if (views.empty()) return {};
  std::string out =
      fmt::format("<h2>{}</h2>\n<p>{}</p>\n<div class=\"gallery\">\n", html_escaped(title), html_escaped(line));
  for (const GalleryView& view : views) {
    out += fmt::format("<article><h3>{}</h3><p>{}</p><div class=\"shots\">\n", html_escaped(view.title),
                       html_escaped(view.facts));
    for (const GalleryShot& shot : view.shots) out += shot_figure(shot);
    out += "</div></article>\n";
  }
  return out + "</div>\n";
}

}  // namespace spinfill
