// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Geometry>

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "synth/import/gltf_material.h"
#include "synth/import/gltf_nodes.h"
#include "synth/import/mesh_files.h"
#include "synth/import/scene.h"

namespace spinfill::synth {
namespace {

using Values = GltfFile::Values;

// Corners of the triangles of a list, strip or fan.
std::vector<std::uint32_t> corners_of(const std::vector<std::uint32_t>& index, std::size_t mode) {
  if (mode == 4) return {index.begin(), index.begin() + static_cast<std::ptrdiff_t>(index.size() / 3 * 3)};
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i + 2 < index.size(); ++i) {
    const bool fan = mode == 6, odd = !fan && i % 2 == 1;
    const std::uint32_t a = fan ? index[0] : index[i], b = index[i + 1], c = index[i + 2];
    out.insert(out.end(), {a, odd ? c : b, odd ? b : c});
  }
  return out;
}

class GltfReader {
 public:
  explicit GltfReader(const ModelFiles& files)
      : file_(files), nodes_(file_, out_.left_out), materials_(file_, out_.left_out) {}

  ImportedScene read() {
    for (const std::size_t node : nodes_.with_mesh()) add_node(node);
    out_.textures = materials_.textures();
    return std::move(out_);
  }

 private:
  struct Skin {
    std::vector<Eigen::Affine3f> joints;
  };

  void add_node(std::size_t node) {
    const Json& entry = file_.object("nodes", node);
    const std::string where = fmt::format("{}: node {}", file_.where(), node);
    const std::size_t index = unsigned_of(entry, "mesh", where);
    const Json& mesh = file_.object("meshes", index);
    std::string name = lower(entry.value("name", ""));
    if (name.empty()) name = lower(mesh.value("name", ""));
    const std::optional<Skin> skin = skin_of(entry, where);
    std::vector<float> weights;  // of the morph targets
    for (const Json* from : {&mesh, &entry}) {
      if (from->contains("weights"))
        weights = numbers_of(*from, "weights", std::vector<float>(from->at("weights").size()), where);
    }
    for (const Eigen::Affine3f& at : nodes_.instances(node)) {
      for (const Json& primitive : mesh.at("primitives"))
        add(primitive, fmt::format("{}: mesh {} '{}'", file_.where(), index, mesh.value("name", "")), at,
            skin ? &*skin : nullptr, weights, name);
    }
  }

  std::optional<Skin> skin_of(const Json& node, const std::string& where) {
    if (!node.contains("skin")) return std::nullopt;
    const Json& entry = file_.object("skins", unsigned_of(node, "skin", where));
    const auto joints = entry.at("joints").get<std::vector<std::size_t>>();
    std::optional<Values> inverse;
    if (entry.contains("inverseBindMatrices")) inverse = file_.values(unsigned_of(entry, "inverseBindMatrices", where));
    if (inverse && (inverse->components != 16 || inverse->count < joints.size()))
      fail("{}: its skin has too few inverse bind matrices", where);
    Skin out;
    for (std::size_t i = 0; i < joints.size(); ++i) {
      Eigen::Affine3f joint = nodes_.transform(joints[i], where);
      if (inverse) joint = joint * Eigen::Affine3f(Eigen::Map<const Eigen::Matrix4f>(inverse->at(i)));
      out.joints.push_back(joint);
    }
    return out;
  }

  // An attribute of a primitive, one value per vertex; empty where there is none.
  Values attribute(const Json& attributes, const std::string& name, std::size_t count, const std::string& where,
                   bool normalise = false) {
    if (!attributes.contains(name)) return {};
    Values values = file_.values(unsigned_of(attributes, name.c_str(), where), normalise);
    if (values.count != count) fail("{}: {} {} values for {} vertices", where, values.count, name, count);
    return values;
  }

