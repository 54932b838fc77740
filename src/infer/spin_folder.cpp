// SPDX-License-Identifier: Apache-2.0
#include "infer/spin_folder.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/log.h"
#include "data/pictures/normal_picture.h"
#include "data/pictures/picture.h"
#include "data/pictures/xmp.h"
#include "data/sets/set_paths.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_camera.h"
#include "data/sets/view_set_writer.h"
#include "geometry/angles.h"
#include "pages/contact_sheet.h"
#include "pages/spin_page.h"

namespace spinfill {
namespace {

constexpr std::size_t kFewViews = 16;            // of which the page holds the files themselves
constexpr int kPagePx = 1024, kPreviewPx = 480;  // else: widths on the page, and of what stays in memory

std::string lower_extension(const std::string& file) {
  std::string extension = fs::path(file).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension;
}

// A view's name: "040", or to a tenth of a degree where that is not zero: "043.2".
std::string azimuth_name(double azimuth) {
  const int tenths = static_cast<int>(std::lround(wrapped_deg(azimuth) * 10)) % 3600;
  return tenths % 10 == 0 ? fmt::format("{:03}", tenths / 10) : fmt::format("{:03}.{}", tenths / 10, tenths % 10);
}

std::string title_of(const ViewSet& set) {
  return set.category.empty() || set.category == "unknown" ? set.id : fmt::format("{} ({})", set.id, set.category);
}

// The azimuth that the user gave, which an estimate corrects.
double stated_azimuth(const ViewCameras& chosen, const Frame& given) {
  if (!chosen.estimate) return given.azimuth_deg;
  return given.stated_azimuth_deg.value_or(given.azimuth_deg);
}

constexpr double kWidestSpread = 0.1;  // and above: the map's lightest colour

// What is dark lies the same in every draw, what is light differs; of the picture's coverage.
cv::Mat spread_map(const Spread& spread, const cv::Mat& picture) {
  cv::Mat bytes, coloured, rgba;
  spread.deviation.convertTo(bytes, CV_8U, 255 / kWidestSpread);
  cv::applyColorMap(bytes, coloured, cv::COLORMAP_INFERNO);
  cv::cvtColor(coloured, rgba, cv::COLOR_BGR2RGBA);
  cv::Mat alpha;
  cv::extractChannel(picture, alpha, 3);
  cv::insertChannel(alpha, rgba, 3);
  return rgba;
}

// "62 % seen, 30 % mirrored, 8 % invented"
std::string evidence_text(const Evidence& evidence) {
  return fmt::format("{:.0f} % seen, {:.0f} % mirrored, {:.0f} % invented", 100 * evidence.seen,
                     100 * evidence.mirrored, 100 * evidence.invented);
}

}  // namespace

bool SpinContents::primary() const {
  Slots taken;
  for (const auto* list : {&chosen.set.frames, &chosen.set.missing})
    for (const Frame& frame : *list) taken.set(static_cast<std::size_t>(frame.slot()));
  return taken.all() && views() == kSlots;
}

std::size_t SpinContents::views() const {
  const ViewSet& set = chosen.set;
  return set.frames.size() + (shows_further ? set.further.size() : 0) + set.missing.size();
}

bool SpinFolder::dense() const {
  return contents_.views() > kFewViews;
}

SpinFolder::SpinFolder(const SpinContents& contents, const fs::path& folder) : contents_(contents), folder_(folder) {
  const ViewSet& set = contents.chosen.set;
  const auto odd = [&](std::size_t i) { return i < contents.odd.size() ? contents.odd[i] : Oddities{}; };
  for (std::size_t i = 0; i < set.frames.size(); ++i)
    add_given(set.frames[i], contents.pictures.frames[static_cast<std::size_t>(set.frames[i].slot())], odd(i));
  for (std::size_t i = 0; contents.shows_further && i < set.further.size(); ++i)
    add_given(set.further[i], contents.pictures.further[i], odd(set.frames.size() + i));
}

// Copies a picture to the byte where every viewer shows it upright and it has the set's size; one that EXIF turns is
// delivered turned, one of another size scaled, one that many viewers cannot show in sRGB, as PNG.
std::string SpinFolder::copy(const std::string& file, const std::string& stem, bool fitted, std::string* bytes) {
  const fs::path from = set_path(contents_.chosen.set, file);
  std::string name = stem + lower_extension(file), copied = read_file(from, kMaxPictureFileBytes);
  if (fitted) {
    name = stem + ".png";
    copied = encode_png(fitted_to_set(contents_.chosen.set, decode_picture(copied, from.string())));
  } else if (const PictureSize size = picture_size(copied, from.string());
             size.orientation != 1 || !size.for_every_viewer) {
    name = stem + ".png";
    copied = upright_png(copied, from.string());
    (size.for_every_viewer ? turned_ : converted_).push_back(name);
  }
  write_file_atomic(folder_ / name, copied);
  if (bytes != nullptr) *bytes = std::move(copied);
  return name;
}

// Of large spins the page and the contact sheet hold the views reduced, so that memory and page stay small.
void SpinFolder::keep(Delivered view, const cv::Mat& picture, std::string file) {
  view.shown.picture = dense() ? reduced(picture, kPreviewPx).clone() : picture;
  view.shown.file = dense() && picture.cols > kPagePx ? encode_png(reduced(picture, kPagePx)) : std::move(file);
  views_.push_back(std::move(view));
}

void SpinFolder::add_given(const Frame& given, const cv::Mat& picture, const Oddities& odd) {
  const double stated = stated_azimuth(contents_.chosen, given);
  const bool primary = contents_.primary();
  Delivered out;
  out.frame.azimuth_deg = given.azimuth_deg;
  out.frame.camera =
      given.camera ? *given.camera : camera_towards(contents_.chosen.set, given.azimuth_deg, contents_.turntable);
  out.stated_azimuth_deg = stated;
  for (const OddReference& found : odd) out.odd.push_back(to_json(found));
  // The front comes first, not "360".
  const double shown = primary ? stated : given.azimuth_deg;
  out.shown.azimuth_deg = shown < 359.5 ? shown : 0;
  out.shown.first = primary && given.slot() == 0 && out.shown.azimuth_deg > 180;
  const std::string name = azimuth_name(primary ? azimuth_of(given.slot()) : given.azimuth_deg);
  if (!contents_.canonical) {
    if (!contents_.chosen.estimate) out.frame.stated_azimuth_deg = given.stated_azimuth_deg;
    std::string bytes;
    out.frame.file_path = copy(given.file_path, name, given.fitted.has_value(), &bytes);
    if (!given.mask_file_path.empty()) {
      out.frame.mask_file_path = copy(given.mask_file_path, name + "_mask", given.fitted.has_value(), nullptr);
      bytes = encode_png(picture);
    }
    keep(std::move(out), picture, std::move(bytes));
    return;
  }
  const Camera from = *out.frame.camera;
  out.frame.camera = contents_.canonical->camera(viewing_direction(from).azimuth_deg);
  const cv::Mat placed = onto_canonical(picture, from, *out.frame.camera, contents_.canonical->ground_z);
  std::string bytes = encode_png(placed);
  out.frame.file_path = name + ".png";
  write_file_atomic(folder_ / out.frame.file_path, bytes);
  keep(std::move(out), placed, std::move(bytes));
}

void SpinFolder::add(const GeneratedView& view) {
  Delivered out;
  out.frame = contents_.chosen.set.missing.at(view.asked);
  if (contents_.canonical)
    out.frame.camera = contents_.canonical->camera(viewing_direction(*out.frame.camera).azimuth_deg);
  const std::string name = azimuth_name(out.frame.azimuth_deg);
  out.frame.file_path = name + ".png";
  out.stated_azimuth_deg = out.frame.azimuth_deg;
  out.shown.generated = true;
  out.shown.azimuth_deg = out.frame.azimuth_deg < 359.5 ? out.frame.azimuth_deg : 0;
  if (view.evidence) {
    std::string map = encode_png(view.evidence->map);
    make_folder(folder_ / "evidence");
    write_file_atomic(folder_ / "evidence" / out.frame.file_path, map);
    out.evidence = to_json(*view.evidence);
    out.shown.evidence_text = evidence_text(*view.evidence);
    out.shown.evidence =
        dense() && view.picture.cols > kPagePx ? encode_png(reduced(view.evidence->map, kPagePx)) : std::move(map);
  }
  if (view.spread) {
    make_folder(folder_ / "spread");
    write_png(folder_ / "spread" / out.frame.file_path, spread_map(*view.spread, view.picture));
    out.spread = {{"rms", std::round(1e5 * view.spread->rms) / 1e5}, {"file_path", "spread/" + out.frame.file_path}};
  }
  if (!view.normals.empty()) {
    out.frame.normal_file_path = "normals/" + out.frame.file_path;
    make_folder(folder_ / "normals");
    write_file_atomic(folder_ / out.frame.normal_file_path, encode_normals(view.normals));
  }
  std::string bytes = with_xmp(encode_png(view.picture), machine_made_xmp());
  write_file_atomic(folder_ / out.frame.file_path, bytes);
  keep(std::move(out), view.picture, std::move(bytes));
}

void SpinFolder::add_surface(const std::string& ply) {
  surface_ = "surface.ply";
  write_file_atomic(folder_ / surface_, ply);
}

void SpinFolder::sort() {
  const bool primary = contents_.primary();
  std::ranges::stable_sort(
      views_, {}, [&](const Delivered& view) { return primary ? double(view.frame.slot()) : view.frame.azimuth_deg; });
}

ViewSet SpinFolder::views() {
  sort();
  ViewSet spin = contents_.chosen.set;
  spin.folder = folder_;
  spin.frames.clear();
  spin.missing.clear();
  spin.further.clear();
  for (const Delivered& view : views_) spin.frames.push_back(view.frame);
  return spin;
}

// That of a view set, and where its views and cameras come from.
Json SpinFolder::description(const ViewSet& spin) const {
  const ViewCameras& chosen = contents_.chosen;
  Json root = transforms_to_json(spin);
  // An estimate that the input stated is still one.
  root["cameras"] = name_of(spin.cameras_estimated ? CameraSource::estimated : chosen.source);
  // The key says that cameras are an estimate of the pictures as photographed (states_own_cameras()).
  const bool estimated = chosen.estimate && !contents_.canonical;
  if (estimated) root["stabilisation"] = to_json(*chosen.estimate);
  root["deliver"] = name_of(contents_.deliver());
  if (!surface_.empty()) root["ply_file_path"] = surface_;
  for (std::size_t i = 0; !contents_.shows_further && i < chosen.set.further.size(); ++i) {
    const Frame& frame = chosen.set.further[i];
    root["further"].push_back({{"file_path", frame.file_path}, {"azimuth_deg", frame.azimuth_deg}});
  }
  for (std::size_t i = 0; i < views_.size(); ++i) {
    const Delivered& view = views_[i];
    Json& frame = root["frames"][i];
    if (estimated && !view.shown.generated) frame["stated_azimuth_deg"] = view.stated_azimuth_deg;
    frame["generated"] = view.shown.generated;
    if (!view.odd.is_null()) frame["odd"] = view.odd;
    if (!view.spread.is_null()) frame["spread"] = view.spread;
    if (view.evidence.is_null()) continue;
    frame["evidence"] = view.evidence;
    frame["evidence"]["file_path"] = "evidence/" + view.frame.file_path;
  }
  return root;
}

SpinViews SpinFolder::finish(const Json& consistency) {
  ViewSet spin = views();
  const std::string identity = spin.identity_file_path;
  if (!identity.empty()) {
    spin.identity_file_path = "identity" + lower_extension(identity);
    write_file_atomic(folder_ / spin.identity_file_path,
                      read_file(set_path(contents_.chosen.set, identity), kMaxPictureFileBytes));
  }
  if (!converted_.empty())
    log_info("delivered as PNG, since many viewers show neither HEIC nor AVIF nor CMYK: {}",
             fmt::join(converted_, ", "));
  if (!turned_.empty()) log_info("turned upright as EXIF asks for, and delivered as PNG: {}", fmt::join(turned_, ", "));
  Json root = description(spin);
  if (!consistency.is_null()) root["consistency"] = consistency;
  write_json_atomic(folder_ / "transforms.json", root);

  SpinViews out;
  SpinPage page{title_of(spin), {}};
  for (Delivered& view : views_) {
    (view.shown.generated ? out.generated : out.given).push_back(view.stated_azimuth_deg);
    if (view.shown.generated)
      out.evidence.push_back(view.evidence.is_null() ? std::nullopt : std::optional(view.evidence));
    page.frames.push_back(std::move(view.shown));
  }
  if (dense()) page.width = std::min(spin.width, kPagePx);
  const int cell = dense() ? kPreviewPx / 2 : std::clamp(spin.width, 160, 480);
  write_png(folder_ / "contact_sheet.png", contact_sheet(page.frames, cell));
  write_file_atomic(folder_ / "spin.html", spin_page(page));
  return out;
}

}  // namespace spinfill
