// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

#include <array>
#include <cstdint>
#include <functional>
#include <numbers>
#include <vector>

namespace spinfill::synth {

inline constexpr float kPi = std::numbers::pi_v<float>;
using Vec2 = Eigen::Vector2f;
using Vec3 = Eigen::Vector3f;

// A triangle mesh with smooth normals. Vehicles are built in metres: X forward, Y to the left, Z up, ground at Z = 0.
// What `attribute` holds is up to the part's material (body: station, section parameter, cap; see body.h).
struct Mesh {
  std::vector<Vec3> position;
  std::vector<Vec3> normal;
  std::vector<Vec3> attribute;
  std::vector<Vec3> second;  // as attribute; empty: zero
  std::vector<Vec3> colour;  // linear; empty: white
  std::vector<std::array<std::uint32_t, 3>> triangles;

  std::uint32_t add_vertex(const Vec3& p, const Vec3& n, const Vec3& a = Vec3::Zero());
  void add_quad(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d);  // counter-clockwise from outside
  void append(const Mesh& other);
  void mirror_y();  // across Y = 0; keeps the orientation outward
  void translate(const Vec3& by);
};

// Vertex grid, rows × columns; triangles of the cells for which keep(row, column) holds (all where it is empty).
// Normals are area-weighted averages that look away from `inside(position)`.
struct Grid {
  int rows = 0, columns = 0;
  std::vector<Vec3> position, attribute;  // row-major
};
void add_grid(Mesh& mesh, const Grid& grid, const std::function<bool(int, int)>& keep = {});

// Box with rounded edges; attribute = position relative to the centre in units of the half size.
void add_box(Mesh& mesh, const Vec3& centre, const Vec3& half, float rounding);

// Surface of revolution about the line parallel to Y through `centre`; profile points are (radius, y).
// Attribute: (angle, radius, y). Sharp where the profile bends by more than 40°.
void add_lathe(Mesh& mesh, const Vec3& centre, const std::vector<Vec2>& profile, int segments, float from = 0,
               float to = 6.2831853f);

// Round bar along a path.
void add_tube(Mesh& mesh, const std::vector<Vec3>& path, float radius, int sides = 8);

// Flat rectangle centred at `centre` with half axes a and b; it faces a × b. Attribute: (u, v, 0) in [−1, 1].
void add_panel(Mesh& mesh, const Vec3& centre, const Vec3& a, const Vec3& b);

}  // namespace spinfill::synth
