// SPDX-License-Identifier: Apache-2.0
#include "synth/import/gltf_material.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace spinfill::synth {
namespace {

Vec3 unit_colour(const std::vector<float>& v) {
  return Vec3(v[0], v[1], v[2]).cwiseMax(0.0f).cwiseMin(1.0f);
}

Texture::Wrap wrap_of(std::size_t mode, const std::string& where) {
  switch (mode) {
    case 10497: return Texture::Wrap::repeat;
    case 33071: return Texture::Wrap::clamp;
    case 33648: return Texture::Wrap::mirror;
    default: fail("{}: wrap mode {} is not one of glTF's", where, mode);
  }
}

// KHR_texture_transform: offset · rotation · scale of (u, v) with v downwards; positive angles turn counter-clockwise
// as the picture is seen.
Eigen::Matrix<float, 2, 3> uv_transform_of(const Json& from, const std::string& where) {
  const std::vector<float> offset = numbers_of(from, "offset", {0, 0}, where),
                           scale = numbers_of(from, "scale", {1, 1}, where);
  const float angle = number_of(from, "rotation", 0, where), c = std::cos(angle), s = std::sin(angle);
  Eigen::Matrix3f down = Eigen::Matrix3f::Identity(), flip = Eigen::Matrix3f::Identity();
  down.topRows<2>() << c * scale[0], s * scale[1], offset[0], -s * scale[0], c * scale[1], offset[1];
  flip(1, 1) = -1;
  flip(1, 2) = 1;
  return (flip * down * flip).topRows<2>();
}

}  // namespace

const cv::Mat& GltfMaterials::picture(std::size_t texture) {
  const std::string where = fmt::format("{}: texture {}", file_.where(), texture);
  const Json& entry = file_.object("textures", texture);
  const Json* webp = extension_of(entry, "EXT_texture_webp");
  if (webp == nullptr && !entry.contains("source")) {
    for (const char* name : {"KHR_texture_basisu", "MSFT_texture_dds", "EXT_texture_avif"}) {
      if (extension_of(entry, name) != nullptr)
        fail("{}: its picture is there by {} alone, which is not read here: save the model's textures as PNG or JPEG",
             where, name);
    }
  }
  const std::size_t image = unsigned_of(webp != nullptr ? *webp : entry, "source", where);
  if (const auto it = pictures_.find(image); it != pictures_.end()) return it->second;
  const Json& source = file_.object("images", image);
  const std::string name = fmt::format("{}: image {}", file_.where(), image);
  if (!source.contains("uri")) {
    const std::string_view bytes = file_.buffer_view(unsigned_of(source, "bufferView", name));
    return pictures_[image] = decode_texture(bytes, name);
  }
  const auto uri = source.at("uri").get<std::string>();
  if (const auto inside = data_uri_bytes(uri, name)) return pictures_[image] = decode_texture(*inside, name);
  const fs::path path = file_.files().find_texture(uri);
  return pictures_[image] = decode_texture(read_file(path, std::uint64_t{1} << 28), path.string());
}

// The texture that object[key] names, if any.
Texture GltfMaterials::texture(const Json& object, const char* key, Read& to) {
  Texture out;
  if (!object.contains(key)) return out;
  const Json& info = object.at(key);
  const std::string where = fmt::format("{}: {}", where_, key);
  const std::size_t index = unsigned_of(info, "index", where);
  out.picture = picture(index);
  std::size_t set = unsigned_of(info, "texCoord", 0, where);
  if (const Json* transform = extension_of(info, "KHR_texture_transform")) {
    set = unsigned_of(*transform, "texCoord", set, where);
    out.transform = uv_transform_of(*transform, where);
    out.moved = transform->contains("offset") || transform->contains("rotation") || transform->contains("scale");
  }
  auto at = std::find(to.sets.begin(), to.sets.end(), set);
  if (at == to.sets.end()) {
    if (to.sets.size() == 2) fail("{}: uses more than two sets of texture coordinates; bake its textures", where_);
    at = to.sets.insert(at, set);
  }
  out.set = static_cast<int>(at - to.sets.begin());
  const Json& entry = file_.object("textures", index);
  if (!entry.contains("sampler")) return out;
  const Json& sampler = file_.object("samplers", unsigned_of(entry, "sampler", where));
  out.wrap_u = wrap_of(unsigned_of(sampler, "wrapS", 10497, where), where);
  out.wrap_v = wrap_of(unsigned_of(sampler, "wrapT", 10497, where), where);
  out.nearest = unsigned_of(sampler, "magFilter", 9729, where) == 9728;
  return out;
}

