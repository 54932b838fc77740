// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/config/named.h"
#include "core/files/json.h"
#include "infer/studio/picture_files.h"
#include "infer/studio/studio_ground.h"
#include "infer/studio/turntable_film.h"

namespace spinfill {

enum class StudioExposure {
  common,  // and white balance: made alike (data/photo/common_exposure.h)
  given,   // as the spin has them
};
template <>
inline constexpr Named<StudioExposure> kNamesOf<StudioExposure>[] = {{StudioExposure::common, "common"},
                                                                     {StudioExposure::given, "given"}};

struct StudioOptions {
  // "studio" (a light sweep from floor to wall), "white", "transparent", "#RRGGBB", or a picture's file.
  std::string background = "studio";
  StudioExposure exposure = StudioExposure::common;
  StudioGroundOptions ground;
  int width = 0, height = 0;  // px; 0: the spin's
  double fill = 0.84;         // share of the picture that the widest (or tallest) view takes, (0,1]
  StudioFormat format = StudioFormat::png;
  TurntableFilmOptions films;  // none
  int quality = 90;            // of WebP, JPEG and AVIF
  bool replace = false;
};

struct StudioSpin {
  std::string id;
  int width = 0, height = 0;
  std::vector<std::string> files;      // by azimuth
  std::vector<std::string> generated;  // of these, those that carry the mark of a machine-made picture
  std::vector<std::string> films;      // spin.mp4, spin.gif
  Json exposure;                       // {"before_stops", "after_stops"}; null: left as given
};
Json to_json(const StudioSpin& spin);

// Finishes a completed spin (spinfill complete) for show: every view cut out onto one background with the vehicle's
// shadow or mirror image on the ground, all of one exposure, in one frame and size, with transforms.json, spin.html,
// embed.html and contact_sheet.png. Generated views are marked as machine-made in their metadata; what cameras wrote
// into given files stays behind. The folder appears whole or not at all. Exit 2: options that contradict each other, a
// colour that is none. Exit 3: no completed spin, views without cameras or masks, a background that is no picture.
StudioSpin finish_in_studio(const std::filesystem::path& spin, const std::filesystem::path& out,
                            const StudioOptions& options);

}  // namespace spinfill