  // Adds weight × target of every morph target.
  void morph(const Json& primitive, const char* name, const std::vector<float>& weights, const std::string& where,
             Values& values) {
    if (!primitive.contains("targets")) return;
    const Json& targets = primitive.at("targets");
    for (std::size_t k = 0; k < std::min(weights.size(), targets.size()); ++k) {
      if (weights[k] == 0) continue;
      const Values moved = attribute(targets[k], name, values.count, where);
      for (std::size_t i = 0; i < std::min(moved.data.size(), values.data.size()); ++i)
        values.data[i] += weights[k] * moved.data[i];
    }
  }

  // Where each vertex's own position is brought to.
  std::vector<Eigen::Affine3f> skinned(const Json& attributes, const Skin& skin, std::size_t count,
                                       const std::string& where) {
    std::vector<Eigen::Affine3f> out(count);
    for (auto& transform : out) transform.matrix().setZero();
    for (int k = 0; attributes.contains(fmt::format("JOINTS_{}", k)); ++k) {
      const Values joints = attribute(attributes, fmt::format("JOINTS_{}", k), count, where),
                   weights = attribute(attributes, fmt::format("WEIGHTS_{}", k), count, where, true);
      if (joints.components != 4 || weights.components != 4) fail("{}: its joints or weights are not in fours", where);
      for (std::size_t i = 0; i < 4 * count; ++i) {
        if (weights.data[i] == 0) continue;
        const auto joint = static_cast<std::size_t>(joints.data[i]);
        if (joint >= skin.joints.size()) fail("{}: names joint {}, which its skin lacks", where, joint);
        out[i / 4].matrix() += weights.data[i] * skin.joints[joint].matrix();
      }
    }
    return out;
  }

  // The mesh of a material; made, and the material read, where it is first used.
  Mesh& mesh_of(const Json& primitive, const std::string& where) {
    std::optional<std::size_t> number;
    if (primitive.contains("material")) number = unsigned_of(primitive, "material", where);
    const auto [it, is_new] = parts_.emplace(number, parts_.size());
    if (is_new) {
      GltfMaterials::Read read = materials_.read(number);
      out_.model->materials.push_back(std::move(read.material));
      sets_.push_back(std::move(read.sets));
      out_.model->parts.emplace_back();
      out_.model->parts.back().kind = static_cast<int>(it->second);
    }
    part_ = it->second;
    return out_.model->parts[part_].mesh;
  }

