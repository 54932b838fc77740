// SPDX-License-Identifier: Apache-2.0
#include "data/photo/consistency.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "core/statistics.h"
#include "data/photo/surface_comparison.h"

namespace spinfill {
namespace {

constexpr int kCompared = 384;     // px, width
constexpr double kMostPsnr = 100;  // dB

// Adds what differs, in sums.
void add(const SamePlaces& places, PairConsistency& sums) {
  const at::Tensor off = (places.here - places.there).to(at::kDouble);
  sums.difference += off.abs().mean(1).sum().item<double>();
  sums.squares += off.square().mean(1).sum().item<double>();
  sums.pixels += off.size(0);
}

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
                                   const std::function<void(std::int64_t, std::int64_t)>& progress, PointCloud* cloud) {
  const at::NoGradGuard no_grad;
  Consistency out;
  if (views.size() < 2) return out;
  const SurfaceComparison comparison(photo_views_of(given, pictures), given.width, given.height, kCompared);
  const auto look = [&](std::size_t i) {
    const cv::Mat rgba = picture(i);
    SurfaceComparison::Seen seen = comparison.look({&views[i], &rgba});
    if (cloud != nullptr) comparison.add_to(*cloud, seen);
    return seen;
  };
  const SurfaceComparison::Seen first = look(0);
  SurfaceComparison::Seen before = first;
  for (std::size_t i = 1; i <= views.size(); ++i) {
    const std::size_t at = i % views.size();
    const SurfaceComparison::Seen now = at == 0 ? first : look(at);
    PairConsistency pair{views[i - 1].azimuth_deg, views[at].azimuth_deg};
    add(comparison.compare(before, now), pair);
    add(comparison.compare(now, before), pair);
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
