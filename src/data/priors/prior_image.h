// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/priors/priors.h"

namespace spinfill {

// The hull warp before it is composited.
struct PriorPicture {
  at::Tensor colour;    // [B,V,3,H,W] sRGB in [0,1], filled beyond the silhouette, too
  at::Tensor alpha;     // [B,V,1,H,W]
  at::Tensor trust;     // [B,V,1,H,W] in [0,1]: 0 where no reference shows the surface, directly or mirrored
  at::Tensor mirrored;  // [B,V,1,H,W] in [0,1]: share of what was seen that is from the mirror side
};
PriorPicture prior_picture(const PriorMaps& maps, const at::Tensor& background);

// The same of what the references show by themselves. All [B,V,C,H,W].
struct SeenColours {
  at::Tensor direct, direct_confidence;      // straight sRGB and [0,1): Warped
  at::Tensor mirrored, mirrored_confidence;  // through the plane Y = 0
  at::Tensor silhouette;                     // coverage of the hull
};
PriorPicture prior_picture(const SeenColours& seen);

// The best single prior image, [B,V,3,H,W] in [0,1]: `prior` is the warped colour filled by the mirrored colour,
// `mirror-or-prior` takes the flipped mirror view where there is one.
at::Tensor prior_image(const PriorMaps& maps, const at::Tensor& background);
at::Tensor mirror_or_prior_image(const PriorMaps& maps, const at::Tensor& background);
// The flipped mirror view where there is one, else `otherwise` [B,V,3,H,W].
at::Tensor flipped_or(const PriorMaps& maps, const at::Tensor& otherwise);

}  // namespace spinfill
