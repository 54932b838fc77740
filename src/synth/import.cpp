// SPDX-License-Identifier: Apache-2.0
#include "synth/import.h"

#include <assimp/DefaultIOSystem.h>
#include <assimp/config.h>
#include <assimp/material.h>
#include <assimp/postprocess.h>
#include <assimp/scene.h>

#include <algorithm>
#include <assimp/Importer.hpp>
#include <cmath>
#include <map>
#include <set>

#include <Eigen/Geometry>
#include <opencv2/core.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "data/sets/categories.h"
#include "synth/design.h"
#include "synth/orientation.h"

namespace spinfill::synth {
namespace {

constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 30;
constexpr std::size_t kMaxTriangles = 20'000'000;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

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

struct Material {
  Vec3 colour = Vec3::Constant(0.5f);  // linear
  cv::Mat texture;                     // RGBA, empty: none
  float metallic = 0, roughness = 0.5f, opacity = 1, coat = 0;
  bool alpha_cuts = false;
};

class ImportedModel : public Model {
 public:
  std::vector<Material> materials;

  Surface surface(const Point& point) const override {
    const Material& m = materials[static_cast<std::size_t>(parts[static_cast<std::size_t>(point.part)].kind)];
    Surface s;
    s.albedo = m.colour.cwiseProduct(point.colour);
    s.metallic = m.metallic;
    s.roughness = m.roughness;
    s.coat = m.coat;
    s.transmission = m.opacity < 0.97f ? 1 - m.opacity : 0;
    if (!m.texture.empty()) {
      const cv::Vec4f texel = sampled(m.texture, point.attribute.x(), point.attribute.y());
      s.albedo = s.albedo.cwiseProduct(Vec3(texel[0], texel[1], texel[2]));
      s.cut = m.alpha_cuts && texel[3] < 0.5f;
    }
    return s;
  }

