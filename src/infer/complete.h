// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "infer/runner.h"
#include "infer/view_cameras.h"

namespace spinfill {

enum class Delivery {
  given,      // references to the byte, generated views framed as their neighbours
  canonical,  // all views resampled onto one turntable (data/pictures/canonical.h)
};

struct CompleteOptions {
  RunnerOptions runner;
  std::string category;            // instead of the set's own; empty: as the set says
  std::vector<std::int64_t> hide;  // azimuths (multiples of 45) of given views that are left out and generated anew
  CameraChoice cameras = {};       // automatic
  Delivery deliver = Delivery::given;
  bool replace = false;  // an existing output folder may be replaced
};

// The references that a folder holds: its transforms.json, or pictures named by azimuth (000.png …). Errors (exit 3)
// name the picture: no alpha and no mask, two pictures for one primary view, sizes that differ.
ViewSet read_references(const std::filesystem::path& input);

// Completes the set in `input` (1 to 8 references) and writes the folder `out`, whole or not at all: eight pictures
// named by azimuth (given ones copied byte for byte, or PNG on the canonical turntable; generated ones PNG of the same
// size), transforms.json (all eight with the cameras used, "generated" on every frame, "cameras": where they come
// from), contact_sheet.png, spin.html. Returns a summary: "given" and "generated" (azimuths), "cameras",
// "stabilisation" where they were estimated, "deliver", "seconds", "matte_residual", "model", "sampler", "seed".
Json complete_folder(const LoadedModel& model, const std::filesystem::path& input, const std::filesystem::path& out,
                     const CompleteOptions& options = {});

}  // namespace spinfill
