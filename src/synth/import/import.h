// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "synth/import/mesh_files.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {

struct ImportOptions {
  std::filesystem::path folder;             // nothing outside it is read
  std::string up = "auto", front = "auto";  // x, -x, y, -y, z, -z: the model's own axes
};

struct Imported {
  std::unique_ptr<Model> model;  // X forward, Y left, Z up, the model's own unit
  std::string report;            // one line: axes and how they were found, triangles, materials
};

// Geometry, base colours, vertex colours, textures (files and embedded), metalness, roughness and opacity. One error
// line (exit 3) for what cannot be used: a broken or too large file, no triangles, positions that are not finite, a
// texture that is missing or lies outside the folder.
Imported import_mesh(const MeshFile& file, const ImportOptions& options);

}  // namespace spinfill::synth
