// SPDX-License-Identifier: Apache-2.0
#include "synth/import/gltf_nodes.h"

#include "core/error.h"
#include "synth/shapes/mesh.h"

namespace spinfill::synth {
namespace {

Eigen::Affine3f placed(const std::vector<float>& translation, const std::vector<float>& rotation,
                       const std::vector<float>& scale) {
  Eigen::Quaternionf turn(rotation[3], rotation[0], rotation[1], rotation[2]);
  if (turn.norm() < 1e-6f) turn = Eigen::Quaternionf::Identity();
  return Eigen::Translation3f(translation[0], translation[1], translation[2]) * turn.normalized() *
         Eigen::Scaling(Vec3(scale[0], scale[1], scale[2]));
}

Eigen::Affine3f own_transform(const Json& node, const std::string& where) {
  if (node.contains("matrix")) {
    const std::vector<float> m = numbers_of(node, "matrix", std::vector<float>(16), where);
    return Eigen::Affine3f(Eigen::Map<const Eigen::Matrix4f>(m.data()));  // by columns, as glTF stores it
  }
  return placed(numbers_of(node, "translation", {0, 0, 0}, where), numbers_of(node, "rotation", {0, 0, 0, 1}, where),
                numbers_of(node, "scale", {1, 1, 1}, where));
}

}  // namespace

GltfNodes::GltfNodes(const GltfFile& file, std::set<std::string>& left_out) : file_(file) {
  const auto nodes = file.json().find("nodes");
  const std::size_t count = nodes == file.json().end() ? 0 : nodes->size();
  transforms_.assign(count, std::nullopt);
  for (const std::size_t root : roots(count, left_out)) place(root, Eigen::Affine3f::Identity(), true, 0);
}

std::vector<std::size_t> GltfNodes::roots(std::size_t count, std::set<std::string>& left_out) const {
  const Json& json = file_.json();
  std::vector<std::size_t> out;
  if (json.contains("scenes") && !json.at("scenes").empty()) {
    const Json& scene = file_.object("scenes", unsigned_of(json, "scene", 0, file_.where()));
    if (json.at("scenes").size() > 1) left_out.insert(fmt::format("{} other scenes", json.at("scenes").size() - 1));
    if (scene.contains("nodes")) out = scene.at("nodes").get<std::vector<std::size_t>>();
    return out;
  }
  std::vector<bool> is_child(count, false);  // no scene: every node that hangs on no other
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::size_t child : children(i)) {
      if (child < count) is_child[child] = true;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_child[i]) out.push_back(i);
  }
  return out;
}

std::vector<std::size_t> GltfNodes::children(std::size_t node) const {
  const Json& entry = file_.object("nodes", node);
  return entry.contains("children") ? entry.at("children").get<std::vector<std::size_t>>() : std::vector<std::size_t>();
}

void GltfNodes::place(std::size_t node, const Eigen::Affine3f& parent, bool visible, int depth) {
  const Json& entry = file_.object("nodes", node);
  const std::string where = fmt::format("{}: node {}", file_.where(), node);
  if (depth > 200) fail("{}: its nodes are nested too deeply", file_.where());
  if (transforms_[node]) fail("{}: hangs on two other nodes, or on itself: export the model again", where);
  transforms_[node] = parent * own_transform(entry, where);
  if (const Json* visibility = extension_of(entry, "KHR_node_visibility"))
    visible = visible && visibility->value("visible", true);
  if (visible && entry.contains("mesh")) with_mesh_.push_back(node);
  for (const std::size_t child : children(node)) place(child, *transforms_[node], visible, depth + 1);
}

const Eigen::Affine3f& GltfNodes::transform(std::size_t node, const std::string& where) const {
  if (node >= transforms_.size() || !transforms_[node])
    fail("{}: node {} is not in the scene: export the model again", where, node);
  return *transforms_[node];
}

std::vector<Eigen::Affine3f> GltfNodes::instances(std::size_t node) const {
  const std::string where = fmt::format("{}: node {}", file_.where(), node);
  const Eigen::Affine3f& world = transform(node, where);
  const Json* extension = extension_of(file_.object("nodes", node), "EXT_mesh_gpu_instancing");
  if (extension == nullptr) return {world};
  const Json& attributes = extension->at("attributes");
  std::size_t count = 0;
  const auto read = [&](const char* name, std::size_t components) {
    GltfFile::Values values;
    if (!attributes.contains(name)) return values;
    values = file_.values(unsigned_of(attributes, name, where), std::string(name) == "ROTATION");
    if (values.components != components || (count != 0 && values.count != count))
      fail("{}: the {} of its instances do not fit", where, name);
    count = values.count;
    return values;
  };
  const GltfFile::Values translation = read("TRANSLATION", 3), rotation = read("ROTATION", 4), scale = read("SCALE", 3);
  std::vector<Eigen::Affine3f> out;
  const auto item = [](const GltfFile::Values& values, std::size_t i, std::vector<float> absent) {
    if (values.count > 0) absent.assign(values.at(i), values.at(i) + values.components);
    return absent;
  };
  if (count > 100'000) fail("{}: {} instances are too many; simplify the model", where, count);
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(world *
                  placed(item(translation, i, {0, 0, 0}), item(rotation, i, {0, 0, 0, 1}), item(scale, i, {1, 1, 1})));
  return out;
}

}  // namespace spinfill::synth
