// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "core/files/links.h"
#include "data/check/check.h"
#include "data/scenes/placement.h"
#include "data/walkaround/report.h"

namespace spinfill {

// View sets from what other people and tools have: folders of photographs, and folders of photographs with cameras.

struct ImportOptions {
  std::vector<std::filesystem::path> sources;  // one vehicle each
  std::filesystem::path out;                   // a data set: one folder per source, named like it
  bool replace = false;
  std::string segmenter, azimuth_model;  // of segmenter_file, azimuth_model_folder
  Links links = Links::stay_inside;
  int least_views = 3;
  OrderUse order = OrderUse::automatic;   // of the photographs' names, of sources without cameras
  SceneUp up = SceneUp::automatic;        // of sources with cameras
  std::optional<double> front_deg;        // the same
  std::string category, source, licence;  // written into each set unless empty
  // Once for each source, then for its photographs.
  std::function<void(const std::string& what, std::int64_t done, std::int64_t total)> progress = {};
};

struct ImportedSet {
  std::filesystem::path source;
  std::string id, kind;               // kind: "photographs", "nerfstudio", "instant-ngp" or "COLMAP"
  WalkaroundReport report;            // every picture and what became of it
  Json front, stabilisation;          // of a source with cameras; of photographs alone
  std::vector<DataProblem> problems;  // what `data check` says of the set, but for missing views
  std::string refused;                // why there is no set; nothing of it was written
};

struct Import {
  std::vector<ImportedSet> sets;  // in the order of the sources
  std::int64_t refused() const;
};

// Each source with cameras by write_scene_set(), each folder of photographs by prepare_walkaround()
// (infer/walkaround.h) and stabilise_set() (data/spins/stabilise.h); then checked. A source that cannot be imported is
// told in its ImportedSet; where none can, nothing is written and the first one's error is thrown. Exit 2: two sources
// of one name, an output that may not be replaced.
Import import_sets(const ImportOptions& options);
Json to_json(const Import& imported);

}  // namespace spinfill
