// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "synth/import/texture.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {

// What an imported file says of a surface. Every texture multiplies the value beside it.
struct Material {
  enum class Alpha { opaque, mask, blend };

  std::string name;                    // in the file, may be empty
  Vec3 colour = Vec3::Constant(0.5f);  // linear
  Texture base;                        // colour and alpha
  float metallic = 0, roughness = 0.5f;
  Texture metallic_roughness;  // blue, green
  // The older model of glTF: `colour` is the diffuse colour, and these stand for metallic and roughness.
  bool specular_glossiness = false;
  Vec3 specular = Vec3::Ones();  // linear
  float glossiness = 1;
  Texture specular_texture;  // specular colour, glossiness in alpha
  float coat = 0, transmission = 0;
  Texture coat_texture, transmission_texture;  // red
  Vec3 emission = Vec3::Zero();                // linear
  Texture emission_texture;
  Alpha alpha = Alpha::opaque;
  float opacity = 1, cutoff = 0.5f;  // cutoff: least alpha of what a mask leaves
  Texture opacity_texture;           // red
  bool double_sided = true;
};

// What light does at a point. point.attribute: (u, v, alpha of the vertices); point.second: (u, v) of the second set.
Surface surface_of(const Material& material, const Point& point);

}  // namespace spinfill::synth
