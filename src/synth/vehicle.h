// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "synth/design.h"
#include "synth/model.h"

namespace spinfill::synth {

enum Kind : int {
  kBody,
  kTyre,
  kRim,
  kDark,
  kPaint,
  kSecond,
  kChrome,
  kPlate,
  kSeat,
  kLinerKind,
  kCargoKind,
  kGlassKind,
  kTailLamp,
  kHeadLamp,
  kTrimKind,
  kBrake,
  kMirrorGlass,
  kWood
};

class Vehicle : public Model {
 public:
  explicit Vehicle(VehicleDesign design);
  Surface surface(const Point& point) const override;
  const VehicleDesign& design() const { return design_; }

 private:
  Surface body_surface(const Point& point) const;
  Surface face_surface(const Point& point, const FaceDesign& face, bool front) const;
  Surface rim_surface(const Point& point) const;
  Surface plate_surface(const Point& point) const;
  Surface cargo_surface(const Point& point) const;
  bool decal_at(const Point& point, float s, Surface& surface) const;
  Surface painted(const Paint& paint) const;
  Part& add(Kind kind, int index = 0);
  void add_body();
  void add_wheels();
  void add_interior();
  void add_fittings();
  void add_cargo();

  VehicleDesign design_;
  cv::Mat plate_mask_;
  float width_at_middle_ = 0.9f;
};

}  // namespace spinfill::synth
