// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <assimp/scene.h>

#include <filesystem>
#include <map>
#include <string>

#include <opencv2/core/mat.hpp>

#include "synth/shapes/model.h"

namespace spinfill::synth {

struct Material {
  Vec3 colour = Vec3::Constant(0.5f);  // linear
  cv::Mat texture;                     // RGBA, empty: none
  float metallic = 0, roughness = 0.5f, opacity = 1, coat = 0;
  bool alpha_cuts = false;
};

// What light does where the point's attribute is (u, v) of the texture.
Surface surface_of(const Material& material, const Point& point);

// Reads materials of one file; each texture is decoded once. Errors (exit 3): a texture that is missing or lies outside
// the folder.
class MaterialReader {
 public:
  // model: the file. top: nothing outside this folder is read. gltf: colours are linear, alpha modes are named.
  MaterialReader(const aiScene& scene, std::filesystem::path model, std::filesystem::path top, bool gltf)
      : scene_(scene), model_(std::move(model)), top_(std::move(top)), gltf_(gltf) {}
  Material read(const aiMaterial& from);
  std::size_t textures() const { return textures_.size(); }

 private:
  const cv::Mat& texture(const std::string& name);

  const aiScene& scene_;
  std::filesystem::path model_, top_;
  bool gltf_;
  std::map<std::string, cv::Mat> textures_;
};

}  // namespace spinfill::synth
