// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace spinfill {

// Coloured points of a surface that several views see, thinned to one per cell of a raster: its points' mean, vehicle
// frame and lengths. What programs for radiance fields and Gaussian splatting begin with.
class PointCloud {
 public:
  explicit PointCloud(double cell) : cell_(cell) {}  // vehicle lengths

  // point, normal (unit, outwards), colour (straight sRGB in [0,1]): [M,3] float32 on the processor.
  void add(const at::Tensor& point, const at::Tensor& normal, const at::Tensor& colour);
  std::size_t size() const { return cells_.size(); }

  // PLY, binary little-endian: x y z nx ny nz as float, red green blue as uchar (Turk 1994). The same points in any
  // order of add() up to rounding, sorted by cell.
  std::string ply() const;

 private:
  struct Sums {
    std::array<double, 9> of{};  // point, normal, colour
    std::int64_t count = 0;
  };
  double cell_;
  std::map<std::array<std::int64_t, 3>, Sums> cells_;
};

}  // namespace spinfill
