// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "synth/import/mesh_files.h"
#include "synth/import/orientation.h"
#include "synth/import/scene.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {

struct ImportOptions {
  std::filesystem::path folder;             // nothing outside it is read
  std::string up = "auto", front = "auto";  // x, -x, y, -y, z, -z: the model's own axes, where the file names none
};

struct Imported {
  std::unique_ptr<ImportedModel> model;  // X forward, Y left, Z up, the model's own unit
  std::string report;  // one line: axes and how they were found, triangles, materials, what is not drawn
  // Not empty: why the model's axes are doubtful; it stands as the first of the readings that are possible.
  std::string doubt;
  std::vector<Axes> readings;
};

// Geometry, colours, textures (files and embedded), metalness, roughness, opacity, emission: of the materials that are
// used. One error line (exit 3) for what cannot be used: a broken or too large file, an extension that it requires and
// that is not read here, no triangles, positions that are not finite, a file that it names and that is missing or lies
// outside the folder.
Imported import_mesh(const MeshFile& file, const ImportOptions& options);

}  // namespace spinfill::synth
