// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "data/scenes/placement.h"
#include "data/scenes/scene.h"
#include "data/walkaround/report.h"
#include "infer/import/import_models.h"

namespace spinfill {

// From photographs with another tool's cameras to a view set.

struct SceneSetOptions {
  SceneUp up = SceneUp::automatic;
  std::optional<double> front_deg;  // the azimuth at which the first view shows the vehicle; none: stated or found
  int least_views = 3;
  std::function<void(std::int64_t done, std::int64_t total)> looked_at = {};
};

// Where the front was found, for people and for the set's description.
struct SceneFront {
  std::string from;                         // "--front", "azimuth_deg", "azimuth network"
  double confidence = 1;                    // that it is right to 22.5°
  std::optional<double> symmetry_deg = {};  // by how much the body's plane of symmetry turned it
};

struct SceneSet {
  WalkaroundReport report;  // of every view, whether it is used or not
  SceneFront front;
  double elevation_deg = 0;  // median of the used ones
};

// Masks are the pictures' own, else they are cut out. The silhouettes of at most 24 views all around, carved, give the
// vehicle's box and so the set's origin and unit; its vertical is scene_up(), its front as SceneFront says. The view
// nearest to each primary one is used (choose_slots), undistorted, upright, in a common window round the vehicle, and
// written into `folder`, which exists, with transforms.json. Exit 1: too few views, or all from one side; exit 3: what
// the files hold is wrong, or nothing tells the front.
SceneSet write_scene_set(const Scene& scene, ImportModels& models, const std::filesystem::path& folder,
                         const SceneSetOptions& options);

}  // namespace spinfill
