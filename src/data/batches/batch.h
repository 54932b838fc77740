// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/batches/close_ups.h"
#include "data/priors/priors.h"
#include "data/sets/slots.h"

namespace spinfill {

// Letters: B sets, V views (the eight primary slots, slot i = azimuth 45·i; when a spin is completed, after them
// targets whose slot is taken), C channels, H W pixels. All that a model is given about B sets, and the truth to score
// it with. A slot is a reference, a target, or absent.
struct Batch {
  std::vector<std::string> ids;       // B
  std::vector<std::int64_t> samples;  // B: global sample indices, the counters of every random draw
  at::Tensor colour;                  // [B,V,3,H,W] float32 sRGB in [0,1], composited on `background`
  at::Tensor alpha;                   // [B,V,1,H,W] float32 coverage
  at::Tensor depth;  // [B,V,1,H,W] float32 of targets, vehicle lengths along the ray, 0 unknown; or none
  // Mean normals over each pixel in the vehicle's frame, [B,V,3,H,W] float32, 0 where no surface is: of targets to
  // compare with, of references to be given where normals_given is 1; or none.
  at::Tensor normals;
  at::Tensor normals_given;                 // [B,V] float32
  at::Tensor background;                    // [B,3] float32
  at::Tensor is_reference;                  // [B,V] bool; on the processor, like is_target and category
  at::Tensor is_target;                     // [B,V] bool; disjoint from is_reference
  at::Tensor azimuth_deg;                   // [B,V] float64, true azimuths (slot's for absent views)
  at::Tensor vehicle_from_camera;           // [B,V,4,4] float64
  at::Tensor intrinsics;                    // [B,V,4] float64: fl_x fl_y cx cy, px
  at::Tensor cue;                           // [B,V,kCueSize] float32 stabilisation cue, 0 where unknown
  at::Tensor category;                      // [B] int64 index into kCategories (data/sets/categories.h), −1 unknown
  std::vector<std::string> category_names;  // B: as the sets state them, of kCategories or not; or empty
  at::Tensor identity;                      // [B,D] float32, undefined where the data set has none
  at::Tensor identity_known;                // [B] bool, of vectors computed from references; undefined: all are known
  PriorMaps priors;                         // undefined tensors until computed
  CloseUps close_ups;                       // of training batches where data.close_up asks for them

  static constexpr std::int64_t kViews = kSlots;
  // log-scale, shift x, shift y (shares of the width), roll, azimuth correction, elevation (radians)
  static constexpr std::int64_t kCueSize = 6;

  std::int64_t size() const { return static_cast<std::int64_t>(ids.size()); }
  std::string category_name(std::int64_t set) const;  // "unknown" where the set states none
  // For a model that knows the first `categories` only: the others become unknown, as those of no list are.
  Batch known_to(std::int64_t categories) const;
  PriorInputs prior_inputs() const;
  bool has_priors() const { return priors.silhouette.defined(); }
  Batch one(std::int64_t set) const;  // a batch of this set alone
  Batch to(at::Device device) const;
  std::vector<at::Tensor*> on_device();  // what to() moves; some undefined
  // In pinned memory, which a GPU copies from while the processor goes on. Only where there is a GPU.
  Batch pinned() const;
};

}  // namespace spinfill
