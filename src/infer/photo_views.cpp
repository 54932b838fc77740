// SPDX-License-Identifier: Apache-2.0
#include "infer/photo_views.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/ranges.h>
#include <opencv2/imgproc.hpp>

#include "core/log.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/picture.h"

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

cv::Mat on_background(const cv::Mat& rgba, const std::vector<double>& background) {
  const cv::Scalar ground(255 * background[0], 255 * background[1], 255 * background[2]);
  cv::Mat out;
  cv::cvtColor(on_plain_ground(rgba, rgba.size(), ground), out, cv::COLOR_RGB2RGBA);
  return out;
}

// Shares that sum to 1 as bytes that sum to 255.
cv::Vec3b in_255ths(const std::array<float, 3>& shares) {
  const auto byte = [](float share) { return static_cast<int>(std::lround(255 * share)); };
  const int first = byte(shares[0]), last = std::min(byte(shares[2]), 255 - first);
  return {static_cast<unsigned char>(first), static_cast<unsigned char>(255 - first - last),
          static_cast<unsigned char>(last)};
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
  cv::Mat shares(warp.window.size(), CV_8UC3), whole_shares(generated.size(), CV_8UC3, cv::Scalar::all(0));
  std::array<double, 3> sums{};  // seen, mirrored, invented
  if (!inside.empty()) premultiplied(generated(inside)).copyTo(own(inside - warp.window.tl()));
  const bool beside = !warp.generated_trust.empty();
  const auto outside = static_cast<float>(kOutside - warp.outlined);  // the mirror view's outline stays
  for (int y = 0; y < out.rows; ++y) {
    const auto* seen = warp.colour.ptr<cv::Vec3f>(y);
    const auto *hull = warp.alpha.ptr<float>(y), *trust = warp.trust.ptr<float>(y),
               *mirrored = warp.mirrored.ptr<float>(y);
    const auto* model = own.ptr<cv::Vec4f>(y);
    const auto* other = beside ? warp.generated_colour.ptr<cv::Vec3f>(y) : nullptr;
    const auto* other_trust = beside ? warp.generated_trust.ptr<float>(y) : nullptr;
    const auto* lettered = warp.lettered.empty() ? nullptr : warp.lettered.ptr<float>(y);
    auto *to = out.ptr<cv::Vec4f>(y), *from = map.ptr<cv::Vec4f>(y);
    auto* told = shares.ptr<cv::Vec3b>(y);
    for (int x = 0; x < out.cols; ++x) {
      const float matte = model[x][3], alpha = std::min(hull[x], clamped((matte - outside) * kSlope + 0.5F));
      const float share = matte > kThin ? trust[x] : 1, shown = beside ? other_trust[x] : 0;
      for (int c = 0; c < 3; ++c) {
        const float made = share < 1 ? (1 - shown) * model[x][c] / matte + (beside ? shown * other[x][c] : 0) : 0;
        to[x][c] = alpha * clamped(share * seen[x][c] + (1 - share) * made);
      }
      to[x][3] = alpha;
      // Lettering that the mirror side shows is not what is there.
      const float of_mirror = trust[x] * mirrored[x], wrong = lettered != nullptr ? of_mirror * lettered[x] : 0;
      const std::array<float, 3> parts = {trust[x] - of_mirror, of_mirror - wrong, 1 - trust[x] + wrong};
      for (std::size_t k = 0; k < 3; ++k) sums[k] += alpha * parts[k];
      told[x] = in_255ths(parts);
      for (int c = 0; c < 3; ++c) {
        float value = 0;
        for (std::size_t k = 0; k < 3; ++k)
          value += parts[k] * kEvidenceColours[k][static_cast<std::size_t>(c)] / 255.0F;
        from[x][c] = alpha * value;
      }
      from[x][3] = alpha;
    }
  }
  if (!inside.empty()) shares(inside - warp.window.tl()).copyTo(whole_shares(inside));
  const double all = std::max(sums[0] + sums[1] + sums[2], 1e-9);
  return {picture_of(out, warp.window, generated.cols, generated.rows),
          {sums[0] / all, sums[1] / all, sums[2] / all, whole_shares,
           picture_of(map, warp.window, generated.cols, generated.rows)}};
}

bool shows_more(const SetFraming& framing) {
  return framing.scale() * kLarger < 1;
}

double photo_views(const LoadedModel& model, const ViewSet& set, const SlotPictures& pictures,
                   const RunnerOptions& options, const std::function<void(GeneratedView)>& deliver,
                   const PhotoGeometry* known) {
  const DataConfig& data = model.config.data;
  const PhotoWindows windows =
      known != nullptr ? known->windows : photo_windows(set, photo_views_of(set, pictures, options.further));
  const auto on_vehicle = framed_on_vehicle(set, windows, data);
  SetFraming framing = on_vehicle ? *on_vehicle : whole_framing(set, data);
  const bool detailed = shows_more(framing);
  if (!detailed) framing = whole_framing(set, data);
  RunnerOptions with_alpha = options;
  with_alpha.opaque = options.opaque && !detailed;
  const GeneratedViews made = generate_views(model, set, framing, with_alpha);
  std::optional<PhotoWarper> warper;
  if (detailed && known == nullptr) warper.emplace(set, pictures, windows, options.weights, options.further);
  std::vector<int> without;
  for (std::size_t i = 0; i < set.missing.size(); ++i) {
    const double azimuth = set.missing[i].azimuth_deg;
    GeneratedView view{i, azimuth, at_set_size(made.views[i], framing.missing[i])};
    if (!made.spreads.empty()) view.spread = at_set_size(made.spreads[i], framing.missing[i]);
    if (detailed) {
      if (options.carried) options.carried(static_cast<std::int64_t>(i + 1), std::ssize(set.missing) + 1);
      std::optional<DepthCorrection> correction;
      if (!made.corrections.empty()) correction.emplace(made.corrections[i], framing.missing[i]);
      const std::optional<PhotoWarp> warp =
          (known != nullptr ? known->warper : *warper).aligned_onto(i, correction ? &*correction : nullptr);
      if (warp) {
        DetailedView with_detail = with_photo_detail(view.picture, *warp);
        view.picture = std::move(with_detail.picture);
        view.evidence = std::move(with_detail.evidence);
      } else {
        without.push_back(static_cast<int>(std::lround(azimuth)));
      }
      if (warper && i < options.anchors) warper->add_generated(view.picture);
      if (options.opaque) view.picture = on_background(view.picture, data.background);
    }
    if (!made.normals.empty()) view.normals = at_set_size(made.normals[i], framing.missing[i], view.picture);
    deliver(std::move(view));
  }
  if (detailed && options.carried) options.carried(std::ssize(set.missing) + 1, std::ssize(set.missing) + 1);
  if (!without.empty())
    log_warning("{}: masks and cameras have no body in common at {}: there the model's picture is delivered, enlarged",
                set.id, fmt::join(without, ", "));
  return made.matte_residual;
}

}  // namespace spinfill
