// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "data/photo/photo_windows.h"
#include "data/photo/point_cloud.h"
#include "data/pictures/letterbox.h"
#include "data/priors/surface_maps.h"

namespace spinfill {

// Letters: P pixels that see the hull, M pixels that two views can be compared at.

// What two views show of the same places of a surface, straight sRGB in [0,1].
struct SamePlaces {
  at::Tensor here, there;  // [M,3] float32
};

// Compares views of a vehicle where both see the same surface of its visual hull. Of views A and B, with X(p) the
// hull's point at pixel p of A and π_B(X) its place in B: the pixels p that A covers wholly and sees the surface at no
// more than 71.6° (cos² ≥ 0.1), whose point B sees so, too, not hidden behind what B sees itself, and B covers. Colours
// of B are looked up between pixels by cubic convolution.
class SurfaceComparison {
 public:
  // The hull is that of `carving`, whose pictures have width × height px; views are compared at `compared_width` px.
  SurfaceComparison(const std::vector<PhotoView>& carving, int width, int height, int compared_width);

  // A view, and what it sees of the hull.
  struct Seen {
    Surface surface;
    References picture;  // it alone
    at::Tensor maps;     // reference_maps()
  };
  Seen look(const PhotoView& view) const;  // exit 3: its picture is of another size
  // Adds what it covers wholly and sees at no more than that angle, coloured as it shows it.
  void add_to(PointCloud& cloud, const Seen& seen) const;
  // From `a` to `b`.
  SamePlaces compare(const Seen& a, const Seen& b) const;

 private:
  at::Tensor own_colours(const Seen& seen) const;  // [1,P,4] premultiplied, of the pixels of its surface
  static at::Tensor frontal(const Seen& seen, const at::Tensor& alpha);  // [1,P] bool: counted of a view by itself
  References references_of(const std::vector<PhotoView>& views) const;
  std::int64_t width() const { return small_.to_width; }
  std::int64_t height() const { return small_.to_height; }
  Letterbox small_;
  PriorConfig config_;
  WarpOptions options_;
  Hull hull_;
};

}  // namespace spinfill
