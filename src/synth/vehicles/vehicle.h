// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

#include "synth/shapes/model.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

// A drawn design as triangles and materials.
class Vehicle : public Model {
 public:
  explicit Vehicle(VehicleDesign design);
  Surface surface(const Point& point) const override;
  const VehicleDesign& design() const { return design_; }

 private:
  VehicleDesign design_;
  cv::Mat plate_mask_;
};

}  // namespace spinfill::synth
