// SPDX-License-Identifier: Apache-2.0
#include "data/spins/photo_inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/statistics.h"
#include "data/pictures/canonical.h"
#include "data/pictures/letterbox.h"
#include "data/sets/set_pictures.h"
#include "data/spins/hull_agreement.h"
#include "data/spins/hull_overlay.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr int kShownWidth = 960;  // px; larger photographs are shrunk

cv::Mat shown(const cv::Mat& rgba) {
  if (rgba.cols <= kShownWidth) return rgba;
  const double height = std::round(double(rgba.rows) * kShownWidth / rgba.cols);
  const Letterbox shrink = fit(rgba.cols, rgba.rows, kShownWidth, std::max(1, static_cast<int>(height)));
  return straight(resample(premultiplied(rgba), shrink));
}

OverlayRow overlay_row(const std::string& title, const std::vector<cv::Mat>& pictures, const HullSilhouettes& hull,
                       const std::vector<std::string>& captions) {
  OverlayRow row{title, {}};
  for (std::size_t i = 0; i < pictures.size(); ++i)
    row.cells.push_back({pictures[i], hull.hull[i], hull.mask[i], captions[i]});
  return row;
}

// Everything of the set that both hulls, before and after, are made from; one entry per view.
struct Photographs {
  std::vector<SpinPicture> masks;
  std::vector<cv::Mat> pictures;      // 8-bit RGBA
  std::vector<Camera> before, after;  // canonical turntable, estimated
  std::vector<bool> trusted;
};

Photographs photographs(const ViewSet& set, const Stabilisation& stabilisation) {
  Photographs out;
  for (std::size_t i = 0; i < set.frames.size(); ++i) {
    const Frame& frame = set.frames[i];
    out.masks.push_back(spin_picture(set, frame));
    out.pictures.push_back(read_masked_picture(set, frame));
    out.before.push_back(turntable_camera(Turntable{}, frame.azimuth_deg, set.width, set.height));
    out.after.push_back(stabilisation.views[i].camera);
    out.trusted.push_back(stabilisation.views[i].trusted);
  }
  return out;
}

// Fills in the views' scores and the overlay.
void score_and_draw(const ViewSet& set, const Photographs& photos, PhotoInspection& out) {
  const std::vector<bool> all(set.frames.size(), true);
  const HullSilhouettes before = hull_silhouettes(photos.masks, photos.before, all),
                        after = hull_silhouettes(photos.masks, photos.after, photos.trusted);
  std::vector<std::string> captions_before, captions_after;
  for (std::size_t i = 0; i < set.frames.size(); ++i) {
    const StabilisedView& view = out.stabilisation.views[i];
    InspectedView seen{set.frames[i].file_path, set.frames[i].azimuth_deg, view,
                       silhouette_overlap(before.hull[i], before.mask[i]),
                       silhouette_overlap(after.hull[i], after.mask[i])};
    captions_before.push_back(fmt::format("{:.1f} deg   IoU {:.3f}", seen.stated_azimuth_deg, seen.iou_before));
    captions_after.push_back(fmt::format("{:.1f} deg   IoU {:.3f}{}", view.azimuth_deg, seen.iou_after,
                                         view.trusted ? "" : "   not trusted"));
    out.views.push_back(std::move(seen));
  }
  out.overlay =
      hull_overlay({overlay_row(fmt::format("Before: canonical turntable, mean IoU {:.3f}", out.mean_iou(false)),
                                photos.pictures, before, captions_before),
                    overlay_row(fmt::format("After: estimated cameras, mean IoU {:.3f}", out.mean_iou(true)),
                                photos.pictures, after, captions_after)});
}

}  // namespace

double PhotoInspection::mean_iou(bool after) const {
  double sum = 0;
  for (const InspectedView& view : views) sum += after ? view.iou_after : view.iou_before;
  return views.empty() ? 0 : sum / static_cast<double>(views.size());
}

PhotoInspection inspect_photos(const ViewSet& given) {
  ViewSet set = given;
  std::ranges::stable_sort(set.frames, {}, &Frame::azimuth_deg);
  PhotoInspection out;
  out.title = set.id;
  out.stabilisation = stabilise_set(set);
  const Photographs photos = photographs(set, out.stabilisation);
  score_and_draw(set, photos, out);
  const CanonicalSpin common = canonical_spin(photos.after, photos.pictures);
  for (std::size_t i = 0; i < set.frames.size(); ++i) {
    const cv::Mat& picture = photos.pictures[i];
    out.raw.push_back({wrapped_deg(set.frames[i].azimuth_deg), shown(picture)});
    const double azimuth = out.stabilisation.views[i].azimuth_deg;
    const cv::Mat placed = onto_canonical(picture, photos.after[i], common.camera(azimuth), common.ground_z);
    out.steady.push_back({wrapped_deg(azimuth), shown(placed)});
  }
  return out;
}

std::string to_line(const InspectedView& view) {
  const ViewCorrection& c = view.stabilised.correction;
  return fmt::format(
      "{}: {:.1f} -> {:.1f} degrees, elevation {:.1f}, scale {:.3f}, shift {:+.3f} {:+.3f}, roll {:+.2f}, "
      "residual {:.4f}, IoU {:.3f} -> {:.3f}{}",
      view.file, view.stated_azimuth_deg, view.stabilised.azimuth_deg, view.stabilised.elevation_deg,
      std::exp(c.log_scale), c.shift_x, c.shift_y, c.roll / kDegree, view.stabilised.miss, view.iou_before,
      view.iou_after, view.stabilised.trusted ? "" : ", not trusted");
}

Json to_json(const PhotoInspection& inspection) {
  Json json = {{"id", inspection.title}};
  json.update(to_json(inspection.stabilisation));
  json["iou_before"] = rounded(inspection.mean_iou(false), 4);
  json["iou_after"] = rounded(inspection.mean_iou(true), 4);
  json["frames"] = Json::array();
  for (const InspectedView& view : inspection.views) {
    Json frame = {{"file_path", view.file}, {"stated_azimuth_deg", view.stated_azimuth_deg}};
    frame.update(cue_to_json(view.stabilised));
    frame["residual"] = rounded(view.stabilised.miss, 6);
    frame["trusted"] = view.stabilised.trusted;
    frame["iou_before"] = rounded(view.iou_before, 4);
    frame["iou_after"] = rounded(view.iou_after, 4);
    json["frames"].push_back(frame);
  }
  return json;
}

}  // namespace spinfill
