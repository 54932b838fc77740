// SPDX-License-Identifier: Apache-2.0
// The materials that vehicles are made of, and what places them.
#pragma once

#include <cmath>
#include <cstdint>

#include <opencv2/core/mat.hpp>

#include "synth/shapes/model.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

inline Surface matt(const Vec3& colour, float roughness = 0.6f) {
  Surface s;
  s.albedo = colour;
  s.roughness = roughness;
  return s;
}

inline Surface gloss(const Vec3& colour) {
  Surface s = matt(colour, 0.5f);
  s.coat = 1;
  return s;
}

inline Surface chrome(float level = 0.75f) {
  Surface s = matt(Vec3::Constant(level), 0.08f);
  s.metallic = 1;
  return s;
}

inline Surface glass(float tint) {
  Surface s;
  s.albedo = Vec3(0.92f, 1.0f, 0.97f) * tint;
  s.roughness = 0.05f;
  s.transmission = 1;
  return s;
}

inline Surface painted(const Paint& paint) {
  Surface s = matt(paint.colour, paint.roughness);
  s.metallic = paint.metallic;
  s.coat = 1;
  return s;
}

inline bool between(float low, float x, float high) {
  return x > low && x < high;
}
inline bool line(float x, float at, float half) {
  return std::abs(x - at) < half;
}
inline float fraction(float x) {
  return x - std::floor(x);
}
// Looks up an 8-bit coverage: in [0, 1], 0 outside. u, v in [0, 1], v downwards.
inline float sampled(const cv::Mat& mask, float u, float v) {
  const float x = u * static_cast<float>(mask.cols), y = v * static_cast<float>(mask.rows);
  if (mask.empty() || x < 0 || y < 0 || x >= static_cast<float>(mask.cols) || y >= static_cast<float>(mask.rows))
    return 0;
  return static_cast<float>(mask.at<std::uint8_t>(static_cast<int>(y), static_cast<int>(x))) / 255;
}

}  // namespace spinfill::synth
