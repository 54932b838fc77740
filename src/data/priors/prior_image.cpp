// SPDX-License-Identifier: Apache-2.0
#include "data/priors/prior_image.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "geometry/hull/warp.h"

namespace spinfill {

namespace {

constexpr double kMirroredShare = 0.3;  // light stays with the studio: a side's own colour is worth more
constexpr double kSharpness = 1.2;      // slope of the silhouette's edge

// Fills where weight is low from coarser and coarser averages (pull-push, Gortler et al. 1996, The Lumigraph).
// premultiplied [N,3,H,W], weight [N,1,H,W] in [0,1] → colour [N,3,H,W].
at::Tensor pull_push(const at::Tensor& premultiplied, const at::Tensor& weight) {
  const std::int64_t H = weight.size(2), W = weight.size(3);
  const at::Tensor colour = premultiplied / weight.clamp_min(1e-6);
  if (H <= 1 && W <= 1) return colour;
  const std::int64_t h = (H + 1) / 2, w = (W + 1) / 2;
  // Averages that count an odd border once; the summed weight saturates at 1.
  const auto pull = [&](const at::Tensor& x) {
    return at::avg_pool2d(x, {2, 2}, {2, 2}, {0, 0}, /*ceil_mode=*/true, /*count_include_pad=*/false);
  };
  const at::Tensor coarse_weight = pull(weight);
  const at::Tensor gain = (4 * coarse_weight).clamp_max(1) / coarse_weight.clamp_min(1e-12);
  const at::Tensor coarse = pull_push(pull(premultiplied) * gain, coarse_weight * gain);
  const at::Tensor fill = at::upsample_bilinear2d(coarse, {2 * h, 2 * w}, false).narrow(2, 0, H).narrow(3, 0, W);
  return weight * colour + (1 - weight) * fill;
}

// The colour under a map composited with `shown` coverage, unclamped where it is thin.
at::Tensor uncomposited(const at::Tensor& map, const at::Tensor& shown, const at::Tensor& background) {
  return ((map - (1 - shown) * background) / shown.clamp_min(1e-3)).clamp(0, 1);
}

}  // namespace

PriorPicture prior_picture(const PriorMaps& maps, const at::Tensor& background) {
  const at::NoGradGuard no_grad;
  const at::Tensor under = background.to(at::kFloat).view({background.size(0), 1, 3, 1, 1});
  return prior_picture(SeenColours{uncomposited(maps.warped, maps.silhouette, under), maps.warped_confidence,
                                   uncomposited(maps.mirrored, maps.silhouette, under), maps.mirrored_confidence,
                                   maps.silhouette});
}

PriorPicture prior_picture(const SeenColours& seen) {
  const std::int64_t B = seen.direct.size(0), V = seen.direct.size(1), H = seen.direct.size(3), W = seen.direct.size(4);
  // Confidence is w/(w + w₀): the weights come back as w/w₀.
  const auto weight = [](const at::Tensor& confidence) { return confidence / (1 - confidence).clamp_min(1e-4); };
  const at::Tensor direct = weight(seen.direct_confidence);
  const at::Tensor mirrored = kMirroredShare * weight(seen.mirrored_confidence);
  const at::Tensor total = direct + mirrored;
  const at::Tensor colour = (direct * seen.direct + mirrored * seen.mirrored) / total.clamp_min(1e-6);
  // Thin pixels of the silhouette's edge carry little colour of their own.
  const at::Tensor trust = (total * 4).clamp_max(1) * (seen.silhouette > 0.1).to(at::kFloat);
  const at::Tensor filled =
      pull_push((colour * trust).reshape({B * V, 3, H, W}), trust.reshape({B * V, 1, H, W})).view({B, V, 3, H, W});
  const at::Tensor alpha = ((seen.silhouette - 0.5) * kSharpness + 0.5).clamp(0, 1);
  return {filled, alpha, trust, mirrored / total.clamp_min(1e-6)};
}

at::Tensor prior_image(const PriorMaps& maps, const at::Tensor& background) {
  const PriorPicture picture = prior_picture(maps, background);
  const at::Tensor under = background.to(at::kFloat).view({background.size(0), 1, 3, 1, 1});
  return (picture.colour * picture.alpha + under * (1 - picture.alpha)).clamp(0, 1);
}

at::Tensor mirror_or_prior_image(const PriorMaps& maps, const at::Tensor& background) {
  return flipped_or(maps, prior_image(maps, background));
}

at::Tensor flipped_or(const PriorMaps& maps, const at::Tensor& otherwise) {
  return at::where(maps.flipped_validity > 0.5, maps.flipped, otherwise);
}

}  // namespace spinfill