 private:
  // Bilinear, repeated; linear light. v upwards.
  static cv::Vec4f sampled(const cv::Mat& texture, float u, float v) {
    static const auto linear = [] {
      std::array<float, 256> table{};
      for (int i = 0; i < 256; ++i) table[static_cast<std::size_t>(i)] = linear_from_srgb(i, i, i).x();
      return table;
    }();
    if (!std::isfinite(u) || !std::isfinite(v)) u = v = 0;
    const float x = (u - std::floor(u)) * static_cast<float>(texture.cols) - 0.5f;
    const float y = (1 - (v - std::floor(v))) * static_cast<float>(texture.rows) - 0.5f;
    const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
    const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
    cv::Vec4f sum(0, 0, 0, 0);
    for (int dy = 0; dy < 2; ++dy) {
      for (int dx = 0; dx < 2; ++dx) {
        const int tx = (x0 + dx + texture.cols) % texture.cols, ty = (y0 + dy + texture.rows) % texture.rows;
        const auto& t = texture.at<cv::Vec4b>(ty, tx);
        const float w = (dx == 1 ? fx : 1 - fx) * (dy == 1 ? fy : 1 - fy);
        sum += w * cv::Vec4f(linear[t[0]], linear[t[1]], linear[t[2]], static_cast<float>(t[3]) / 255);
      }
    }
    return sum;
  }
};

// Where a texture that a model names lies: beside the model as named, else a file of that name in the usual folders
// between the model and the top folder.
fs::path find_texture(const std::string& named, const fs::path& model, const fs::path& top) {
  std::string name = named;
  std::replace(name.begin(), name.end(), '\\', '/');
  if (name.rfind("file://", 0) == 0) name = name.substr(7);
  const fs::path base = model.parent_path();
  const fs::path given(name);
  std::error_code error;
  if (!given.is_absolute()) {
    const fs::path within =
        fs::weakly_canonical(base / given, error).lexically_relative(fs::weakly_canonical(top, error));
    if (within.empty() || *within.begin() == "..") {
      fail("{}: texture '{}' leaves the folder {}; put it inside", model.string(), named, top.string());
    }
    if (fs::is_regular_file(base / given, error)) return base / given;
  }
  const fs::path root = fs::weakly_canonical(top, error);
  for (fs::path folder = fs::weakly_canonical(base, error);; folder = folder.parent_path()) {
    for (const char* sub : {".", "textures", "Textures", "materials/textures", "images"}) {
      const fs::path candidate = folder / sub / given.filename();
      if (fs::is_regular_file(candidate, error)) {
        const fs::path within = fs::weakly_canonical(candidate, error).lexically_relative(root);
        if (!within.empty() && *within.begin() != "..") return candidate;
      }
    }
    if (folder == root || folder == folder.parent_path()) break;
  }
  fail("{}: texture '{}' is not found in {}; put it beside the model", model.string(), named, top.string());
}

cv::Mat load_texture(const aiScene& scene, const std::string& named, const fs::path& model, const fs::path& top) {
  if (const aiTexture* embedded = scene.GetEmbeddedTexture(named.c_str())) {
    const std::string where = fmt::format("{}: embedded texture '{}'", model.string(), named);
    if (embedded->mHeight == 0) {
      return decode_picture({reinterpret_cast<const char*>(embedded->pcData), embedded->mWidth}, where);
    }
    if (embedded->mWidth > static_cast<unsigned>(kMaxPictureSide) ||
        embedded->mHeight > static_cast<unsigned>(kMaxPictureSide)) {
      fail("{}: {} × {} px is too large", where, embedded->mWidth, embedded->mHeight);
    }
    cv::Mat out(static_cast<int>(embedded->mHeight), static_cast<int>(embedded->mWidth), CV_8UC4);
    for (int y = 0; y < out.rows; ++y) {
      for (int x = 0; x < out.cols; ++x) {
        const aiTexel& t =
            embedded->pcData[static_cast<std::size_t>(y) * embedded->mWidth + static_cast<std::size_t>(x)];
        out.at<cv::Vec4b>(y, x) = {t.r, t.g, t.b, t.a};
      }
    }
    return out;
  }
  const fs::path path = find_texture(named, model, top);
  return decode_picture(read_file(path, std::uint64_t{1} << 28), path.string());
}

Material read_material(const aiScene& scene, const aiMaterial& from, bool gltf, const fs::path& model,
                       const fs::path& top, std::map<std::string, cv::Mat>& textures) {
  Material out;
  aiColor4D colour(0.6f, 0.6f, 0.6f, 1);
  if (from.Get(AI_MATKEY_BASE_COLOR, colour) != AI_SUCCESS) from.Get(AI_MATKEY_COLOR_DIFFUSE, colour);
  const auto byte = [](float x) {
    return static_cast<int>(std::lround(255 * std::clamp(std::isfinite(x) ? x : 0.5f, 0.0f, 1.0f)));
  };
  out.colour = gltf ? Vec3(colour.r, colour.g, colour.b).cwiseMax(0.0f).cwiseMin(1.0f)
                    : linear_from_srgb(byte(colour.r), byte(colour.g), byte(colour.b));
  float opacity = 1, metallic = 0, roughness = -1, shininess = 0;
  from.Get(AI_MATKEY_OPACITY, opacity);
  aiString mode;
  if (gltf && from.Get("$mat.gltf.alphaMode", 0, 0, mode) == AI_SUCCESS) {
    const std::string text = mode.C_Str();
    out.alpha_cuts = text == "MASK" || text == "BLEND";
    opacity = text == "BLEND" ? std::min(opacity, colour.a) : 1;
  }
  from.Get(AI_MATKEY_METALLIC_FACTOR, metallic);
  if (from.Get(AI_MATKEY_ROUGHNESS_FACTOR, roughness) != AI_SUCCESS &&
      from.Get(AI_MATKEY_SHININESS, shininess) == AI_SUCCESS) {
    roughness = std::sqrt(2 / (2 + std::max(0.0f, shininess)));  // Blinn–Phong exponent to roughness
  }
  out.opacity = std::clamp(std::isfinite(opacity) ? opacity : 1.0f, 0.0f, 1.0f);
  out.metallic = std::clamp(std::isfinite(metallic) ? metallic : 0.0f, 0.0f, 1.0f);
  out.roughness = std::clamp(std::isfinite(roughness) && roughness >= 0 ? roughness : 0.5f, 0.05f, 1.0f);
  aiString named;
  for (const auto type : {aiTextureType_BASE_COLOR, aiTextureType_DIFFUSE}) {
    if (from.GetTexture(type, 0, &named) != AI_SUCCESS || named.length == 0) continue;
    const std::string name = named.C_Str();
    if (!textures.contains(name)) textures[name] = load_texture(scene, name, model, top);
    out.texture = textures[name];
    if (!gltf) out.colour = Vec3::Ones();  // exporters leave an arbitrary grey beside a texture
    break;
  }
  return out;
}

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

}  // namespace

std::vector<MeshFile> find_meshes(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) fail_usage("--meshes {}: is not a folder", folder.string());
  std::vector<fs::path> paths;
  for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       it != end; it.increment(error)) {
    if (error) fail("{}: cannot be listed: {}", folder.string(), error.message());
    const std::string extension = lower(it->path().extension().string());
    if (it->is_regular_file(error) &&
        (extension == ".obj" || extension == ".gltf" || extension == ".glb" || extension == ".dae")) {
      paths.push_back(it->path());
    }
  }
  if (paths.empty()) fail_usage("--meshes {}: no .obj, .gltf, .glb or .dae file in it", folder.string());
  std::sort(paths.begin(), paths.end());
  std::vector<MeshFile> out;
  std::set<std::string> used;
  for (const auto& path : paths) {
    MeshFile file;
    file.path = path;
    const fs::path relative = path.lexically_relative(folder);
    std::vector<std::string> steps;
    for (const auto& step : relative.parent_path()) {
      if (step != "." && step != "meshes") steps.push_back(lower(step.string()));
    }
    const std::string stem = lower(path.stem().string());
    for (const auto& category : kCategories) {
      const bool named =
          std::find(steps.begin(), steps.end(), category) != steps.end() || stem.find(category) != std::string::npos;
      if (named && file.category.empty()) file.category = category;
    }
    if (file.category.empty()) file.category = steps.empty() ? stem : steps.front();
    if (steps.empty() || steps.back() != stem) steps.push_back(stem);
    for (const auto& step : steps) file.id += (file.id.empty() ? "" : "-") + step;
    for (auto& c : file.id) {
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_') c = '_';
    }
    const std::string plain = file.id;
    for (int n = 2; !used.insert(file.id).second; ++n) file.id = fmt::format("{}-{}", plain, n);
    out.push_back(file);
  }
  return out;
}