void GltfMaterials::read_metallic_roughness(const Json& from, Read& to) {
  const std::vector<float> colour = numbers_of(from, "baseColorFactor", {1, 1, 1, 1}, where_);
  Material& m = to.material;
  m.colour = unit_colour(colour);
  m.opacity = std::clamp(colour[3], 0.0f, 1.0f);
  m.base = texture(from, "baseColorTexture", to);
  m.metallic = std::clamp(number_of(from, "metallicFactor", 1, where_), 0.0f, 1.0f);
  m.roughness = std::clamp(number_of(from, "roughnessFactor", 1, where_), 0.0f, 1.0f);
  m.metallic_roughness = texture(from, "metallicRoughnessTexture", to);
}

void GltfMaterials::read_specular_glossiness(const Json& from, Read& to) {
  const std::vector<float> colour = numbers_of(from, "diffuseFactor", {1, 1, 1, 1}, where_);
  Material& m = to.material;
  m.specular_glossiness = true;
  m.colour = unit_colour(colour);
  m.opacity = std::clamp(colour[3], 0.0f, 1.0f);
  m.base = texture(from, "diffuseTexture", to);
  m.specular = unit_colour(numbers_of(from, "specularFactor", {1, 1, 1}, where_));
  m.glossiness = std::clamp(number_of(from, "glossinessFactor", 1, where_), 0.0f, 1.0f);
  m.specular_texture = texture(from, "specularGlossinessTexture", to);
}

void GltfMaterials::read_extensions(const Json& from, Read& to) {
  Material& m = to.material;
  if (const Json* coat = extension_of(from, "KHR_materials_clearcoat")) {
    m.coat = std::clamp(number_of(*coat, "clearcoatFactor", 0, where_), 0.0f, 1.0f);
    m.coat_texture = texture(*coat, "clearcoatTexture", to);
  }
  if (const Json* glass = extension_of(from, "KHR_materials_transmission")) {
    m.transmission = std::clamp(number_of(*glass, "transmissionFactor", 0, where_), 0.0f, 1.0f);
    m.transmission_texture = texture(*glass, "transmissionTexture", to);
  }
  if (extension_of(from, "KHR_materials_unlit") != nullptr) {
    m.metallic = 0;  // a matt surface in the studio's light, as all others are lit
    m.roughness = 1;
  }
  m.emission = unit_colour(numbers_of(from, "emissiveFactor", {0, 0, 0}, where_));
  m.emission_texture = texture(from, "emissiveTexture", to);
  if (const Json* strong = extension_of(from, "KHR_materials_emissive_strength"))
    m.emission *= std::clamp(number_of(*strong, "emissiveStrength", 1, where_), 0.0f, 100.0f);
}

void GltfMaterials::note_left_out(const Json& from) {
  if (from.contains("normalTexture")) left_out_.insert("normal maps");
  if (from.contains("occlusionTexture")) left_out_.insert("occlusion maps");
  const auto extensions = from.find("extensions");
  if (extensions == from.end()) return;
  for (const auto& [name, value] : extensions->items()) {
    constexpr std::array kDrawn = {"KHR_materials_pbrSpecularGlossiness", "KHR_materials_clearcoat",
                                   "KHR_materials_transmission",          "KHR_materials_unlit",
                                   "KHR_materials_emissive_strength",     "KHR_materials_ior"};
    if (std::find(kDrawn.begin(), kDrawn.end(), name) == kDrawn.end()) left_out_.insert(name);
  }
}

GltfMaterials::Read GltfMaterials::read(std::optional<std::size_t> index) {
  Read out;
  where_ = fmt::format("{}: the default material", file_.where());
  static const Json none = Json::object();
  if (!index) {
    read_metallic_roughness(none, out);
    out.material.double_sided = false;
    return out;
  }
  const Json& from = file_.object("materials", *index);
  where_ = fmt::format("{}: material {} '{}'", file_.where(), *index, from.value("name", ""));
  out.material.name = from.value("name", "");
  if (const Json* older = extension_of(from, "KHR_materials_pbrSpecularGlossiness")) {
    read_specular_glossiness(*older, out);
  } else {
    read_metallic_roughness(from.contains("pbrMetallicRoughness") ? from.at("pbrMetallicRoughness") : none, out);
  }
  read_extensions(from, out);
  note_left_out(from);
  const std::string mode = from.value("alphaMode", "OPAQUE");
  if (mode == "MASK") {
    out.material.alpha = Material::Alpha::mask;
    out.material.cutoff = number_of(from, "alphaCutoff", 0.5f, where_);
  } else if (mode == "BLEND") {
    out.material.alpha = Material::Alpha::blend;
  } else if (mode != "OPAQUE") {
    fail("{}: alphaMode '{}' is not one of OPAQUE, MASK and BLEND", where_, mode);
  }
  out.material.double_sided = from.value("doubleSided", false);
  return out;
}

}  // namespace spinfill::synth
