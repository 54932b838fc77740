// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "data/pictures/canonical.h"
#include "infer/references.h"
#include "infer/runner.h"
#include "infer/view_cameras.h"

namespace spinfill {

enum class Delivery {
  given,      // references byte for byte (upright where EXIF turns them), generated views framed like their neighbours
  canonical,  // all views resampled onto one turntable (data/pictures/canonical.h)
};
template <>
inline constexpr Named<Delivery> kNamesOf<Delivery>[] = {{Delivery::given, "given"},
                                                         {Delivery::canonical, "canonical"}};

// What a completed spin is made of.
struct SpinContents {
  ViewCameras chosen;     // the given views and all cameras
  SlotPictures pictures;  // of the given views
  std::vector<GeneratedView> generated;
  std::optional<CanonicalSpin> canonical;  // where that is how it is delivered
  Turntable turntable;                     // of the model, for views without a camera
  Delivery deliver() const { return canonical ? Delivery::canonical : Delivery::given; }
};

// The views' azimuths, those of given views as they were stated, degrees, by slot.
struct SpinAzimuths {
  std::vector<double> given, generated;
};

// Writes eight pictures named by azimuth (given ones copied byte for byte, or PNG where EXIF turns them or on the
// canonical turntable; generated ones PNG of the same size), transforms.json (all eight with the cameras used,
// "generated" on every frame, "cameras": where they come from), contact_sheet.png and spin.html; where it is known,
// evidence/AZIMUTH.png of generated views and their shares in transforms.json.
SpinAzimuths write_spin_folder(const SpinContents& contents, const std::filesystem::path& folder);

}  // namespace spinfill
