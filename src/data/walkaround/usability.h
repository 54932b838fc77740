// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/config/named.h"
#include "data/walkaround/masked_photographs.h"

namespace spinfill {

enum class PhotographVerdict {
  ok,
  retake,   // used where no other photograph shows the view
  ignored,  // not used
};
template <>
inline constexpr Named<PhotographVerdict> kNamesOf<PhotographVerdict>[] = {
    {PhotographVerdict::ok, "ok"}, {PhotographVerdict::retake, "retake"}, {PhotographVerdict::ignored, "ignored"}};

// What a photograph suffers from. In JSON these names stand as `reason`.
enum class Trouble {
  none,
  no_vehicle,  // nothing stands out, or nothing of a vehicle's shape
  too_far,     // it is too small
  too_near,    // it fills the photograph
  cut_off,     // it reaches the border
  hidden,      // it is narrower than the other photographs say
  several,     // another thing stands out as much
  too_dark,
  over_exposed,
  blurred,
  not_told,       // from where it shows a vehicle, or whether it shows one, cannot be told
  duplicate,      // another photograph shows the same
  other_vehicle,  // its colours have nothing in common with the others'
};
template <>
inline constexpr Named<Trouble> kNamesOf<Trouble>[] = {{Trouble::none, ""},
                                                       {Trouble::no_vehicle, "no vehicle"},
                                                       {Trouble::too_far, "too far"},
                                                       {Trouble::too_near, "too near"},
                                                       {Trouble::cut_off, "cut off"},
                                                       {Trouble::hidden, "hidden in part"},
                                                       {Trouble::several, "several vehicles"},
                                                       {Trouble::too_dark, "too dark"},
                                                       {Trouble::over_exposed, "over-exposed"},
                                                       {Trouble::blurred, "blurred"},
                                                       {Trouble::not_told, "direction not told"},
                                                       {Trouble::duplicate, "duplicate"},
                                                       {Trouble::other_vehicle, "another vehicle"}};

// Whether a photograph is usable, what is wrong with it in words, and what to do; empty where nothing is.
struct Usability {
  PhotographVerdict verdict = PhotographVerdict::ok;
  Trouble trouble = Trouble::none;
  std::string what;
};

// Of its mask alone: whether it is a vehicle's by size, shape and place.
Usability mask_usability(const VehicleMask& mask);

// And of what the mask covers: whether that is lit and sharp. Sharpness is told at 480 px, whatever the photograph's
// size, by how much of its differences between neighbours another blur takes away (Crété, Dolmiere, Ladret and Nicolas,
// "The blur effect", SPIE 6492, 2007).
Usability usability(const MaskedPhotograph& photograph);

// In [0, 1]: 0 of what is sharp, of the larger of both directions. rgb: 8-bit; alpha: the mask.
double blur_of(const cv::Mat& rgb, const VehicleMask& mask);

}  // namespace spinfill
