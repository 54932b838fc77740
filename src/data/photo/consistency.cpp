// SPDX-License-Identifier: Apache-2.0
#include "data/photo/consistency.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/statistics.h"
#include "data/photo/photo_windows.h"
#include "data/pictures/letterbox.h"
#include "data/priors/surface_maps.h"
#include "geometry/camera_tensors.h"

namespace spinfill {
namespace {

constexpr int kCompared = 384;     // px, width
constexpr double kFrontal = 0.1;   // cos² of the angle to the normal, least
constexpr double kCovered = 0.98;  // coverage of a pixel that is wholly the vehicle's
constexpr double kMostPsnr = 100;  // dB

// A view, and what it sees of the hull.
struct Seen {
  Surface surface;
  References picture;  // it alone
  at::Tensor maps;     // reference_maps()
};

class Comparison {
 public:
  Comparison(const ViewSet& given, const SlotPictures& pictures)
      : small_(fit(given.width, given.height, std::min(kCompared, given.width),
                   std::max(1, static_cast<int>(std::lround(double(std::min(kCompared, given.width)) * given.height /
                                                            given.width))))) {
    config_ = photo_priors(2 * small_.to_width);  // a voxel about a pixel
    hull_ = carve_hull(references_of(photo_views_of(given, pictures)), hull_options(config_));
    // One reference whose weight is cos² alone: its confidence is ½ where that is kFrontal.
    options_ = warp_options(config_);
    options_.frontal_power = 2;
    options_.closeness = 0;
    options_.half_weight = kFrontal;
  }

  Seen look(const Frame& frame, const cv::Mat& picture) const {
    Seen out;
    out.picture = references_of({{&frame, &picture}});
    out.surface = march(hull_, out.picture.vehicle_from_camera, out.picture.intrinsics, height(), width());
    out.maps = reference_maps(out.surface, out.picture, 1, height(), width());
    return out;
  }

  // Adds what differs from `a` to `b`, in sums.
  void add(const Seen& a, const Seen& b, PairConsistency& sums) const {
    const Surface& surface = a.surface;
    if (surface.point.size(1) == 0) return;
    const Warped there = warp_colour(surface, hull_.slack(), b.picture, b.maps, false, options_);
    const at::Tensor own = surface.pixels.take(
        a.maps[0].select(0, 0).narrow(0, 0, 4).reshape({1, 4, height() * width()}).transpose(1, 2));  // [1,P,4]
    const at::Tensor alpha = own.select(2, 3), facing = -(surface.normal * surface.direction).sum(-1);
    const at::Tensor counted = (alpha >= kCovered) & (surface.coverage >= kCovered) &
                               (facing.clamp_min(0).square() >= kFrontal) & (there.confidence >= 0.5) &
                               surface.pixels.valid;
    const at::Tensor off = (own.narrow(2, 0, 3) / alpha.clamp_min(1e-6).unsqueeze(2) - there.colour)
                               .to(at::kDouble)
                               .masked_fill(counted.logical_not().unsqueeze(2), 0);
    sums.difference += off.abs().mean(2).sum().item<double>();
    sums.squares += off.square().mean(2).sum().item<double>();
    sums.pixels += counted.sum().item<std::int64_t>();
  }

 private:
  std::int64_t width() const { return small_.to_width; }
  std::int64_t height() const { return small_.to_height; }
  References references_of(const std::vector<PhotoView>& views) const {
    const PriorInputs in = photo_inputs(
        views, {small_.to_width, small_.to_height},
        [&](std::size_t v) {
          if (views[v].picture->cols != small_.from_width || views[v].picture->rows != small_.from_height)
            fail("consistency: the view at {} degrees has {}x{} px, not {}x{}", views[v].frame->azimuth_deg,
                 views[v].picture->cols, views[v].picture->rows, small_.from_width, small_.from_height);
          return rgba_planes(resample(premultiplied(*views[v].picture), small_));
        },
        [&](std::size_t v) { return small_.camera(*views[v].frame->camera); });
    return gather_references(in.colour, in.alpha, in.background, in.is_reference, in.vehicle_from_camera,
                             in.intrinsics);
  }

  Letterbox small_;
  PriorConfig config_;
  WarpOptions options_;
  Hull hull_;
};

}  // namespace

double PairConsistency::psnr_db() const {
  return std::min(kMostPsnr, -10 * std::log10(std::max(squares, 1e-30)));
}

PairConsistency Consistency::all() const {
  PairConsistency out;
  for (const PairConsistency& pair : pairs) {
    out.difference += pair.difference * static_cast<double>(pair.pixels);
    out.squares += pair.squares * static_cast<double>(pair.pixels);
    out.pixels += pair.pixels;
  }
  if (out.pixels > 0) {
    out.difference /= static_cast<double>(out.pixels);
    out.squares /= static_cast<double>(out.pixels);
  }
  return out;
}

const PairConsistency* Consistency::worst() const {
  const PairConsistency* worst = nullptr;
  for (const PairConsistency& pair : pairs)
    if (pair.pixels > 0 && (worst == nullptr || pair.difference > worst->difference)) worst = &pair;
  return worst;
}

Json to_json(const Consistency& consistency) {
  const PairConsistency* worst = consistency.worst();
  if (worst == nullptr) return {};
  const auto numbers = [](const PairConsistency& pair) {
    return Json{{"difference", rounded(pair.difference, 5)}, {"psnr_db", rounded(pair.psnr_db(), 3)}};
  };
  const PairConsistency all = consistency.all();
  Json json = numbers(all);
  json["pixels"] = all.pixels;
  json["worst"] = numbers(*worst);
  json["worst"]["azimuths_deg"] = {worst->from_deg, worst->to_deg};
  return json;
}

Consistency cross_view_consistency(const ViewSet& given, const SlotPictures& pictures, const std::vector<Frame>& views,
                                   const std::function<cv::Mat(std::size_t)>& picture,
                                   const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const at::NoGradGuard no_grad;
  Consistency out;
  if (views.size() < 2) return out;
  const Comparison comparison(given, pictures);
  const Seen first = comparison.look(views[0], picture(0));
  Seen before = first;
  for (std::size_t i = 1; i <= views.size(); ++i) {
    const std::size_t at = i % views.size();
    const Seen now = at == 0 ? first : comparison.look(views[at], picture(at));
    PairConsistency pair{views[i - 1].azimuth_deg, views[at].azimuth_deg};
    comparison.add(before, now, pair);
    comparison.add(now, before, pair);
    if (pair.pixels > 0) {
      pair.difference /= static_cast<double>(pair.pixels);
      pair.squares /= static_cast<double>(pair.pixels);
    }
    out.pairs.push_back(pair);
    before = now;
    if (progress) progress(static_cast<std::int64_t>(i), static_cast<std::int64_t>(views.size()));
  }
  return out;
}

}  // namespace spinfill
