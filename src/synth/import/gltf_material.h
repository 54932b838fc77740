// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "synth/import/gltf_file.h"
#include "synth/import/material.h"

namespace spinfill::synth {

// Reads materials of a glTF file: metallic-roughness, or the older specular-glossiness, with the extensions that are
// drawn. Each picture is decoded once. Exit 3: a picture that is missing, damaged or of a format that is not read, more
// than two sets of texture coordinates in one material.
class GltfMaterials {
 public:
  struct Read {
    Material material;
    std::vector<std::size_t> sets;  // texCoord of the first and second (u, v); none: no texture
  };

  GltfMaterials(const GltfFile& file, std::set<std::string>& left_out) : file_(file), left_out_(left_out) {}
  Read read(std::optional<std::size_t> index);  // nothing: the format's default material
  std::size_t textures() const { return pictures_.size(); }

 private:
  Texture texture(const Json& object, const char* key, Read& to);
  const cv::Mat& picture(std::size_t texture);
  void read_metallic_roughness(const Json& from, Read& to);
  void read_specular_glossiness(const Json& from, Read& to);
  void read_extensions(const Json& from, Read& to);
  void note_left_out(const Json& from);

  const GltfFile& file_;
  std::set<std::string>& left_out_;
  std::string where_;                        // the material that is read
  std::map<std::size_t, cv::Mat> pictures_;  // by image
};

}  // namespace spinfill::synth
