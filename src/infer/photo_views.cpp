// SPDX-License-Identifier: Apache-2.0
#include "infer/photo_views.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/ranges.h>
#include <opencv2/imgproc.hpp>

#include "core/log.h"
#include "data/photo/framing.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/picture.h"
#include "data/sets/view_camera.h"

namespace spinfill {
namespace {

// The generated matte is soft over several photo pixels: it takes away only what it holds to be clearly outside, so
// that the hull's own sharp outline stays where both agree. Of 0.3 and 0.5, chosen on three photographed cars
// (experiments/photo-resolution).
constexpr float kOutside = 0.3F, kSlope = 6;
constexpr float kThin = 0.05F;    // coverage below which a generated pixel has no colour of its own
constexpr double kLarger = 1.25;  // photographs that much larger than the model's pictures show more

float clamped(float x) {
  return std::clamp(x, 0.0F, 1.0F);
}

// Every view that the set lacks is asked for.
ViewSet with_all_asked(const ViewSet& set, const Turntable& turntable) {
  ViewSet out = set;
  for (int slot = 0; slot < kSlots; ++slot) {
    if (set.frame_at(slot) != nullptr || set.missing_at(slot) != nullptr) continue;
    out.missing.emplace_back();
    out.missing.back().azimuth_deg = azimuth_of(slot);
  }
  return with_every_camera(out, turntable);
}

cv::Mat on_background(const cv::Mat& rgba, const std::vector<double>& background) {
  const cv::Scalar ground(255 * background[0], 255 * background[1], 255 * background[2]);
  cv::Mat out;
  cv::cvtColor(on_plain_ground(rgba, rgba.size(), ground), out, cv::COLOR_RGB2RGBA);
  return out;
}

double rounded(double share) {
  return std::round(1e4 * share) / 1e4;
}

}  // namespace

Json to_json(const Evidence& evidence) {
  return {{"seen", rounded(evidence.seen)},
          {"mirrored", rounded(evidence.mirrored)},
          {"invented", rounded(evidence.invented)}};
}

DetailedView with_photo_detail(const cv::Mat& generated, const PhotoWarp& warp) {
  const cv::Rect inside = warp.window & cv::Rect(0, 0, generated.cols, generated.rows);
  cv::Mat own(warp.window.size(), CV_32FC4, cv::Scalar::all(0)), out(warp.window.size(), CV_32FC4),
      map(warp.window.size(), CV_32FC4);
  std::array<double, 3> sums{};  // seen, mirrored, invented
  if (!inside.empty()) premultiplied(generated(inside)).copyTo(own(inside - warp.window.tl()));
  for (int y = 0; y < out.rows; ++y) {
    const auto* seen = warp.colour.ptr<cv::Vec3f>(y);
    const auto *hull = warp.alpha.ptr<float>(y), *trust = warp.trust.ptr<float>(y),
               *mirrored = warp.mirrored.ptr<float>(y);
    const auto* model = own.ptr<cv::Vec4f>(y);
    auto *to = out.ptr<cv::Vec4f>(y), *from = map.ptr<cv::Vec4f>(y);
    for (int x = 0; x < out.cols; ++x) {
      const float matte = model[x][3], alpha = std::min(hull[x], clamped((matte - kOutside) * kSlope + 0.5F));
      const float share = matte > kThin ? trust[x] : 1;
      for (int c = 0; c < 3; ++c)
        to[x][c] = alpha * clamped(share * seen[x][c] + (share < 1 ? (1 - share) * model[x][c] / matte : 0));
      to[x][3] = alpha;
      const std::array<float, 3> parts = {trust[x] * (1 - mirrored[x]), trust[x] * mirrored[x], 1 - trust[x]};
      for (std::size_t k = 0; k < 3; ++k) sums[k] += alpha * parts[k];
      for (int c = 0; c < 3; ++c) {
        float value = 0;
        for (std::size_t k = 0; k < 3; ++k)
          value += parts[k] * kEvidenceColours[k][static_cast<std::size_t>(c)] / 255.0F;
        from[x][c] = alpha * value;
      }
      from[x][3] = alpha;
    }
  }
  const double all = std::max(sums[0] + sums[1] + sums[2], 1e-9);
  return {picture_of(out, warp.window, generated.cols, generated.rows),
          {sums[0] / all, sums[1] / all, sums[2] / all, picture_of(map, warp.window, generated.cols, generated.rows)}};
}

bool shows_more(const Letterbox& fitted) {
  return fitted.scale * kLarger < 1;
}

GeneratedViews photo_views(const LoadedModel& model, const ViewSet& set, const SlotPictures& pictures,
                           const RunnerOptions& options, const PhotoGeometry* known) {
  const DataConfig& data = model.config.data;
  const ViewSet asked = with_all_asked(set, data.turntable.turntable);
  const SlotBoxes boxes = known != nullptr ? known->boxes : hull_boxes(asked, pictures);
  const auto fits = framed_on_vehicle(asked, boxes, data);
  const Letterbox whole = fit(set.width, set.height, static_cast<int>(data.width), static_cast<int>(data.height));
  if (!shows_more(fits ? fits->front() : whole)) return generate_views(model, set, options);
  RunnerOptions with_alpha = options;
  with_alpha.opaque = false;
  GeneratedViews out = generate_views(model, asked, with_alpha, fits ? &*fits : nullptr);
  std::optional<PhotoHull> own;
  if (known == nullptr) own.emplace(asked, pictures, boxes);
  const PhotoHull& hull = known != nullptr ? known->hull : *own;
  std::vector<int> without;
  // One after another, so that memory does not grow with their number.
  const auto steps = static_cast<std::int64_t>(1 + out.views.size());
  std::int64_t done = 0;
  for (GeneratedView& view : out.views) {
    if (options.carried) options.carried(++done, steps);
    const bool known_warp = known != nullptr && !view.correction;
    const auto warp = known_warp ? known->warps[static_cast<std::size_t>(view.slot)]
                                 : hull.warp(view.slot, view.correction ? &*view.correction : nullptr);
    if (warp) {
      DetailedView detailed = with_photo_detail(view.picture, *warp);
      view.picture = std::move(detailed.picture);
      view.evidence = std::move(detailed.evidence);
    } else {
      without.push_back(azimuth_of(view.slot));
    }
    if (options.opaque) view.picture = on_background(view.picture, data.background);
  }
  if (options.carried) options.carried(steps, steps);
  if (!without.empty())
    log_warning("{}: masks and cameras have no body in common at {}: there the model's picture is delivered, enlarged",
                set.id, fmt::join(without, ", "));
  return out;
}

}  // namespace spinfill
