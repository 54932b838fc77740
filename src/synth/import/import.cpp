// SPDX-License-Identifier: Apache-2.0
#include "synth/import/import.h"

#include <algorithm>

#include <Eigen/Geometry>

#include "core/error.h"
#include "core/files/files.h"
#include "synth/import/gltf_file.h"
#include "synth/import/orientation.h"
#include "synth/import/scene.h"

namespace spinfill::synth {
namespace {

void check_size(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) fail("{}: cannot be read: {}", path.string(), error.message());
  if (size == 0) fail("{}: the file is empty", path.string());
  if (size > kMaxModelFile)
    fail("{}: {} MiB is more than the {} allowed; simplify the model", path.string(), size >> 20, kMaxModelFile >> 20);
}

// Points all over the surface, so that coarse meshes are judged by their shape and not by their corners.
std::vector<Vec3> surface_points(const Model& model, std::size_t triangles) {
  std::vector<Vec3> points;
  const std::size_t step = std::max<std::size_t>(1, triangles / 20000);
  for (const auto& part : model.parts) {
    for (std::size_t t = 0; t < part.mesh.triangles.size(); t += step) {
      const auto& index = part.mesh.triangles[t];
      const Vec3 &a = part.mesh.position[index[0]], &b = part.mesh.position[index[1]],
                 &c = part.mesh.position[index[2]];
      constexpr int kSplit = 6;
      for (int i = 0; i <= kSplit; ++i) {
        for (int j = 0; i + j <= kSplit; ++j) {
          const float u = static_cast<float>(i) / kSplit, v = static_cast<float>(j) / kSplit;
          points.emplace_back(a + u * (b - a) + v * (c - a));
        }
      }
    }
  }
  return points;
}

// Turns the model to X forward, Y left, Z up.
void turn(Model& model, const Orientation& orientation) {
  Eigen::Matrix3f vehicle_from_model;
  vehicle_from_model << orientation.front.transpose(), orientation.up.cross(orientation.front).transpose(),
      orientation.up.transpose();
  for (auto& part : model.parts) {
    for (auto& p : part.mesh.position) p = vehicle_from_model * p;
    for (auto& n : part.mesh.normal) n = vehicle_from_model * n;
  }
}

}  // namespace

Imported import_mesh(const MeshFile& file, const ImportOptions& options) {
  const std::string where = file.path.string();
  const std::string extension = lower(file.path.extension().string());
  const bool gltf = extension == ".gltf" || extension == ".glb", collada = extension == ".dae";
  const ModelFiles files{file.path, options.folder};
  check_size(file.path);
  ImportedScene scene = gltf ? read_gltf(files) : read_other_format(files);
  if (scene.triangles == 0) fail("{}: has no triangles", where);

  KnownAxes known{file.up == "auto" ? options.up : file.up, file.front == "auto" ? options.front : file.front,
                  gltf || collada ? "y" : "", gltf ? "z" : "", gltf ? "glTF" : "Collada"};
  const Orientation orientation = find_orientation(surface_points(*scene.model, scene.triangles), scene.names, known);
  turn(*scene.model, orientation);
  const Vec3 extent = bounding_box(*scene.model).size();
  if (!extent.allFinite() || extent.maxCoeff() <= 0 || extent.minCoeff() < 1e-4f * extent.maxCoeff()) {
    fail("{}: is flat or has no size ({} × {} × {})", where, extent.x(), extent.y(), extent.z());
  }
  scene.model->category = file.category;
  Imported out;
  out.report = fmt::format("{}: category {}, up {} ({}), front {} ({}), {} triangles, {} materials, {} textures", where,
                           file.category, axis_name(orientation.up), orientation.up_from, axis_name(orientation.front),
                           orientation.front_from, scene.triangles, scene.model->materials.size(), scene.textures);
  if (!scene.left_out.empty()) out.report += fmt::format("; not drawn: {}", fmt::join(scene.left_out, ", "));
  out.doubt = orientation.doubt;
  out.readings = orientation.readings;
  out.model = std::move(scene.model);
  return out;
}

}  // namespace spinfill::synth
