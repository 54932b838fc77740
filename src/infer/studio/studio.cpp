// SPDX-License-Identifier: Apache-2.0
#include "infer/studio/studio.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "core/log.h"
#include "core/progress.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/picture.h"
#include "data/pictures/similarity.h"
#include "data/pictures/xmp.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "infer/studio/background.h"
#include "infer/studio/studio_view.h"
#include "pages/contact_sheet.h"
#include "pages/embed_page.h"
#include "pages/spin_page.h"

namespace spinfill {
namespace {

constexpr int kEmbeddedPx = 1600;  // width of the pictures within spin.html, at most
constexpr int kCellPx = 480;       // and on the contact sheet

// One crop and scale for all views: what any of them covers takes `fill` of the picture.
struct CommonFrame {
  double scale = 1, x = 0, y = 0;  // picture = scale·(spin − (x, y)) + its middle
};
CommonFrame common_frame(const std::vector<StudioView>& views, int width, int height, double fill) {
  cv::Rect all;
  for (const StudioView& view : views) all = all.empty() ? view.box : view.box.empty() ? all : all | view.box;
  if (all.empty()) fail("no view shows a vehicle");
  return {std::min(fill * width / all.width, fill * height / all.height), all.x + all.width / 2.0,
          all.y + all.height / 2.0};
}

Camera framed(const Camera& camera, const CommonFrame& frame, int width, int height) {
  Camera out = camera;
  out.fl_x *= frame.scale;
  out.fl_y *= frame.scale;
  out.cx = frame.scale * (camera.cx - frame.x) + width / 2.0;
  out.cy = frame.scale * (camera.cy - frame.y) + height / 2.0;
  out.width = width;
  out.height = height;
  return out;
}

// Premultiplied, where the common frame has it.
cv::Mat placed(const cv::Mat& rgba, const CommonFrame& frame, int width, int height) {
  Similarity similarity;
  similarity.linear *= frame.scale;
  similarity.offset = {width / 2.0 - frame.scale * frame.x, height / 2.0 - frame.scale * frame.y};
  return resample(premultiplied(rgba), similarity, width, height);
}

// The share of the turn, from the first view, at which the view of this index begins to be seen; 1 behind the last.
double turned_by(const std::vector<StudioView>& views, std::size_t index) {
  if (index >= views.size()) return 1;
  return (views[index].frame.azimuth_deg - views[0].frame.azimuth_deg) / 360;
}

EmbedPage embedding(const StudioSpin& spin) {
  const auto film = [&](const char* name) { return std::ranges::count(spin.films, name) > 0 ? name : ""; };
  return {spin.id, spin.width, spin.height, spin.files.front(), film("spin.mp4"), film("spin.gif")};
}

Json described(const ViewSet& made, const std::vector<StudioView>& views, const Json& exposure) {
  Json out = transforms_to_json(made);
  if (!exposure.is_null()) out["exposure"] = exposure;
  for (std::size_t i = 0; i < views.size(); ++i) {
    Json& one = out["frames"][i];
    one["generated"] = views[i].generated;
    if (const Json stops = to_json(views[i].exposure); !stops.is_null()) one["exposure"] = stops;
    if (!views[i].exposure.odd.empty()) one["exposure_odd"] = views[i].exposure.odd;
  }
  return out;
}

void check_options(const StudioOptions& o) {
  const auto is_share = [](double value) { return value >= 0 && value <= 1; };
  if (!is_share(o.ground.shadow)) fail_usage("--shadow {}: give a number from 0 to 1", o.ground.shadow);
  if (!is_share(o.ground.reflection)) fail_usage("--reflection {}: give a number from 0 to 1", o.ground.reflection);
  if (!(o.fill > 0 && o.fill <= 1)) fail_usage("--fill {}: give a number above 0, up to 1", o.fill);
  if (o.background == "transparent" && o.format == StudioFormat::jpeg)
    fail_usage("--background transparent: JPEG holds no transparency: take png, webp or avif");
  if (o.background == "transparent" && !o.films.formats.empty())
    fail_usage("--background transparent: films hold no transparency: leave out --film");
  check_film_options(o.films);
  const auto fits = [](int side) { return side == 0 || (side >= 16 && side <= kMaxPictureSide); };
  if (!fits(o.width) || !fits(o.height) || std::int64_t{o.width} * o.height > kMaxPicturePixels)
    fail_usage("--size {}x{}: from 16 to {} px a side and at most {} megapixels", o.width, o.height, kMaxPictureSide,
               kMaxPicturePixels / 1'000'000);
}

}  // namespace

Json to_json(const StudioSpin& spin) {
  return {{"id", spin.id},
          {"width", spin.width},
          {"height", spin.height},
          {"files", spin.files},
          {"generated", spin.generated},
          {"films", spin.films},
          {"exposure", spin.exposure}};
}

StudioSpin finish_in_studio(const fs::path& spin, const fs::path& out, const StudioOptions& options) {
  check_options(options);
  const bool has_file = fs::is_regular_file(options.background);
  OutputFolder output{out, "studio", options.replace, {spin}};
  if (has_file) output.inputs.emplace_back(options.background);
  AtomicFolder folder(output);
  const ViewSet set = read_view_set(spin);
  StudioSpin done;
  done.id = set.id;
  done.width = options.width > 0 ? options.width : set.width;
  done.height = options.height > 0 ? options.height : set.height;
  const StudioBackground background(options.background, done.width, done.height);
  std::vector<StudioView> views = studio_views(set);
  const CommonFrame frame = common_frame(views, done.width, done.height, options.fill);
  if (frame.scale > 1.01)
    log_warning("{}: the views are enlarged by {:.2f}: a smaller --size or --fill keeps them sharp", spin.string(),
                frame.scale);
  if (options.exposure == StudioExposure::common) done.exposure = level_exposures(set, views);
  const StudioGround ground(set, views, options.ground);
  TurntableFilms films(options.films, done.width, done.height);
  ViewSet made;
  made.folder = folder.path();
  made.id = set.id;
  made.category = set.category;
  made.source = set.source;
  made.licence = set.licence;
  made.width = done.width;
  made.height = done.height;
  SpinPage page{set.id, {}, std::min(done.width, kEmbeddedPx)};
  Progress progress("composing", std::ssize(views), "views");
  for (const StudioView& view : views) {
    const Camera camera = framed(*view.frame.camera, frame, done.width, done.height);
    const cv::Mat vehicle = placed(exposed_picture(set, view), frame, done.width, done.height);
    const double bottom = frame.scale * (view.box.y + view.box.height - frame.y) + done.height / 2.0;
    const cv::Mat picture = ground.under(vehicle, camera, bottom, background);
    const auto file = [&](const cv::Mat& rgba, StudioFormat format) {
      return encoded(rgba, format, options.quality, background.transparent(),
                     view.generated ? machine_made_xmp() : std::string());
    };
    const std::string name = view.stem() + ending_of(options.format);
    write_file_atomic(folder.path() / name, file(picture, options.format));
    done.files.push_back(name);
    if (view.generated) done.generated.push_back(name);
    const bool front = views.size() == kSlots && view.frame.slot() == 0 && view.frame.azimuth_deg > 180;
    page.frames.push_back({view.frame.azimuth_deg, view.generated, front,
                           file(reduced(picture, kEmbeddedPx), StudioFormat::webp), reduced(picture, kCellPx), "", ""});
    made.frames.push_back({name, view.frame.azimuth_deg, view.frame.stated_azimuth_deg, camera, "", "", "", {}});
    films.add(picture, turned_by(views, done.files.size()));
    progress.update(std::ssize(done.files));
  }
  done.films = films.write(folder.path(), !done.generated.empty());
  Json description = described(made, views, done.exposure);
  description["background"] = has_file ? fs::path(options.background).filename().string() : options.background;
  write_json_atomic(folder.path() / "transforms.json", description);
  write_file_atomic(folder.path() / "spin.html", spin_page(page));
  write_file_atomic(folder.path() / "embed.html", embed_page(embedding(done)));
  write_png(folder.path() / "contact_sheet.png", contact_sheet(page.frames, std::clamp(done.width, 160, kCellPx)));
  folder.commit();
  return done;
}

}  // namespace spinfill