  void add(const Json& primitive, const std::string& where, const Eigen::Affine3f& world, const Skin* skin,
           const std::vector<float>& weights, const std::string& name) {
    const std::size_t mode = unsigned_of(primitive, "mode", 4, where);
    if (mode < 4) return;  // points and lines
    if (mode > 6) fail("{}: mode {} is not one of glTF's", where, mode);
    const Json& attributes = primitive.at("attributes");
    if (!attributes.contains("POSITION")) return;
    const std::size_t accessor = unsigned_of(attributes, "POSITION", where);
    if (extension_of(primitive, "KHR_draco_mesh_compression") != nullptr &&
        !file_.object("accessors", accessor).contains("bufferView"))
      fail("{}: is compressed (KHR_draco_mesh_compression), which is not read here: export it without mesh compression",
           where);
    Values positions = file_.values(accessor);
    const std::size_t count = positions.count;
    Values normals = attribute(attributes, "NORMAL", count, where);
    const Values colours = attribute(attributes, "COLOR_0", count, where, true);
    if (positions.components != 3 || (normals.count > 0 && normals.components != 3) ||
        (colours.count > 0 && colours.components < 3))
      fail("{}: its positions, normals or colours have the wrong number of components", where);
    morph(primitive, "POSITION", weights, where, positions);
    morph(primitive, "NORMAL", weights, where, normals);
    std::vector<std::uint32_t> index;
    if (primitive.contains("indices")) {
      index = file_.indices(unsigned_of(primitive, "indices", where));
    } else {
      index.resize(count);
      for (std::size_t i = 0; i < count; ++i) index[i] = static_cast<std::uint32_t>(i);
    }
    const std::vector<std::uint32_t> corners = corners_of(index, mode);
    if (corners.empty()) return;
    out_.triangles += corners.size() / 3;
    if (out_.triangles > kMaxTriangles)
      fail("{}: more than {} triangles; simplify the model", file_.where(), kMaxTriangles);

    Mesh& mesh = mesh_of(primitive, where);
    Values uv[2];
    for (std::size_t k = 0; k < sets_[part_].size(); ++k) {
      const std::string set = fmt::format("TEXCOORD_{}", sets_[part_][k]);
      uv[k] = attribute(attributes, set, count, where);
      if (uv[k].count == 0) out_.left_out.insert(fmt::format("textures of meshes without {}", set));
      if (uv[k].count > 0 && uv[k].components != 2) fail("{}: {} is not in pairs", where, set);
    }
    std::vector<Eigen::Affine3f> bent;
    if (skin != nullptr) bent = skinned(attributes, *skin, count, where);
    const auto base = static_cast<std::uint32_t>(mesh.position.size());
    Vec3 sum = Vec3::Zero();
    for (std::size_t i = 0; i < count; ++i) {
      const Eigen::Affine3f& to = skin != nullptr ? bent[i] : world;
      const Vec3 p = to * Vec3(Eigen::Map<const Vec3>(positions.at(i)));
      if (!p.allFinite() || p.cwiseAbs().maxCoeff() > 1e12f) fail("{}: vertex {} is not a finite number", where, i);
      Vec3 n = Vec3::Zero();  // flat shading
      if (normals.count > 0) {
        // Cofactors: the inverse transposed, also of a node that is flattened; mirrored with it.
        const Eigen::Matrix3f a = to.linear();
        Eigen::Matrix3f turn;
        turn << a.col(1).cross(a.col(2)), a.col(2).cross(a.col(0)), a.col(0).cross(a.col(1));
        n = (a.determinant() < 0 ? -1.0f : 1.0f) * (turn * Eigen::Map<const Vec3>(normals.at(i)));
        n = n.allFinite() && n.norm() > 0 ? Vec3(n.normalized()) : Vec3::Zero();
      }
      const auto at = [&](const Values& set) {
        return set.count == 0 ? Vec2(0, 0) : Vec2(set.at(i)[0], 1 - set.at(i)[1]);
      };
      const float alpha = colours.components == 4 ? colours.at(i)[3] : 1;
      mesh.add_vertex(p, n, Vec3(at(uv[0]).x(), at(uv[0]).y(), alpha));
      mesh.second.emplace_back(at(uv[1]).x(), at(uv[1]).y(), 0);
      const Vec3 colour = colours.count > 0 ? Vec3(Eigen::Map<const Vec3>(colours.at(i))) : Vec3::Ones();
      mesh.colour.push_back(colour.allFinite() ? Vec3(colour.cwiseMax(0.0f).cwiseMin(1.0f)) : Vec3::Ones());
      sum += p;
    }
    const bool mirrored = skin == nullptr && world.linear().determinant() < 0;
    for (std::size_t i = 0; i < corners.size(); i += 3) {
      if (std::max({corners[i], corners[i + 1], corners[i + 2]}) >= count)
        fail("{}: a triangle names a missing vertex", where);
      mesh.triangles.push_back(
          {base + corners[i], base + corners[mirrored ? i + 2 : i + 1], base + corners[mirrored ? i + 1 : i + 2]});
    }
    out_.names.push_back({name, sum / static_cast<float>(std::max<std::size_t>(1, count))});
  }

  ImportedScene out_;
  GltfFile file_;
  GltfNodes nodes_;
  GltfMaterials materials_;
  std::map<std::optional<std::size_t>, std::size_t> parts_;
  std::vector<std::vector<std::size_t>> sets_;  // of each part
  std::size_t part_ = 0;                        // that mesh_of() found last
};

}  // namespace

ImportedScene read_gltf(const ModelFiles& files) {
  try {
    return GltfReader(files).read();
  } catch (const Json::exception& problem) {
    fail("{}: is not valid glTF ({}): export it again", files.model.string(), problem.what());
  }
}

}  // namespace spinfill::synth
