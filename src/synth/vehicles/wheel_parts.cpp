// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "synth/vehicles/deep_wheel.h"
#include "synth/vehicles/parts.h"

namespace spinfill::synth {
namespace {

// A wheel of the left side, its outer face at y = 0.
WheelMeshes wheel_meshes(const WheelDesign& w) {
  const Vec3 centre(0, 0, 0);
  WheelMeshes m;
  const float R = w.radius, r = w.rim, width = w.width, round = std::min(0.03f, 0.35f * (R - r));
  add_lathe(m.tyre, centre,
            {{r * 0.98f, -width},
             {r * 1.02f, -width},
             {(R + r) / 2, -width - 0.01f},
             {R - round, -width + 0.005f},
             {R, -width + round},
             {R, -round},
             {R - round, -0.005f},
             {(R + r) / 2, 0.008f},
             {r * 1.02f, -0.004f},
             {r * 0.98f, -0.03f}},
            40);
  add_lathe(m.rim, centre,
            {{r, -0.012f},
             {r * 0.93f, -0.004f},
             {r * 0.9f, -0.02f},
             {r * 0.5f, -0.035f},
             {r * 0.15f, -0.03f},
             {0.001f, -0.025f}},
            40);
  add_lathe(m.inside, centre, {{r * 0.985f, -0.01f}, {r * 0.96f, -width * 0.9f}, {0.001f, -width * 0.9f}}, 24);
  add_lathe(m.brake, centre, {{r * 0.72f, -0.11f}, {r * 0.72f, -0.09f}, {0.001f, -0.09f}}, 24);
  return m;
}

// On the back, off the middle, facing backwards.
WheelMeshes spare_wheel_meshes(const VehicleDesign& d) {
  const WheelDesign& w = d.wheel;
  const float R = w.radius, r = w.rim;
  WheelMeshes m;
  add_lathe(m.tyre, Vec3::Zero(),
            {{r, -w.width},
             {R - 0.03f, -w.width},
             {R, -w.width + 0.03f},
             {R, -0.03f},
             {R - 0.03f, 0},
             {r, 0},
             {r * 0.98f, -0.03f}},
            36);
  add_lathe(m.rim, Vec3::Zero(), {{r, -0.012f}, {r * 0.9f, -0.02f}, {r * 0.5f, -0.035f}, {0.001f, -0.025f}}, 36);
  add_lathe(m.inside, Vec3::Zero(), {{r * 0.99f, -0.05f}, {0.001f, -0.05f}}, 24);
  const Vec3 place(d.body.x_of(d.body.length) - w.width * 0.95f, d.plate_offset > 0 ? -0.18f : 0.18f,
                   0.95f + 0.08f * d.height);
  for (Mesh* mesh : {&m.tyre, &m.rim, &m.inside}) {
    for (auto* list : {&mesh->position, &mesh->normal}) {
      for (auto& p : *list) p = Vec3(-p.y(), p.x(), p.z());  // axis from +Y to −X
    }
    mesh->translate(place);
  }
  return m;
}

// Dark half cylinders with an inner wall.
void add_wheel_wells(Model& model, const VehicleDesign& d) {
  Mesh& liner = add_part(model, kLiner);
  for (const auto& arch : d.body.arches) {
    for (const float side : {1.0f, -1.0f}) {
      Grid grid;
      const float inner = d.width / 2 - d.wheel.width - 0.16f, radius = arch.radius + 0.004f;
      grid.rows = 3;
      grid.columns = 19;
      for (int row = 0; row < 3; ++row) {
        for (int column = 0; column < 19; ++column) {
          const float angle = kPi * (-0.12f + 1.24f * static_cast<float>(column) / 18);
          const float s = arch.s - radius * std::cos(angle), z = arch.z + radius * std::sin(angle);
          const float outer = std::max(inner + 0.02f, d.body.side_at(s, z) - 0.006f);
          const float y = row == 2 ? outer : inner, shrink = row == 0 ? 0.0f : 1.0f;
          grid.position.emplace_back(d.body.x_of(mix(arch.s, s, shrink)), side * y, mix(arch.z, z, shrink));
          grid.attribute.push_back(Vec3::Zero());
        }
      }
      add_grid(liner, grid);
    }
  }
}

}  // namespace

void add_wheels(Model& model, const VehicleDesign& d) {
  // One part each for all wheels.
  Mesh &tyres = add_part(model, kTyre), &rims = add_part(model, kRim), &insides = add_part(model, kLiner),
       &brakes = add_part(model, kBrake);
  Mesh* calipers = d.photo ? &add_part(model, kCaliper) : nullptr;
  Mesh* spokes = d.photo ? &add_part(model, kSpoke) : nullptr;
  const auto add = [&](const WheelMeshes& wheel) {
    tyres.append(wheel.tyre);
    rims.append(wheel.rim);
    insides.append(wheel.inside);
    brakes.append(wheel.brake);
    if (!d.photo) return;
    calipers->append(wheel.caliper);
    spokes->append(wheel.spokes);
  };
  const auto add_at = [&](float s, float side, float outer) {
    WheelMeshes wheel = d.photo ? deep_wheel_meshes(d) : wheel_meshes(d.wheel);
    for (Mesh* mesh : {&wheel.tyre, &wheel.rim, &wheel.inside, &wheel.brake, &wheel.caliper, &wheel.spokes}) {
      mesh->translate({d.body.x_of(s), outer, d.wheel.radius});
      if (side < 0) mesh->mirror_y();
    }
    add(wheel);
  };
  for (std::size_t i = 0; i < d.axles.size(); ++i) {
    for (const float side : {1.0f, -1.0f}) {
      const float outer = d.width / 2 - d.wheel_inset;
      add_at(d.axles[i], side, outer);
      if (d.dual_rear && i > 0) add_at(d.axles[i], side, outer - d.wheel.width - 0.02f);
    }
  }
  if (d.spare_wheel) add(spare_wheel_meshes(d));
  add_wheel_wells(model, d);
}

}  // namespace spinfill::synth
