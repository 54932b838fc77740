// SPDX-License-Identifier: Apache-2.0
#include "synth/import/repaint.h"

#include <fmt/format.h>

#include <Eigen/Geometry>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string_view>

#include "synth/import/mesh_files.h"
#include "synth/import/scene.h"
#include "synth/vehicles/design_draw.h"
#include "synth/vehicles/materials.h"

namespace spinfill::synth {
namespace {

constexpr float kSame = 0.14f, kOther = 0.28f;  // distances of encoded colours
constexpr std::size_t kMaxSamples = 60000;

struct Sample {
  std::size_t material;
  float area;
  Vec3 colour, encoded;
};

Vec3 encoded(const Vec3& colour) {
  return colour.cwiseMax(0.0f).unaryExpr([](float x) { return std::pow(x, 1 / 2.2f); });
}

bool contains_one(const std::string& name, const auto& words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

bool says_paint(const std::string& name) {
  static constexpr std::array<std::string_view, 6> words = {"paint",      "body",        "lack",
                                                            "karosserie", "carrosserie", "chassis_colour"};
  return contains_one(name, words);
}

bool says_other(const std::string& name) {
  static constexpr std::array<std::string_view, 27> words = {
      "glass",   "window", "windscreen", "windshield", "tire",   "tyre",    "wheel",  "rim",    "rubber",
      "chrome",  "light",  "lamp",       "interior",   "seat",   "leather", "trim",   "mirror", "plate",
      "plastic", "brake",  "grill",      "bumper",     "engine", "under",   "fabric", "logo",   "black"};
  return contains_one(name, words);
}

// The middle of every triangle, or of as many as are enough.
std::vector<Sample> samples_of(const ImportedModel& model) {
  std::size_t triangles = 0;
  for (const Part& part : model.parts) triangles += part.mesh.triangles.size();
  const std::size_t step = std::max<std::size_t>(1, triangles / kMaxSamples);
  std::vector<Sample> out;
  for (std::size_t i = 0; i < model.parts.size(); ++i) {
    const Mesh& mesh = model.parts[i].mesh;
    for (std::size_t t = 0; t < mesh.triangles.size(); t += step) {
      const std::uint32_t a = mesh.triangles[t][0], b = mesh.triangles[t][1], c = mesh.triangles[t][2];
      const auto middle = [&](const std::vector<Vec3>& of) { return Vec3((of[a] + of[b] + of[c]) / 3); };
      Point point;
      point.part = static_cast<int>(i);
      point.position = middle(mesh.position);
      point.attribute = middle(mesh.attribute);
      if (!mesh.second.empty()) point.second = middle(mesh.second);
      if (!mesh.colour.empty()) point.colour = middle(mesh.colour);
      point.normal = Vec3(0, 0, 1);
      const auto material = static_cast<std::size_t>(model.parts[i].kind);
      const Surface surface = surface_of(model.materials[material], point);
      if (surface.cut || surface.transmission > 0.1f) continue;
      const float area = (mesh.position[b] - mesh.position[a]).cross(mesh.position[c] - mesh.position[a]).norm() / 2;
      out.push_back({material, area, surface.albedo, encoded(surface.albedo)});
    }
  }
  return out;
}

// The mean colour of the cell of colours that covers most, and its material; no area where there is none.
Sample most_covering(const std::vector<Sample>& samples, const auto& wanted) {
  std::map<std::pair<std::size_t, std::array<int, 3>>, Sample> cells;
  for (const Sample& sample : samples) {
    if (!wanted(sample)) continue;
    std::array<int, 3> cell;
    for (std::size_t c = 0; c < 3; ++c)
      cell[c] = static_cast<int>(std::lround(8 * sample.encoded[static_cast<int>(c)]));
    Sample& sum = cells.try_emplace({sample.material, cell}, Sample{sample.material, 0, Vec3::Zero(), Vec3::Zero()})
                      .first->second;
    sum.area += sample.area;
    sum.colour += sample.area * sample.colour;
  }
  Sample most{0, 0, Vec3::Zero(), Vec3::Zero()};
  for (const auto& [cell, sum] : cells) {
    if (sum.area > most.area) most = sum;
  }
  if (most.area > 0) most.colour /= most.area;
  most.encoded = encoded(most.colour);
  return most;
}

}  // namespace

std::optional<BodyPaint> find_body_paint(const ImportedModel& model) {
  const std::vector<Sample> samples = samples_of(model);
  std::vector<bool> paint(model.materials.size()), other(model.materials.size());
  for (std::size_t m = 0; m < model.materials.size(); ++m) {
    const std::string name = lower(model.materials[m].name);
    other[m] = says_other(name);
    paint[m] = says_paint(name) && !other[m];
  }
  const auto coloured = [](const Sample& sample) { return sample.encoded.maxCoeff() > 0.2f; };
  // Without a name dark greys are tyres and plastics.
  const auto paint_like = [](const Sample& sample) {
    const float most = sample.encoded.maxCoeff(), least = sample.encoded.minCoeff();
    return most > 0.2f && (most > 0.6f || most - least > 0.2f);
  };
  Sample found = most_covering(samples, [&](const Sample& s) { return paint[s.material] && coloured(s); });
  if (found.area <= 0)
    found = most_covering(samples, [&](const Sample& s) { return !other[s.material] && paint_like(s); });
  if (found.area <= 0) return std::nullopt;
  BodyPaint out{found.colour, std::vector<bool>(model.materials.size()), 0, model.materials[found.material].name};
  std::vector<float> own(model.materials.size()), near(model.materials.size()), edge(model.materials.size());
  float total = 0, graded = 0;
  for (const Sample& sample : samples) {
    total += sample.area;
    own[sample.material] += sample.area;
    const float away = (sample.encoded - found.encoded).norm();
    if (away < kSame) near[sample.material] += sample.area;
    if (between(kSame, away, kOther)) edge[sample.material] += sample.area;
  }
  for (std::size_t m = 0; m < own.size(); ++m) {
    out.materials[m] = !other[m] && near[m] > 0.1f * own[m];
    if (!out.materials[m]) continue;
    out.share += near[m] / total;
    graded += edge[m] / total;
  }
  // A picture of a shaded car has no one colour to replace.
  if (out.share < 0.15f || graded > 0.5f * out.share) return std::nullopt;
  return out;
}

std::string paint_report(const std::optional<BodyPaint>& paint) {
  if (!paint) return "no paint recognised: its variants keep its colours";
  return fmt::format("paint: '{}', {:.0f} % of the surface", paint->name, 100 * paint->share);
}

void Repaint::apply(std::size_t material, Surface& surface) const {
  if (!old.materials[material] || surface.cut || surface.transmission > 0.1f) return;
  const float away = (encoded(surface.albedo) - encoded(old.colour)).norm();
  const float painted = 1 - smoothstep(kSame, kOther, away);
  if (painted <= 0) return;
  const float brightness = std::clamp(surface.albedo.mean() / std::max(0.01f, old.colour.mean()), 0.0f, 1.25f);
  surface.albedo = mix(surface.albedo, Vec3((brightness * colour).cwiseMin(0.9f)), painted);
  surface.metallic = mix(surface.metallic, metallic, painted);
  surface.roughness = mix(surface.roughness, roughness, painted);
  surface.coat = mix(surface.coat, 1, painted);
}

void vary(ImportedModel& model, Random& random) {
  Draw draw{random};
  const Paint paint = draw_paint(draw);
  // Length and wheels' roundness are kept: the width varies most.
  const Vec3 stretch(1, draw(0.96, 1.04), draw(0.98, 1.02));
  if (auto found = find_body_paint(model))
    model.repaint = Repaint{std::move(*found), paint.colour, paint.metallic, paint.roughness};
  for (Part& part : model.parts) {
    for (Vec3& p : part.mesh.position) p = p.cwiseProduct(stretch);
    for (Vec3& n : part.mesh.normal) {
      const Vec3 turned = n.cwiseQuotient(stretch);
      const float length = turned.norm();
      if (length > 0) n = turned / length;
    }
  }
}

}  // namespace spinfill::synth
