// SPDX-License-Identifier: Apache-2.0
#include "synth/vehicles/deep_wheel.h"

#include <algorithm>
#include <cmath>

#include "synth/shapes/model.h"

namespace spinfill::synth {
namespace {

struct Spoke {
  float from_angle, to_angle;  // at the hub and at the rim
  float from_half, to_half;    // half widths
  float from_radius, to_radius;
};

// A bar with rounded edges from the hub, which lies deeper, to the rim.
void add_spoke(Mesh& mesh, const Spoke& spoke) {
  constexpr int kRows = 8;
  constexpr float kAcross[8] = {-1, -1, -0.92f, -0.7f, 0.7f, 0.92f, 1, 1};
  constexpr float kDepth[8] = {0.034f, 0.01f, 0.003f, 0, 0, 0.003f, 0.01f, 0.034f};
  Grid grid;
  grid.rows = kRows;
  grid.columns = 8;
  for (int row = 0; row < kRows; ++row) {
    const float t = static_cast<float>(row) / (kRows - 1), radius = mix(spoke.from_radius, spoke.to_radius, t);
    const float angle = mix(spoke.from_angle, spoke.to_angle, t), half = mix(spoke.from_half, spoke.to_half, t);
    const float face = mix(-0.034f, -0.006f, t * t);
    const Vec3 out(std::cos(angle), 0, std::sin(angle)), side(-std::sin(angle), 0, std::cos(angle));
    for (int k = 0; k < 8; ++k) {
      grid.position.push_back(radius * out + half * kAcross[k] * side + Vec3(0, face - kDepth[k], 0));
      grid.attribute.emplace_back(kAcross[k], radius, 0);
    }
  }
  add_grid(mesh, grid);
}

void add_spokes(Mesh& mesh, const VehicleDesign& d) {
  const WheelDesign& w = d.wheel;
  const float r = w.rim, half = 0.5f * d.details.spoke_width * r;
  for (int i = 0; i < w.spokes; ++i) {
    const float step = 2 * kPi / static_cast<float>(w.spokes), angle = step * static_cast<float>(i);
    const float turned = angle + 0.5f * w.twist * step;
    if (w.style == 1) {  // two legs from a common foot
      for (const float leg : {-1.0f, 1.0f}) {
        add_spoke(mesh, {angle + 0.08f * leg * step, turned + 0.24f * leg * step, 0.55f * half, 0.5f * half, 0.15f * r,
                         0.94f * r});
      }
    } else if (w.style == 3) {
      add_spoke(mesh, {angle, turned, 0.36f * half, 0.4f * half, 0.15f * r, 0.94f * r});
    } else {
      add_spoke(mesh, {angle, turned, 0.8f * half, 1.1f * half, 0.15f * r, 0.94f * r});
    }
  }
}

}  // namespace

WheelMeshes deep_wheel_meshes(const VehicleDesign& d) {
  const WheelDesign& w = d.wheel;
  const Vec3 centre = Vec3::Zero();
  const float R = w.radius, r = w.rim, width = w.width, round = std::min(0.025f, 0.3f * (R - r));
  WheelMeshes m;
  add_lathe(m.tyre, centre,
            {{r * 0.98f, -width},
             {r * 1.02f, -width},
             {(R + r) / 2, -width - 0.012f},
             {R - round, -width + 0.006f},
             {R, -width + round},
             {R, -round},
             {R - round, -0.006f},
             {mix(r, R, 0.5f), 0.012f},
             {mix(r, R, 0.25f), 0.008f},
             {r * 1.02f, -0.006f},
             {r * 0.98f, -0.03f}},
            56);
  const float bed = -0.75f * width, disc = -0.085f;
  if (pressed_rim(w)) {
    add_lathe(m.rim, centre,
              {{r, -0.01f},
               {r * 0.94f, -0.002f},
               {r * 0.9f, -0.03f},
               {r * 0.5f, -0.018f},
               {r * 0.28f, -0.04f},
               {r * 0.15f, -0.035f},
               {0.001f, -0.025f}},
              56);
  } else {
    add_lathe(m.rim, centre, {{r, -0.01f}, {r * 0.97f, -0.002f}, {r * 0.93f, -0.004f}, {r * 0.91f, -0.03f}}, 56);
    add_lathe(m.rim, centre, {{r * 0.22f, -0.07f}, {r * 0.22f, -0.04f}, {r * 0.13f, -0.028f}, {0.001f, -0.024f}}, 32);
    add_spokes(m.spokes, d);
  }
  // The rim's bed is seen between the spokes; behind the disc it is dark.
  add_lathe(m.inside, centre, {{r * 0.93f, -0.02f}, {r * 0.88f, bed}, {0.001f, bed}}, 32);
  add_lathe(m.brake, centre,
            {{r * 0.74f, disc - 0.02f},
             {r * 0.74f, disc},
             {r * 0.36f, disc},
             {r * 0.33f, disc + 0.02f},
             {0.001f, disc + 0.02f}},
            40);
  add_lathe(m.caliper, centre,
            {{r * 0.8f, disc - 0.03f}, {r * 0.8f, disc + 0.022f}, {r * 0.52f, disc + 0.022f}, {r * 0.52f, disc}}, 8,
            0.35f, 1.35f);
  return m;
}

}  // namespace spinfill::synth
