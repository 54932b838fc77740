// SPDX-License-Identifier: Apache-2.0
#include <assimp/DefaultIOSystem.h>
#include <assimp/config.h>
#include <assimp/material.h>
#include <assimp/postprocess.h>
#include <assimp/scene.h>

#include <algorithm>
#include <array>
#include <assimp/Importer.hpp>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "synth/import/gltf_file.h"
#include "synth/import/mesh_files.h"
#include "synth/import/scene.h"

namespace spinfill::synth {
namespace {

std::string first_line(const std::string& text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

// Opens what ModelFiles finds and nothing else; remembers what it could not find or refused.
class FolderIO : public Assimp::DefaultIOSystem {
 public:
  explicit FolderIO(ModelFiles files) : files_(std::move(files)) {}
  bool Exists(const char* file) const override { return found(file).has_value(); }
  Assimp::IOStream* Open(const char* file, const char* mode) override {
    const auto path = found(file);
    if (path) opened_.push_back(path->filename());
    return path ? DefaultIOSystem::Open(path->c_str(), mode) : nullptr;
  }
  const std::string& refused() const { return refused_; }
  const std::set<std::string>& missing() const { return missing_; }
  const std::vector<fs::path>& opened() const { return opened_; }

 private:
  std::optional<fs::path> found(const char* file) const {
    const fs::path path(file), base = files_.model.parent_path();
    const std::string named = (base.empty() ? path : path.lexically_relative(base)).string();
    try {
      if (auto inside = files_.find(named)) return inside;
      missing_.insert(named);
    } catch (const Error& problem) {
      refused_ = problem.what();
    }
    return std::nullopt;
  }
  ModelFiles files_;
  std::vector<fs::path> opened_;
  mutable std::set<std::string> missing_;
  mutable std::string refused_;
};

// The scene, which the importer owns; checked to be complete.
const aiScene& read_scene(Assimp::Importer& importer, const ModelFiles& files, ImportedScene& out) {
  const std::string where = files.model.string();
  auto* io = new FolderIO(files);  // owned by the importer
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
  if (!io->refused().empty()) fail("{}", io->refused());
  if (scene == nullptr || scene->mRootNode == nullptr || (scene->mFlags & AI_SCENE_FLAGS_INCOMPLETE) != 0) {
    fail("{}: cannot be read: {}", where, first_line(importer.GetErrorString()));
  }
  const std::string own = files.model.stem().string() + ".mtl";  // assimp's second choice
  const bool has_own = std::find(io->opened().begin(), io->opened().end(), own) != io->opened().end();
  std::string missing;
  for (const std::string& name : io->missing()) {
    if (lower(name).ends_with(".mtl") && (missing.empty() || missing == own)) missing = name;
  }
  if (!missing.empty() && !has_own) {
    fail(
        "{}: its materials '{}' are not found in {}; put that file there, or remove the line 'mtllib' for a grey model",
        where, missing, fs::absolute(files.model).parent_path().string());
  }
  if (!missing.empty()) out.left_out.insert(fmt::format("'{}', which is missing ({} is used)", missing, own));
  return *scene;
}

class MaterialReader {
 public:
  MaterialReader(const aiScene& scene, const ModelFiles& files) : scene_(scene), files_(files) {}
  Material read(const aiMaterial& from);
  std::size_t textures() const { return pictures_.size(); }

 private:
  Texture texture(const aiMaterial& from, aiTextureType type);
  cv::Mat load(const std::string& named) const;

  const aiScene& scene_;
  const ModelFiles& files_;
  std::map<std::string, cv::Mat> pictures_;
};

cv::Mat MaterialReader::load(const std::string& named) const {
  const aiTexture* embedded = scene_.GetEmbeddedTexture(named.c_str());
  if (embedded == nullptr) {
    const fs::path path = files_.find_texture(named);
    return decode_texture(read_file(path, std::uint64_t{1} << 28), path.string());
  }
  const std::string where = fmt::format("{}: embedded texture '{}'", files_.model.string(), named);
  if (embedded->mHeight == 0)
    return decode_texture({reinterpret_cast<const char*>(embedded->pcData), embedded->mWidth}, where);
  if (std::max(embedded->mWidth, embedded->mHeight) > static_cast<unsigned>(kMaxPictureSide))
    fail("{}: {} × {} px is too large", where, embedded->mWidth, embedded->mHeight);
  cv::Mat out(static_cast<int>(embedded->mHeight), static_cast<int>(embedded->mWidth), CV_8UC4);
  for (int y = 0; y < out.rows; ++y) {
    for (int x = 0; x < out.cols; ++x) {
      const aiTexel& t = embedded->pcData[static_cast<std::size_t>(y) * embedded->mWidth + static_cast<std::size_t>(x)];
      out.at<cv::Vec4b>(y, x) = {t.r, t.g, t.b, t.a};
    }
  }
  return out;
}

Texture::Wrap assimp_wrap(int mode) {
  switch (mode) {
    case aiTextureMapMode_Clamp: return Texture::Wrap::clamp;
    case aiTextureMapMode_Mirror: return Texture::Wrap::mirror;
    case aiTextureMapMode_Decal: return Texture::Wrap::decal;
    default: return Texture::Wrap::repeat;
  }
}

Texture MaterialReader::texture(const aiMaterial& from, aiTextureType type) {
  Texture out;
  aiString named;
  if (from.GetTexture(type, 0, &named) != AI_SUCCESS || named.length == 0) return out;
  const std::string name = named.C_Str();
  if (!pictures_.contains(name)) pictures_[name] = load(name);
  out.picture = pictures_[name];
  int wrap_u = aiTextureMapMode_Wrap, wrap_v = wrap_u, set = 0;
  from.Get(AI_MATKEY_MAPPINGMODE_U(type, 0), wrap_u);
  from.Get(AI_MATKEY_MAPPINGMODE_V(type, 0), wrap_v);
  from.Get(AI_MATKEY_UVWSRC(type, 0), set);
  out.wrap_u = assimp_wrap(wrap_u);
  out.wrap_v = assimp_wrap(wrap_v);
  out.set = std::clamp(set, 0,
                       AI_MAX_NUMBER_OF_TEXTURECOORDS - 1);  // of the file; Walker makes it the point's first or second
  aiUVTransform move;
  if (from.Get(AI_MATKEY_UVTRANSFORM(type, 0), move) == AI_SUCCESS) {
    const float c = std::cos(move.mRotation), s = std::sin(move.mRotation);
    out.moved = move.mScaling != aiVector2D(1, 1) || move.mTranslation != aiVector2D(0, 0) || move.mRotation != 0;
    // About the picture's middle, as assimp defines it.
    Eigen::Matrix2f turn;
    turn << c, -s, s, c;
    const Vec2 middle(0.5f, 0.5f), shift(move.mTranslation.x, move.mTranslation.y);
    out.transform << turn * Eigen::DiagonalMatrix<float, 2>(move.mScaling.x, move.mScaling.y),
        middle - turn * middle + shift;
  }
  return out;
}

Material MaterialReader::read(const aiMaterial& from) {
  Material out;
  out.name = from.GetName().C_Str();
  aiColor4D colour(0.6f, 0.6f, 0.6f, 1);
  from.Get(AI_MATKEY_COLOR_DIFFUSE, colour);
  const auto byte = [](float x) {
    return static_cast<int>(std::lround(255 * std::clamp(std::isfinite(x) ? x : 0.5f, 0.0f, 1.0f)));
  };
  out.colour = linear_from_srgb(byte(colour.r), byte(colour.g), byte(colour.b));
  float opacity = 1, metallic = 0, roughness = -1, shininess = 0;
  from.Get(AI_MATKEY_OPACITY, opacity);
  from.Get(AI_MATKEY_METALLIC_FACTOR, metallic);
  if (from.Get(AI_MATKEY_ROUGHNESS_FACTOR, roughness) != AI_SUCCESS &&
      from.Get(AI_MATKEY_SHININESS, shininess) == AI_SUCCESS) {
    roughness = std::sqrt(2 / (2 + std::max(0.0f, shininess)));  // Blinn–Phong exponent to roughness
  }
  opacity = std::clamp(std::isfinite(opacity) ? opacity : 1.0f, 0.0f, 1.0f);
  out.metallic = std::clamp(std::isfinite(metallic) ? metallic : 0.0f, 0.0f, 1.0f);
  out.roughness = std::clamp(std::isfinite(roughness) && roughness >= 0 ? roughness : 0.5f, 0.05f, 1.0f);
  out.transmission = opacity < 0.97f ? 1 - opacity : 0;
  out.base = texture(from, aiTextureType_DIFFUSE);
  if (out.base.empty()) out.base = texture(from, aiTextureType_BASE_COLOR);
  out.opacity_texture = texture(from, aiTextureType_OPACITY);
  if (!out.opacity_texture.empty()) out.alpha = Material::Alpha::blend;
  if (!out.base.empty()) out.colour = Vec3::Ones();  // exporters leave an arbitrary grey beside a texture
  return out;
}

struct Walker {
  const aiScene& scene;
  ImportedScene& out;
  MaterialReader materials;
  const std::string where;
  std::map<unsigned, Part*> parts;            // one per material
  std::vector<std::array<unsigned, 2>> sets;  // of coordinates, of each part's base and opacity texture

  void visit(const aiNode& node, const aiMatrix4x4& parent, int depth) {
    if (depth > 200) fail("{}: its nodes are nested too deeply", where);
    const aiMatrix4x4 transform = parent * node.mTransformation;
    for (unsigned i = 0; i < node.mNumMeshes; ++i)
      add(*scene.mMeshes[node.mMeshes[i]], transform, lower(node.mName.C_Str()));
    for (unsigned i = 0; i < node.mNumChildren; ++i) visit(*node.mChildren[i], transform, depth + 1);
  }

  // The part of a material, which is read when it is first used.
  Part& part_of(unsigned material) {
    Part*& part = parts[material];
    if (part == nullptr) {
      Material used = material < scene.mNumMaterials ? materials.read(*scene.mMaterials[material]) : Material();
      sets.push_back({static_cast<unsigned>(used.base.set), static_cast<unsigned>(used.opacity_texture.set)});
      used.base.set = 0;
      used.opacity_texture.set = 1;
      out.model->materials.push_back(std::move(used));
      out.model->parts.emplace_back();
      part = &out.model->parts.back();
      part->kind = static_cast<int>(sets.size()) - 1;
    }
    return *part;
  }

  void add(const aiMesh& mesh, const aiMatrix4x4& transform, const std::string& name) {
    if ((mesh.mPrimitiveTypes & aiPrimitiveType_TRIANGLE) == 0 || mesh.mNumFaces == 0) return;
    out.triangles += mesh.mNumFaces;
    if (out.triangles > kMaxTriangles) fail("{}: more than {} triangles; simplify the model", where, kMaxTriangles);
    Part& part = part_of(mesh.mMaterialIndex);
    Mesh& to = part.mesh;
    const auto base = static_cast<std::uint32_t>(to.position.size());
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
      // assimp numbers the sets of a file, of which a mesh may have fewer: the last one is the nearest.
      const auto uv = [&](unsigned set, float third) {
        while (set > 0 && !mesh.HasTextureCoords(set)) --set;
        if (!mesh.HasTextureCoords(set)) return Vec3(0, 0, third);
        return Vec3(mesh.mTextureCoords[set][i].x, mesh.mTextureCoords[set][i].y, third);
      };
      to.add_vertex(position, normal, uv(sets[static_cast<std::size_t>(part.kind)][0], 1));
      to.second.push_back(uv(sets[static_cast<std::size_t>(part.kind)][1], 0));
      Vec3 colour = Vec3::Ones();
      if (mesh.HasVertexColors(0)) {
        const auto& c = mesh.mColors[0][i];
        if (std::isfinite(c.r) && std::isfinite(c.g) && std::isfinite(c.b)) {
          colour = Vec3(c.r, c.g, c.b).cwiseMax(0.0f).cwiseMin(1.0f);
        }
      }
      to.colour.push_back(colour);
      sum += position;
    }
    for (unsigned i = 0; i < mesh.mNumFaces; ++i) {
      const aiFace& face = mesh.mFaces[i];
      if (face.mNumIndices != 3) continue;
      if (std::max({face.mIndices[0], face.mIndices[1], face.mIndices[2]}) >= mesh.mNumVertices)
        fail("{}: a triangle names a missing vertex", where);
      to.triangles.push_back({base + face.mIndices[0], base + face.mIndices[1], base + face.mIndices[2]});
    }
    out.names.push_back({name, sum / static_cast<float>(std::max(1u, mesh.mNumVertices))});
  }
};

}  // namespace

ImportedScene read_other_format(const ModelFiles& files) {
  ImportedScene out;
  Assimp::Importer importer;
  const aiScene& scene = read_scene(importer, files, out);
  Walker walker{scene, out, MaterialReader(scene, files), files.model.string(), {}, {}};
  walker.visit(*scene.mRootNode, aiMatrix4x4(), 0);
  out.textures = walker.materials.textures();
  return out;
}

}  // namespace spinfill::synth
