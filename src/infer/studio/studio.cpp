// SPDX-License-Identifier: Apache-2.0
#include "infer/studio/studio.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "core/log.h"
#include "core/progress.h"
#include "data/pictures/heif.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/picture.h"
#include "data/pictures/similarity.h"
#include "data/pictures/xmp.h"
#include "data/sets/picture_folder.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "infer/studio/background.h"
#include "infer/studio/ground_shadow.h"
#include "pages/contact_sheet.h"
#include "pages/spin_page.h"

namespace spinfill {
namespace {

constexpr std::size_t kShadowViews = 16;  // no more are needed for a hull
constexpr int kMaskWidth = 640;           // px, of masks that are kept
constexpr int kEmbeddedPx = 1600;         // width of the pictures within spin.html, at most
constexpr int kCellPx = 480;              // and on the contact sheet
constexpr uchar kSeen = 128;
constexpr double kMostOff = 0.05;  // of a picture's height: more is no estimate's error

// What is kept of a view while the others are read: pictures are read again when they are composed, so that memory does
// not grow with their number.
struct StudioView {
  Frame frame;
  bool generated = false;
  cv::Rect box;  // of what is seen, px
  cv::Mat mask;  // 8-bit coverage, reduced
};

std::string stem_of(const StudioView& view) {
  return fs::path(view.frame.file_path).stem().string();
}

StudioView looked_at(const ViewSet& set, const Frame& frame, const Json& description) {
  const std::string where = (set.folder / frame.file_path).string();
  if (!frame.camera) fail("{}: transforms.json states no camera for it: complete the spin first", where);
  const auto generated = description.find("generated");
  if (generated == description.end() || !generated->is_boolean())
    fail("{}: transforms.json does not say whether it was generated: give a folder that spinfill complete wrote",
         where);
  StudioView view{frame, generated->get<bool>(), {}, {}};
  cv::Mat alpha;
  cv::extractChannel(read_cut_out_picture(set, frame), alpha, 3);
  view.box = cv::boundingRect(cv::Mat(alpha >= kSeen));
  const int width = std::min(kMaskWidth, alpha.cols);
  cv::resize(alpha, view.mask, cv::Size(width, std::max(1, alpha.rows * width / alpha.cols)), 0, 0, cv::INTER_AREA);
  return view;
}

// By azimuth.
std::vector<StudioView> views_of(const ViewSet& set) {
  const Json description = read_json(set.folder / "transforms.json");
  std::vector<StudioView> views;
  std::set<std::string> names;
  Progress progress("reading", std::ssize(set.frames), "views");
  for (std::size_t i = 0; i < set.frames.size(); ++i) {  // in the file's order
    views.push_back(looked_at(set, set.frames[i], description["frames"].at(i)));
    if (!names.insert(stem_of(views.back())).second)
      fail("{}: two views are called {}: name them apart", set.folder.string(), stem_of(views.back()));
    progress.update(std::ssize(views));
  }
  std::ranges::stable_sort(views, {}, [](const StudioView& view) { return view.frame.azimuth_deg; });
  return views;
}

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

// 8 bits, straight RGBA; opaque unless the background is transparent.
cv::Mat composed(const cv::Mat& vehicle, const cv::Mat& darkness, const StudioBackground& background,
                 const Camera& camera) {
  if (background.transparent()) {
    cv::Mat out = vehicle.clone();
    for (int y = 0; y < out.rows; ++y)
      for (int x = 0; x < out.cols; ++x) {
        float& alpha = out.at<cv::Vec4f>(y, x)[3];
        alpha += (1 - alpha) * darkness.at<float>(y, x);
      }
    return straight(out);
  }
  cv::Mat out = background.picture(camera), bytes;
  for (int y = 0; y < out.rows; ++y) {
    for (int x = 0; x < out.cols; ++x) {
      auto& pixel = out.at<cv::Vec3f>(y, x);
      const auto& over = vehicle.at<cv::Vec4f>(y, x);
      const float light = (1 - darkness.at<float>(y, x)) * (1 - over[3]);
      for (int c = 0; c < 3; ++c) pixel[c] = over[c] + light * pixel[c];
    }
  }
  out.convertTo(bytes, CV_8UC3, 255);
  cv::cvtColor(bytes, bytes, cv::COLOR_RGB2RGBA);
  return bytes;
}

std::string by_opencv(const cv::Mat& rgba, const char* ending, int option, int quality, bool with_alpha) {
  cv::Mat bgr;
  cv::cvtColor(rgba, bgr, with_alpha ? cv::COLOR_RGBA2BGRA : cv::COLOR_RGBA2BGR);
  std::vector<uchar> bytes;
  if (!cv::imencode(ending, bgr, bytes, {option, quality}))
    fail("a picture of {}x{} px cannot be encoded as {}", rgba.cols, rgba.rows, ending);
  return {bytes.begin(), bytes.end()};
}

std::string encoded(const cv::Mat& rgba, StudioFormat format, int quality, bool with_alpha, const std::string& packet) {
  const auto marked = [&](std::string file) { return packet.empty() ? file : with_xmp(file, packet); };
  switch (format) {
    case StudioFormat::png: {
      cv::Mat rgb;
      if (!with_alpha) cv::cvtColor(rgba, rgb, cv::COLOR_RGBA2RGB);
      return marked(encode_png(with_alpha ? rgba : rgb));
    }
    case StudioFormat::webp: return marked(by_opencv(rgba, ".webp", cv::IMWRITE_WEBP_QUALITY, quality, with_alpha));
    case StudioFormat::jpeg: return marked(by_opencv(rgba, ".jpg", cv::IMWRITE_JPEG_QUALITY, quality, false));
    case StudioFormat::avif: return encode_avif(rgba, quality, with_alpha, packet);
  }
  fail("no such format");
}

std::string ending_of(StudioFormat format) {
  return format == StudioFormat::jpeg ? ".jpg" : "." + std::string(name_of(format));
}

// As many views as a hull needs, evenly from all.
GroundShadow shadow_of(const std::vector<StudioView>& views) {
  std::vector<cv::Mat> masks;
  std::vector<Camera> cameras;
  const std::size_t count = std::min(kShadowViews, views.size());
  for (std::size_t i = 0; i < count; ++i) {
    const StudioView& view = views[i * views.size() / count];
    masks.push_back(view.mask);
    cameras.push_back(*view.frame.camera);
  }
  return {masks, cameras};
}

// The camera moved up or down by what its estimate is off, so that the shadow begins where the tyres of this view end.
Camera standing_at(double bottom, Camera camera, const GroundShadow& shadow) {
  const double most = kMostOff * camera.height;
  camera.cy += std::clamp(bottom - shadow.contact_row(camera), -most, most);
  return camera;
}

void check_options(const StudioOptions& o) {
  if (!(o.shadow >= 0 && o.shadow <= 1)) fail_usage("--shadow {}: give a number from 0 to 1", o.shadow);
  if (!(o.fill > 0 && o.fill <= 1)) fail_usage("--fill {}: give a number above 0, up to 1", o.fill);
  if (o.background == "transparent" && o.format == StudioFormat::jpeg)
    fail_usage("--background transparent: JPEG holds no transparency: take png, webp or avif");
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
          {"generated", spin.generated}};
}

StudioSpin finish_in_studio(const fs::path& spin, const fs::path& out, const StudioOptions& options) {
  check_options(options);
  const bool has_file = fs::is_regular_file(options.background);
  OutputFolder output{out, "studio", options.replace, {spin}};
  if (has_file) output.inputs.emplace_back(options.background);
  AtomicFolder folder(output);
  const ViewSet set = read_view_set(spin);
  StudioSpin done{
      set.id, options.width > 0 ? options.width : set.width, options.height > 0 ? options.height : set.height, {}, {}};
  const StudioBackground background(options.background, done.width, done.height);
  const std::vector<StudioView> views = views_of(set);
  const CommonFrame frame = common_frame(views, done.width, done.height, options.fill);
  if (frame.scale > 1.01)
    log_warning("{}: the views are enlarged by {:.2f}: a smaller --size or --fill keeps them sharp", spin.string(),
                frame.scale);
  const std::optional<GroundShadow> shadow = options.shadow > 0 ? std::optional(shadow_of(views)) : std::nullopt;
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
    const cv::Mat vehicle = placed(read_cut_out_picture(set, view.frame), frame, done.width, done.height);
    const double bottom = frame.scale * (view.box.y + view.box.height - frame.y) + done.height / 2.0;
    cv::Mat darkness(vehicle.size(), CV_32F, cv::Scalar(0));
    if (shadow) darkness = options.shadow * shadow->darkness(standing_at(bottom, camera, *shadow));
    const cv::Mat picture = composed(vehicle, darkness, background, camera);
    const auto file = [&](const cv::Mat& rgba, StudioFormat format) {
      return encoded(rgba, format, options.quality, background.transparent(),
                     view.generated ? machine_made_xmp() : std::string());
    };
    const std::string name = stem_of(view) + ending_of(options.format);
    write_file_atomic(folder.path() / name, file(picture, options.format));
    done.files.push_back(name);
    if (view.generated) done.generated.push_back(name);
    page.frames.push_back({view.frame.azimuth_deg, view.generated,
                           file(reduced(picture, kEmbeddedPx), StudioFormat::webp), reduced(picture, kCellPx), "", ""});
    made.frames.push_back({name, view.frame.azimuth_deg, view.frame.stated_azimuth_deg, camera, "", "", "", {}});
    progress.update(std::ssize(done.files));
  }
  Json description = transforms_to_json(made);
  for (std::size_t i = 0; i < views.size(); ++i) description["frames"][i]["generated"] = views[i].generated;
  description["background"] = has_file ? fs::path(options.background).filename().string() : options.background;
  write_json_atomic(folder.path() / "transforms.json", description);
  write_file_atomic(folder.path() / "spin.html", spin_page(page));
  write_png(folder.path() / "contact_sheet.png", contact_sheet(page.frames, std::clamp(done.width, 160, kCellPx)));
  folder.commit();
  return done;
}

}  // namespace spinfill
