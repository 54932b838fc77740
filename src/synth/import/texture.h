// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

#include <string>
#include <string_view>

#include <opencv2/core/mat.hpp>

#include "synth/shapes/model.h"

namespace spinfill::synth {

// A picture on a surface: which of the point's two coordinates (u, v; v upwards) it lies at, how it is moved there and
// what is beyond its edges.
struct Texture {
  enum class Wrap { repeat, clamp, mirror, decal };  // decal: nothing beyond the edge

  cv::Mat picture;  // RGBA of 8 bits; empty: no texture
  Wrap wrap_u = Wrap::repeat, wrap_v = Wrap::repeat;
  bool nearest = false;  // texels are squares; else bilinear
  int set = 0;           // 0 or 1: which coordinates
  bool moved = false;
  Eigen::Matrix<float, 2, 3> transform;  // of (u, v, 1), where it is moved

  bool empty() const { return picture.empty(); }
  // RGBA in 0 … 1. Colours are stored as sRGB and returned linear; other values are returned as stored.
  cv::Vec4f colour(const Point& point) const { return texel(point, true); }
  cv::Vec4f values(const Point& point) const { return texel(point, false); }

 private:
  cv::Vec4f texel(const Point& point, bool srgb) const;
};

// A picture that a model names: PNG, JPEG or WebP. Exit 3 names other formats (KTX2, DDS, TGA …) and what to do.
cv::Mat decode_texture(std::string_view bytes, const std::string& where);

}  // namespace spinfill::synth