Imported import_mesh(const MeshFile& file, const ImportOptions& options) {
  const std::string where = file.path.string();
  std::error_code error;
  const auto size = fs::file_size(file.path, error);
  if (error) fail("{}: cannot be read: {}", where, error.message());
  if (size == 0) fail("{}: the file is empty", where);
  if (size > kMaxFile)
    fail("{}: {} MiB is more than the {} allowed; simplify the model", where, size >> 20, kMaxFile >> 20);
  const std::string extension = lower(file.path.extension().string());
  const bool gltf = extension == ".gltf" || extension == ".glb", collada = extension == ".dae";

  Assimp::Importer importer;
  auto* io = new FolderIO(options.folder);  // owned by the importer
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
    fail("{}: names the file '{}' outside {}; put it inside", where, io->refused(), options.folder.string());
  if (scene == nullptr || scene->mRootNode == nullptr || (scene->mFlags & AI_SCENE_FLAGS_INCOMPLETE) != 0) {
    fail("{}: cannot be read: {}", where, first_line(importer.GetErrorString()));
  }
  auto model = std::make_unique<ImportedModel>();
  std::map<std::string, cv::Mat> textures;
  for (unsigned i = 0; i < scene->mNumMaterials; ++i) {
    model->materials.push_back(read_material(*scene, *scene->mMaterials[i], gltf, file.path, options.folder, textures));
  }
  if (model->materials.empty()) model->materials.emplace_back();
  std::vector<NamedPoint> names;
  Walker walker{*scene, *model, names, where, 0, {}};
  walker.visit(*scene->mRootNode, aiMatrix4x4(), "", 0);
  if (walker.triangles == 0) fail("{}: has no triangles", where);

  // Points all over the surface, so that coarse meshes are judged by their shape and not by their corners.
  std::vector<Vec3> points;
  const std::size_t step = std::max<std::size_t>(1, walker.triangles / 20000);
  for (const auto& part : model->parts) {
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
  const Orientation orientation = find_orientation(points, names, options.up, options.front, gltf || collada ? "y" : "",
                                                   gltf ? "z" : "", gltf ? "glTF" : "Collada");
  Eigen::Matrix3f vehicle_from_model;
  vehicle_from_model << orientation.front.transpose(), orientation.up.cross(orientation.front).transpose(),
      orientation.up.transpose();
  for (auto& part : model->parts) {
    for (auto& p : part.mesh.position) p = vehicle_from_model * p;
    for (auto& n : part.mesh.normal) n = vehicle_from_model * n;
  }
  const Vec3 extent = bounding_box(*model).size();
  if (!extent.allFinite() || extent.maxCoeff() <= 0 || extent.minCoeff() < 1e-4f * extent.maxCoeff()) {
    fail("{}: is flat or has no size ({} × {} × {})", where, extent.x(), extent.y(), extent.z());
  }
  model->category = file.category;
  Imported out;
  out.report = fmt::format("{}: category {}, up {} ({}), front {} ({}), {} triangles, {} materials, {} textures", where,
                           file.category, axis_name(orientation.up), orientation.up_from, axis_name(orientation.front),
                           orientation.front_from, walker.triangles, model->materials.size(), textures.size());
  out.model = std::move(model);
  return out;
}

}  // namespace spinfill::synth
