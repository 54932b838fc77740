// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "synth/import/material.h"
#include "synth/import/model_files.h"
#include "synth/import/orientation.h"
#include "synth/import/repaint.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {

// A part's kind is the number of its material.
class ImportedModel : public Model {
 public:
  std::vector<Material> materials;
  std::optional<Repaint> repaint;

  Surface surface(const Point& point) const override {
    const auto number = static_cast<std::size_t>(parts[static_cast<std::size_t>(point.part)].kind);
    Surface surface = surface_of(materials[number], point);
    if (repaint) repaint->apply(number, surface);
    return surface;
  }
};

// What a file holds, as it stands there: in its own axes and unit.
struct ImportedScene {
  std::unique_ptr<ImportedModel> model = std::make_unique<ImportedModel>();
  std::vector<NamedPoint> names;
  std::size_t triangles = 0, textures = 0;
  std::set<std::string> left_out;  // what the file has and is not drawn
};

ImportedScene read_gltf(const ModelFiles& files);          // .gltf, .glb
ImportedScene read_other_format(const ModelFiles& files);  // .obj, .dae, through assimp

}  // namespace spinfill::synth
