// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <embree3/rtcore.h>

#include <cstdint>

#include <opencv2/core/mat.hpp>

#include "geometry/camera.h"
#include "synth/render/light.h"
#include "synth/render/shader.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {

struct RenderOptions {
  int samples = 9;        // stratified primary rays of every pixel, rounded to a square: 3 × 3
  int edge_samples = 16;  // of pixels whose rays differ (outlines, highlights, texture)
  bool geometry = true;   // depth and normal as well
  bool contrast = false;  // developed as a camera does, with deeper shadows and brighter lights
};

// Linear light is tone-mapped and encoded as sRGB. Alpha is coverage; colour is that of the covered part alone
// (straight alpha), 0 where nothing is covered.
struct Picture {
  cv::Mat rgba;    // [H,W] 8-bit RGBA
  cv::Mat depth;   // [H,W] float: distance along the ray through the pixel's centre, vehicle frame; 0 off the vehicle
  cv::Mat normal;  // [H,W] 3 × float: unit, vehicle frame, towards the camera; 0 off the vehicle
};

// Embree's scene of one model. One renderer is used by one thread.
class Renderer {
 public:
  // `frame` maps the model's own units to the vehicle frame: (p − centre) / longest side.
  Renderer(const Model& model, const Box& frame);
  ~Renderer();
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;

  // seed: the picture's noise is a pure function of it.
  Picture render(const Camera& camera, const Light& light, const RenderOptions& options, std::uint64_t seed);

 private:
  Scene scene_;
  RTCDevice device_ = nullptr;
};

}  // namespace spinfill::synth
