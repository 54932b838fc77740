// SPDX-License-Identifier: Apache-2.0
#include "synth/shapes/mesh.h"

#include <Eigen/Geometry>

#include <cmath>
#include <utility>

namespace spinfill::synth {

std::uint32_t Mesh::add_vertex(const Vec3& p, const Vec3& n, const Vec3& a) {
  position.push_back(p);
  normal.push_back(n);
  attribute.push_back(a);
  return static_cast<std::uint32_t>(position.size() - 1);
}

void Mesh::add_quad(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  triangles.push_back({a, b, c});
  triangles.push_back({a, c, d});
}

void Mesh::append(const Mesh& other) {
  const auto base = static_cast<std::uint32_t>(position.size());
  position.insert(position.end(), other.position.begin(), other.position.end());
  normal.insert(normal.end(), other.normal.begin(), other.normal.end());
  attribute.insert(attribute.end(), other.attribute.begin(), other.attribute.end());
  for (const auto& t : other.triangles) triangles.push_back({t[0] + base, t[1] + base, t[2] + base});
}

void Mesh::mirror_y() {
  for (auto& p : position) p.y() = -p.y();
  for (auto& n : normal) n.y() = -n.y();
  for (auto& t : triangles) std::swap(t[1], t[2]);
}

void Mesh::translate(const Vec3& by) {
  for (auto& p : position) p += by;
}

void add_grid(Mesh& mesh, const Grid& grid, const std::function<bool(int, int)>& keep) {
  const auto base = static_cast<std::uint32_t>(mesh.position.size());
  std::vector<Vec3> normals(grid.position.size(), Vec3::Zero());
  const auto at = [&](int row, int column) { return static_cast<std::size_t>(row * grid.columns + column); };
  for (int row = 0; row + 1 < grid.rows; ++row) {
    for (int column = 0; column + 1 < grid.columns; ++column) {
      const std::size_t corners[4] = {at(row, column), at(row, column + 1), at(row + 1, column + 1),
                                      at(row + 1, column)};
      const Vec3 n = (grid.position[corners[2]] - grid.position[corners[0]])
                         .cross(grid.position[corners[3]] - grid.position[corners[1]]);
      for (const auto corner : corners) normals[corner] += n;
    }
  }
  for (std::size_t i = 0; i < grid.position.size(); ++i) {
    const float length = normals[i].norm();
    mesh.add_vertex(grid.position[i], length > 0 ? Vec3(normals[i] / length) : Vec3(0, 0, 1), grid.attribute[i]);
  }
  for (int row = 0; row + 1 < grid.rows; ++row) {
    for (int column = 0; column + 1 < grid.columns; ++column) {
      if (keep && !keep(row, column)) continue;
      const auto index = [&](int r, int c) { return base + static_cast<std::uint32_t>(at(r, c)); };
      mesh.add_quad(index(row, column), index(row, column + 1), index(row + 1, column + 1), index(row + 1, column));
    }
  }
}

void add_box(Mesh& mesh, const Vec3& centre, const Vec3& half, float rounding) {
  const float radius = std::min(rounding, half.minCoeff());
  const Vec3 core = half - Vec3::Constant(radius);
  constexpr int kSteps = 3;  // per quadrant; the flat faces lie between the quadrants
  std::vector<float> longitude, latitude;
  for (int quadrant = 0; quadrant < 4; ++quadrant) {
    for (int i = 0; i <= kSteps; ++i) longitude.push_back((quadrant + static_cast<float>(i) / kSteps) * kPi / 2);
  }
  longitude.push_back(2 * kPi);
  for (int quadrant = 0; quadrant < 2; ++quadrant) {
    for (int i = 0; i <= kSteps; ++i) latitude.push_back((quadrant - 1 + static_cast<float>(i) / kSteps) * kPi / 2);
  }
  const auto base = static_cast<std::uint32_t>(mesh.position.size());
  const int columns = static_cast<int>(longitude.size());
  for (std::size_t row = 0; row < latitude.size(); ++row) {
    for (int column = 0; column < columns; ++column) {
      const float lat = latitude[row], lon = longitude[static_cast<std::size_t>(column)];
      const Vec3 n(std::cos(lat) * std::cos(lon), std::cos(lat) * std::sin(lon), std::sin(lat));
      // Which quadrant a duplicated boundary angle belongs to decides the sign.
      const int quadrant = column == columns - 1 ? 0 : column / (kSteps + 1);
      const Vec3 sign(quadrant == 0 || quadrant == 3 ? 1 : -1, quadrant < 2 ? 1 : -1,
                      row <= static_cast<std::size_t>(kSteps) ? -1 : 1);
      const Vec3 local = sign.cwiseProduct(core) + radius * n;
      mesh.add_vertex(centre + local, n, local.cwiseQuotient(half));
    }
  }
  const auto rows = static_cast<int>(latitude.size());
  for (int row = 0; row + 1 < rows; ++row) {
    for (int column = 0; column + 1 < columns; ++column) {
      const auto index = [&](int r, int c) { return base + static_cast<std::uint32_t>(r * columns + c); };
      mesh.add_quad(index(row, column), index(row, column + 1), index(row + 1, column + 1), index(row + 1, column));
    }
  }
  // The pole rows are points only for core = 0: close the flat bottom and top.
  for (const bool top : {false, true}) {
    const float z = top ? half.z() : -half.z();
    const Vec3 n(0, 0, top ? 1 : -1);
    std::uint32_t corner[4];
    const float sx[4] = {1, -1, -1, 1}, sy[4] = {1, 1, -1, -1};
    for (int i = 0; i < 4; ++i) {
      const Vec3 local(sx[i] * core.x(), sy[i] * core.y(), z);
      corner[i] = mesh.add_vertex(centre + local, n, local.cwiseQuotient(half));
    }
    if (top)
      mesh.add_quad(corner[0], corner[1], corner[2], corner[3]);
    else
      mesh.add_quad(corner[3], corner[2], corner[1], corner[0]);
  }
}

void add_lathe(Mesh& mesh, const Vec3& centre, const std::vector<Vec2>& profile, int segments, float from, float to) {
  // Each profile edge has its own vertices; their normals are shared with the neighbouring edge where it bends little.
  const std::size_t edges = profile.size() - 1;
  std::vector<Vec2> edge_normal(edges);
  for (std::size_t i = 0; i < edges; ++i) {
    const Vec2 d = (profile[i + 1] - profile[i]).normalized();
    edge_normal[i] = Vec2(d.y(), -d.x());  // (radial, axial), to the right of the direction of travel
  }
  for (std::size_t i = 0; i < edges; ++i) {
    const auto joined = [&](std::size_t other) {
      return edge_normal[i].dot(edge_normal[other]) > 0.76f ? Vec2((edge_normal[i] + edge_normal[other]).normalized())
                                                            : edge_normal[i];
    };
    const Vec2 ends[2] = {i > 0 ? joined(i - 1) : edge_normal[i], i + 1 < edges ? joined(i + 1) : edge_normal[i]};
    const auto base = static_cast<std::uint32_t>(mesh.position.size());
    for (int s = 0; s <= segments; ++s) {
      const float angle = from + (to - from) * static_cast<float>(s) / static_cast<float>(segments);
      const Vec3 out(std::cos(angle), 0, std::sin(angle));
      for (int end = 0; end < 2; ++end) {
        const Vec2& p = profile[i + static_cast<std::size_t>(end)];
        mesh.add_vertex(centre + p.x() * out + Vec3(0, p.y(), 0), ends[end].x() * out + Vec3(0, ends[end].y(), 0),
                        Vec3(angle, p.x(), p.y()));
      }
      if (s > 0) {
        const auto k = base + static_cast<std::uint32_t>(2 * s);
        mesh.add_quad(k - 2, k - 1, k + 1, k);
      }
    }
  }
}

void add_tube(Mesh& mesh, const std::vector<Vec3>& path, float radius, int sides) {
  Grid grid;
  grid.rows = static_cast<int>(path.size());
  grid.columns = sides + 1;
  Vec3 up(0, 0, 1);
  for (std::size_t i = 0; i < path.size(); ++i) {
    const Vec3 ahead = (path[std::min(i + 1, path.size() - 1)] - path[i > 0 ? i - 1 : 0]).normalized();
    if (std::abs(ahead.dot(up)) > 0.9f) up = Vec3(1, 0, 0);
    const Vec3 a = ahead.cross(up).normalized(), b = ahead.cross(a);
    up = -b;
    for (int s = 0; s <= sides; ++s) {
      const float angle = 2 * kPi * static_cast<float>(s) / static_cast<float>(sides);
      grid.position.push_back(path[i] + radius * (std::cos(angle) * a + std::sin(angle) * b));
      grid.attribute.push_back(Vec3::Zero());
    }
  }
  add_grid(mesh, grid);
}

void add_panel(Mesh& mesh, const Vec3& centre, const Vec3& a, const Vec3& b) {
  const Vec3 n = a.cross(b).normalized();
  const auto p = mesh.add_vertex(centre - a - b, n, Vec3(-1, -1, 0));
  const auto q = mesh.add_vertex(centre + a - b, n, Vec3(1, -1, 0));
  const auto r = mesh.add_vertex(centre + a + b, n, Vec3(1, 1, 0));
  const auto s = mesh.add_vertex(centre - a + b, n, Vec3(-1, 1, 0));
  mesh.add_quad(p, q, r, s);
}

}  // namespace spinfill::synth
