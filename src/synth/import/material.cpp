// SPDX-License-Identifier: Apache-2.0
#include "synth/import/material.h"

#include <algorithm>
#include <cmath>

namespace spinfill::synth {
namespace {

Vec3 rgb(const cv::Vec4f& texel) {
  return {texel[0], texel[1], texel[2]};
}

// Diffuse and specular colour as base colour and metalness, so that both give the same diffuse colour and reflection
// at normal incidence (KHR_materials_pbrSpecularGlossiness, appendix B: the quadratic for metalness).
void metal_from_specular(const Vec3& diffuse, const Vec3& specular, Surface& surface) {
  constexpr float kDielectric = 0.04f;
  const auto brightness = [](const Vec3& c) {
    return std::sqrt(0.299f * c.x() * c.x() + 0.587f * c.y() * c.y() + 0.114f * c.z() * c.z());
  };
  const float strongest = specular.maxCoeff(), reflected = brightness(specular), scattered = brightness(diffuse);
  if (reflected >= kDielectric) {
    const float b = scattered * (1 - strongest) / (1 - kDielectric) + reflected - 2 * kDielectric;
    const float root = std::max(0.0f, b * b - 4 * kDielectric * (kDielectric - reflected));
    surface.metallic = std::clamp((-b + std::sqrt(root)) / (2 * kDielectric), 0.0f, 1.0f);
  }
  const float m = surface.metallic;
  const Vec3 from_diffuse = diffuse * (1 - strongest) / ((1 - kDielectric) * std::max(1e-4f, 1 - m));
  const Vec3 from_specular = (specular - Vec3::Constant(kDielectric * (1 - m))) / std::max(1e-4f, m);
  surface.albedo = mix(from_diffuse, from_specular, m * m).cwiseMax(0.0f).cwiseMin(1.0f);
}

void apply_alpha(const Material& m, float alpha, Surface& s) {
  constexpr float kNothing = 0.02f, kFull = 0.97f;
  switch (m.alpha) {
    case Material::Alpha::opaque: return;
    case Material::Alpha::mask: s.cut |= alpha < m.cutoff; return;
    case Material::Alpha::blend:
      s.cut |= alpha < kNothing;
      if (alpha < kFull) s.transmission = std::max(s.transmission, 1 - alpha);
  }
}

}  // namespace

Surface surface_of(const Material& m, const Point& point) {
  Surface s;
  s.cut = point.inside && !m.double_sided;
  s.albedo = m.colour.cwiseProduct(point.colour);
  s.metallic = m.metallic;
  s.roughness = m.roughness;
  s.coat = m.coat;
  s.transmission = m.transmission;
  float alpha = m.opacity * point.attribute.z();
  if (!m.base.empty()) {
    const cv::Vec4f texel = m.base.colour(point);
    s.albedo = s.albedo.cwiseProduct(rgb(texel));
    alpha *= texel[3];
  }
  if (!m.opacity_texture.empty()) alpha *= m.opacity_texture.values(point)[0];
  if (!m.metallic_roughness.empty()) {
    const cv::Vec4f texel = m.metallic_roughness.values(point);
    s.metallic *= texel[2];
    s.roughness *= texel[1];
  }
  if (m.specular_glossiness) {
    Vec3 specular = m.specular;
    float glossiness = m.glossiness;
    if (!m.specular_texture.empty()) {
      const cv::Vec4f texel = m.specular_texture.colour(point);
      specular = specular.cwiseProduct(rgb(texel));
      glossiness *= texel[3];
    }
    s.roughness = 1 - glossiness;
    metal_from_specular(s.albedo, specular, s);
  }
  s.roughness = std::max(0.05f, s.roughness);
  if (!m.coat_texture.empty()) s.coat *= m.coat_texture.values(point)[0];
  if (!m.transmission_texture.empty()) s.transmission *= m.transmission_texture.values(point)[0];
  s.glow = m.emission;
  if (!m.emission_texture.empty()) s.glow = s.glow.cwiseProduct(rgb(m.emission_texture.colour(point)));
  apply_alpha(m, alpha, s);
  return s;
}

}  // namespace spinfill::synth
