// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/config/config.h"

namespace spinfill {

// Letters: B sets, V views, C channels, H W pixels.
// What priors are computed from. Only the entries where is_reference holds are read: those of targets never
// influence any output bit.
struct PriorInputs {
  at::Tensor colour;               // [B,V,3,H,W] float32 sRGB in [0,1], composited on `background`
  at::Tensor alpha;                // [B,V,1,H,W] float32 coverage in [0,1]
  at::Tensor background;           // [B,3] float32 in [0,1]
  at::Tensor is_reference;         // [B,V] bool; any count ≥ 0 per set
  at::Tensor vehicle_from_camera;  // [B,V,4,4] float64
  at::Tensor intrinsics;           // [B,V,4] float64: fl_x fl_y cx cy, px of H×W
  at::Tensor azimuth_deg;          // [B,V] float64
};

// Per-pixel maps of every view, targets included. All [B,V,C,H,W] float32 on the device of the inputs.
struct PriorMaps {
  at::Tensor silhouette;  // 1: coverage of the visual hull, [0,1], soft at the edge
  at::Tensor
      depth;  // 1: distance along the ray in vehicle lengths, minus the camera's distance to the origin; 0 off the hull
  at::Tensor normal;               // 3: outward, vehicle frame, unit length; 0 off the hull
  at::Tensor canonical;            // 3: surface point in the vehicle frame; 0 off the hull
  at::Tensor warped;               // 3: the references' colour carried onto the hull, composited on the background
  at::Tensor warped_confidence;    // 1: [0,1]
  at::Tensor mirrored;             // 3: the same through the plane Y = 0
  at::Tensor mirrored_confidence;  // 1
  at::Tensor flipped;  // 3: the flipped picture of the view at −θ where that is a reference, else background
  at::Tensor flipped_validity;  // 1: 1 or 0 over the whole map

  // The maps in this order.
  struct Part {
    at::Tensor PriorMaps::*map;
    std::int64_t channels;
  };
  static const std::array<Part, 10> kParts;
  static constexpr std::int64_t kChannels = 20;  // of all
  // [B,V,20,H,W] in the order above; colours scaled to [−1,1], everything else as it is.
  at::Tensor stacked() const;
};

struct PriorConfig {
  std::int64_t grid = 64;  // voxels along the vehicle's length
  bool mirror = true;      // intersect the hull with its mirror image
  bool plan_box = true;    // bound bulging flanks by a plan box
  bool sections = false;   // and by the section of the one shown end (geometry/hull/flanks.h)
  bool sharp = false;      // colours looked up bicubically, and kept however slanted the reference sees them
  void bind(Fields& f);
};

PriorMaps compute_priors(const PriorInputs& inputs, const PriorConfig& config);

}  // namespace spinfill
