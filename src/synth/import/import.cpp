// SPDX-License-Identifier: Apache-2.0
#include "synth/import/import.h"

#include <assimp/DefaultIOSystem.h>
#include <assimp/config.h>
#include <assimp/postprocess.h>
#include <assimp/scene.h>

#include <algorithm>
#include <assimp/Importer.hpp>
#include <cmath>
#include <map>

#include <Eigen/Geometry>

#include "core/error.h"
#include "core/files/files.h"
#include "synth/import/material.h"
#include "synth/import/orientation.h"

namespace spinfill::synth {
namespace {

constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 30;
constexpr std::size_t kMaxTriangles = 20'000'000;

std::string first_line(const std::string& text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

// Opens nothing outside the folder: neither material libraries nor glTF buffers.
class FolderIO : public Assimp::DefaultIOSystem {
 public:
  explicit FolderIO(const fs::path& folder) : root_(fs::weakly_canonical(folder)) {}
  bool Exists(const char* file) const override { return inside(file) && DefaultIOSystem::Exists(file); }
  Assimp::IOStream* Open(const char* file, const char* mode) override {
    if (!inside(file)) {
      refused_ = file;
      return nullptr;
    }
    return DefaultIOSystem::Open(file, mode);
  }
  const std::string& refused() const { return refused_; }

 private:
  bool inside(const fs::path& file) const {
    std::error_code error;
    const fs::path full = fs::weakly_canonical(file, error);
    const fs::path within = full.lexically_relative(root_);
    if (!error && !within.empty() && *within.begin() != "..") return true;
    refused_ = file;
    return false;
  }
  fs::path root_;
  mutable std::string refused_;
};

class ImportedModel : public Model {
 public:
  std::vector<Material> materials;

  Surface surface(const Point& point) const override {
    return surface_of(materials[static_cast<std::size_t>(parts[static_cast<std::size_t>(point.part)].kind)], point);
  }
};

struct Walker {
  const aiScene& scene;
  ImportedModel& model;
  std::vector<NamedPoint>& names;
  const std::string where;
  std::size_t triangles = 0;
  std::map<unsigned, Part*> parts;  // one per material

  void visit(const aiNode& node, const aiMatrix4x4& parent, const std::string& path, int depth) {
    if (depth > 200) fail("{}: its nodes are nested too deeply", where);
    const aiMatrix4x4 transform = parent * node.mTransformation;
    const std::string name = depth == 0 ? path : path + "/" + lower(node.mName.C_Str());
    for (unsigned i = 0; i < node.mNumMeshes; ++i)
      add(*scene.mMeshes[node.mMeshes[i]], transform, lower(node.mName.C_Str()));
    for (unsigned i = 0; i < node.mNumChildren; ++i) visit(*node.mChildren[i], transform, name, depth + 1);
  }

  void add(const aiMesh& mesh, const aiMatrix4x4& transform, const std::string& name) {
    if ((mesh.mPrimitiveTypes & aiPrimitiveType_TRIANGLE) == 0 || mesh.mNumFaces == 0) return;
    triangles += mesh.mNumFaces;
    if (triangles > kMaxTriangles) fail("{}: more than {} triangles; simplify the model", where, kMaxTriangles);
    Part*& part = parts[mesh.mMaterialIndex];
    if (part == nullptr) {
      model.parts.emplace_back();
      part = &model.parts.back();
      part->kind = static_cast<int>(mesh.mMaterialIndex);
    }
    Mesh& out = part->mesh;
    const auto base = static_cast<std::uint32_t>(out.position.size());
    aiMatrix3x3 turn(transform);
    turn.Inverse().Transpose();
    Vec3 sum = Vec3::Zero();
    for (unsigned i = 0; i < mesh.mNumVertices; ++i) {
      const aiVector3D p = transform * mesh.mVertices[i];
      const aiVector3D n = mesh.HasNormals() ? turn * mesh.mNormals[i] : aiVector3D(0, 0, 0);
      const Vec3 position(p.x, p.y, p.z);
      Vec3 normal(n.x, n.y, n.z);
      if (!position.allFinite() || position.cwiseAbs().maxCoeff() > 1e12f) {
        fail("{}: vertex {} of mesh '{}' is not a finite number", where, i, mesh.mName.C_Str());
      }
      normal = normal.allFinite() && normal.norm() > 0 ? Vec3(normal.normalized()) : Vec3::Zero();
      const Vec3 uv =
          mesh.HasTextureCoords(0) ? Vec3(mesh.mTextureCoords[0][i].x, mesh.mTextureCoords[0][i].y, 0) : Vec3::Zero();
      out.add_vertex(position, normal, uv);
      Vec3 colour = Vec3::Ones();
      if (mesh.HasVertexColors(0)) {
        const auto& c = mesh.mColors[0][i];
        if (std::isfinite(c.r) && std::isfinite(c.g) && std::isfinite(c.b)) {
          colour = Vec3(c.r, c.g, c.b).cwiseMax(0.0f).cwiseMin(1.0f);
        }
      }
      out.colour.push_back(colour);
      sum += position;
    }
    for (unsigned i = 0; i < mesh.mNumFaces; ++i) {
      const aiFace& face = mesh.mFaces[i];
      if (face.mNumIndices != 3) continue;
      if (std::max({face.mIndices[0], face.mIndices[1], face.mIndices[2]}) >= mesh.mNumVertices)
        fail("{}: a triangle names a missing vertex", where);
      out.triangles.push_back({base + face.mIndices[0], base + face.mIndices[1], base + face.mIndices[2]});
    }
    names.push_back({name, sum / static_cast<float>(std::max(1u, mesh.mNumVertices))});
  }
};

// The scene, which the importer owns; checked to be complete.
const aiScene& read_scene(Assimp::Importer& importer, const MeshFile& file, const fs::path& folder) {
  const std::string where = file.path.string();
  std::error_code error;
  const auto size = fs::file_size(file.path, error);
  if (error) fail("{}: cannot be read: {}", where, error.message());
  if (size == 0) fail("{}: the file is empty", where);
  if (size > kMaxFile)
    fail("{}: {} MiB is more than the {} allowed; simplify the model", where, size >> 20, kMaxFile >> 20);
  auto* io = new FolderIO(folder);  // owned by the importer
  importer.SetIOHandler(io);
  importer.SetPropertyFloat(AI_CONFIG_PP_GSN_MAX_SMOOTHING_ANGLE, 40);
  importer.SetPropertyInteger(AI_CONFIG_PP_SBP_REMOVE, aiPrimitiveType_LINE | aiPrimitiveType_POINT);
  const aiScene* scene = nullptr;
  try {
    scene = importer.ReadFile(where, aiProcess_Triangulate | aiProcess_SortByPType | aiProcess_GenSmoothNormals |
                                         aiProcess_ValidateDataStructure);
  } catch (const std::bad_alloc&) {
    fail("{}: too large for the memory of this machine", where);
  } catch (const std::exception& problem) {
    fail("{}: cannot be read: {}", where, first_line(problem.what()));
  }
  if (!io->refused().empty())
    fail("{}: names the file '{}' outside {}; put it inside", where, io->refused(), folder.string());
  if (scene == nullptr || scene->mRootNode == nullptr || (scene->mFlags & AI_SCENE_FLAGS_INCOMPLETE) != 0) {
    fail("{}: cannot be read: {}", where, first_line(importer.GetErrorString()));
  }
  return *scene;
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
  Assimp::Importer importer;
  const aiScene& scene = read_scene(importer, file, options.folder);
  auto model = std::make_unique<ImportedModel>();
  MaterialReader materials(scene, file.path, options.folder, gltf);
  for (unsigned i = 0; i < scene.mNumMaterials; ++i) {
    model->materials.push_back(materials.read(*scene.mMaterials[i]));
  }
  if (model->materials.empty()) model->materials.emplace_back();
  std::vector<NamedPoint> names;
  Walker walker{scene, *model, names, where, 0, {}};
  walker.visit(*scene.mRootNode, aiMatrix4x4(), "", 0);
  if (walker.triangles == 0) fail("{}: has no triangles", where);

  const Orientation orientation =
      find_orientation(surface_points(*model, walker.triangles), names, options.up, options.front,
                       gltf || collada ? "y" : "", gltf ? "z" : "", gltf ? "glTF" : "Collada");
  turn(*model, orientation);
  const Vec3 extent = bounding_box(*model).size();
  if (!extent.allFinite() || extent.maxCoeff() <= 0 || extent.minCoeff() < 1e-4f * extent.maxCoeff()) {
    fail("{}: is flat or has no size ({} × {} × {})", where, extent.x(), extent.y(), extent.z());
  }
  model->category = file.category;
  Imported out;
  out.report = fmt::format("{}: category {}, up {} ({}), front {} ({}), {} triangles, {} materials, {} textures", where,
                           file.category, axis_name(orientation.up), orientation.up_from, axis_name(orientation.front),
                           orientation.front_from, walker.triangles, model->materials.size(), materials.textures());
  out.model = std::move(model);
  return out;
}

}  // namespace spinfill::synth
