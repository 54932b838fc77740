// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace spinfill {

// Letters: B sets, R references (the largest count in the batch; sets with fewer are padded), H W pixels,
// X Y Z voxels, P rays.

// The references of B sets, one behind the other. Made by gather_references, so that nothing of a target is in it.
struct References {
  at::Tensor index;                // [B,R] int64, the view's slot
  at::Tensor valid;                // [B,R] bool; false: padding
  at::Tensor premultiplied;        // [B,R,4,H,W] float32: colour·alpha (no background in it) and alpha
  at::Tensor vehicle_from_camera;  // [B,R,4,4] float64
  at::Tensor intrinsics;           // [B,R,4] float64, px of H×W

  std::int64_t count() const { return index.size(1); }
  at::Tensor alpha() const;                             // [B,R,1,H,W]
  at::Tensor gather(const at::Tensor& per_view) const;  // [B,V,...] → [B,R,...]
};

// colour [B,V,3,H,W] composited on background [B,3], alpha [B,V,1,H,W], is_reference [B,V] bool (on the processor, or
// where the pictures are). The colour and alpha of all other views are dropped here; even NaN there reaches nothing.
References gather_references(const at::Tensor& colour, const at::Tensor& alpha, const at::Tensor& background,
                             const at::Tensor& is_reference, const at::Tensor& vehicle_from_camera,
                             const at::Tensor& intrinsics);

// Signed distance of pixel centres to the silhouette's edge, px, positive inside: the edge is where coverage passes ½,
// placed within a pixel by that pixel's coverage. Exact in sign, octagonal (up to 8 % long) in length.
// (Idea: Gustavson & Strand 2011, Anti-aliased Euclidean distance transform.) alpha [...,H,W] → [...,H,W].
at::Tensor silhouette_distance(const at::Tensor& alpha);

struct HullOptions {
  std::int64_t grid = 64;   // voxels along the vehicle's length
  bool mirror = true;       // intersect with the mirror image across Y = 0
  bool plan_box = true;     // bound bulging flanks by a plan box
  bool sections = false;    // with plan_box: bound flanks by the section of the one shown end, too (flanks.h)
  double uncovered = 0.01;  // share of the references' silhouettes that the plan box may uncover
};

// Visual hull (Laurentini 1994): the largest body inside every reference's silhouette cone.
struct Hull {
  at::Tensor distance;  // [B,1,Z,Y,X] float32: lower bound of the signed distance, vehicle lengths, positive inside
  at::Tensor centre;    // [B,3] of the grid's box; y = 0
  at::Tensor half;      // [B,3] half sizes of the box, from outer face to outer face
  at::Tensor plan;      // [B,3] plan box: rear x, front x, half width; infinite where not used

  at::Tensor sample(const at::Tensor& points) const;  // distance at [B,P,3] → [B,P]
  at::Tensor voxel() const;                           // [B] mean voxel size
};

Hull carve_hull(const References& references, const HullOptions& options);

}  // namespace spinfill
