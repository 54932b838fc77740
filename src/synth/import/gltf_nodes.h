// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Geometry>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "synth/import/gltf_file.h"

namespace spinfill::synth {

// The nodes of the scene that a glTF file shows, placed. Exit 3: a node that is missing or hangs on several.
class GltfNodes {
 public:
  GltfNodes(const GltfFile& file, std::set<std::string>& left_out);

  const std::vector<std::size_t>& with_mesh() const { return with_mesh_; }  // in the order of the scene
  // Scene from node; exit 3 where the node is not in the scene. `where` begins the message.
  const Eigen::Affine3f& transform(std::size_t node, const std::string& where) const;
  // Where its mesh stands: once, or as EXT_mesh_gpu_instancing says.
  std::vector<Eigen::Affine3f> instances(std::size_t node) const;

 private:
  std::vector<std::size_t> roots(std::size_t count, std::set<std::string>& left_out) const;
  std::vector<std::size_t> children(std::size_t node) const;
  void place(std::size_t node, const Eigen::Affine3f& parent, bool visible, int depth);

  const GltfFile& file_;
  std::vector<std::optional<Eigen::Affine3f>> transforms_;
  std::vector<std::size_t> with_mesh_;
};

}  // namespace spinfill::synth
