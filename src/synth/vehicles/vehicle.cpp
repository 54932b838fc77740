// SPDX-License-Identifier: Apache-2.0
#include "synth/vehicles/vehicle.h"

#include "synth/vehicles/body_surface.h"
#include "synth/vehicles/fitting_surface.h"
#include "synth/vehicles/materials.h"
#include "synth/vehicles/parts.h"

namespace spinfill::synth {

Vehicle::Vehicle(VehicleDesign design) : design_(std::move(design)) {
  category = design_.category;
  plate_mask_ = text_mask(design_.plate_text, 64, true);
  add_body(*this, design_);
  add_wheels(*this, design_);
  add_interior(*this, design_);
  add_fittings(*this, design_);
  add_cargo(*this, design_);
}

Surface Vehicle::surface(const Point& point) const {
  const Part& part = parts[static_cast<std::size_t>(point.part)];
  switch (part.kind) {
    case kBody: return body_surface(design_, point);
    case kRim: return rim_surface(design_.wheel, point);
    case kPlate:
      if (design_.photo && point.normal.x() * (part.index == 0 ? 1.0f : -1.0f) < 0) return matt(Vec3::Constant(0.02f));
      return plate_surface(design_.plate, plate_mask_, part.index == 0 ? 1.0f : -1.0f, point);
    case kCargo: return cargo_surface(design_, point);
    case kTyre: return tyre_surface(design_, point);
    case kPaint: return painted(design_.paint);
    case kSecond: return painted(design_.second);
    case kChrome: return chrome();
    case kSeat: return matt(design_.seat, 0.8f);
    case kLiner: return matt(Vec3::Constant(0.008f), 0.9f);
    case kSpoke: return spoke_surface(design_, point);
    case kCaliper: return gloss(design_.details.caliper);
    case kBrake:
      if (design_.photo) return disc_surface(design_.wheel, point);
      return matt(Vec3::Constant(0.12f), 0.5f);
    case kTailLamp: return gloss(Vec3(0.45f, 0.01f, 0.015f));
    case kMirrorGlass: return chrome(0.6f);
    case kTrim: return matt(design_.trim, 0.5f);
    case kWood: return matt(Vec3(0.16f, 0.09f, 0.045f), 0.7f);
    default: return matt(Vec3::Constant(0.015f), 0.7f);
  }
}

}  // namespace spinfill::synth
