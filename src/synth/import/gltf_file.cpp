// SPDX-License-Identifier: Apache-2.0
#include "synth/import/gltf_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace spinfill::synth {
namespace {

// What extensionsRequired may hold. Those that change nothing of a vehicle under studio light are read over.
constexpr std::array kRead = {"KHR_texture_transform",
                              "KHR_mesh_quantization",
                              "KHR_materials_pbrSpecularGlossiness",
                              "KHR_materials_transmission",
                              "KHR_materials_clearcoat",
                              "KHR_materials_emissive_strength",
                              "KHR_materials_unlit",
                              "EXT_texture_webp",
                              "EXT_mesh_gpu_instancing",
                              "KHR_node_visibility",
                              "KHR_lights_punctual",
                              "KHR_materials_ior",
                              "KHR_materials_variants",
                              "KHR_animation_pointer",
                              "KHR_xmp",
                              "KHR_xmp_json_ld"};

std::string cure(const std::string& extension) {
  if (extension.find("draco") != std::string::npos || extension.find("meshopt") != std::string::npos)
    return "export it without mesh compression";
  if (extension.find("texture") != std::string::npos) return "export it with PNG or JPEG textures";
  return "export it without that extension";
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t k = 4; k-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[at + k]);
  return value;
}

struct Chunks {
  std::string json, binary;
};

Chunks chunks_of(std::string bytes, const std::string& where) {
  if (bytes.rfind("glTF", 0) != 0) {
    if (bytes.rfind("\xEF\xBB\xBF", 0) == 0) bytes.erase(0, 3);
    return {std::move(bytes), {}};
  }
  if (bytes.size() < 20) fail("{}: cut off within its header: copy or export it again", where);
  if (const auto version = little_endian(bytes, 4); version != 2)
    fail("{}: is glTF {}, which is not read here: export it as glTF 2.0", where, version);
  Chunks out;
  for (std::size_t at = 12; at + 8 <= bytes.size();) {
    const std::size_t length = little_endian(bytes, at);
    const std::uint32_t type = little_endian(bytes, at + 4);
    if (length > bytes.size() - at - 8) fail("{}: cut off: copy or export it again", where);
    if (type == 0x4E4F534A && out.json.empty()) out.json = bytes.substr(at + 8, length);
    if (type == 0x004E4942 && out.binary.empty()) out.binary = bytes.substr(at + 8, length);
    at += 8 + length;
  }
  return out;
}

enum Component { kByte = 5120, kUnsignedByte, kShort, kUnsignedShort, kUnsignedInt = 5125, kFloat };

std::size_t size_of(std::size_t component, const std::string& where) {
  switch (component) {
    case kByte:
    case kUnsignedByte: return 1;
    case kShort:
    case kUnsignedShort: return 2;
    case kUnsignedInt:
    case kFloat: return 4;
    default: fail("{}: component type {} is not one of glTF's", where, component);
  }
}

template <class T>
double stored(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return static_cast<double>(value);
}

double number_at(const char* from, std::size_t component, bool normalised) {
  switch (component) {
    case kByte: return normalised ? std::max(-1.0, stored<std::int8_t>(from) / 127) : stored<std::int8_t>(from);
    case kUnsignedByte: return stored<std::uint8_t>(from) / (normalised ? 255 : 1);
    case kShort: return normalised ? std::max(-1.0, stored<std::int16_t>(from) / 32767) : stored<std::int16_t>(from);
    case kUnsignedShort: return stored<std::uint16_t>(from) / (normalised ? 65535 : 1);
    case kUnsignedInt: return stored<std::uint32_t>(from);
    default: return stored<float>(from);
  }
}

std::size_t components_of(const std::string& type, const std::string& where) {
  constexpr std::array<std::pair<const char*, std::size_t>, 7> kTypes = {
      {{"SCALAR", 1}, {"VEC2", 2}, {"VEC3", 3}, {"VEC4", 4}, {"MAT2", 4}, {"MAT3", 9}, {"MAT4", 16}}};
  for (const auto& [name, count] : kTypes) {
    if (type == name) return count;
  }
  fail("{}: type '{}' is not one of glTF's", where, type);
}

// Reads each number of an accessor and gives it to `put(index, component, number)`.
template <class Put>
void each_number(const GltfFile& file, std::size_t accessor, bool normalise, Put&& put) {
  const std::string where = fmt::format("{}: accessor {}", file.where(), accessor);
  const Json& a = file.object("accessors", accessor);
  const std::size_t component = unsigned_of(a, "componentType", where), size = size_of(component, where);
  const std::size_t count = unsigned_of(a, "count", where), width = components_of(a.value("type", ""), where);
  const bool normalised = normalise || a.value("normalized", false);
  const auto read = [&](std::size_t view, std::size_t offset, std::size_t n, bool interleaved, const auto& each) {
    const std::string_view bytes = file.buffer_view(view);
    const std::size_t packed = size * width;
    const std::size_t stride =
        interleaved ? unsigned_of(file.object("bufferViews", view), "byteStride", packed, where) : packed;
    if (offset > bytes.size() || n == 0 || stride == 0 || packed > bytes.size() - offset ||
        (n - 1) > (bytes.size() - offset - packed) / stride) {
      fail("{}: reaches beyond its buffer view: copy or export the model again", where);
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t c = 0; c < width; ++c)
        each(i, c, number_at(bytes.data() + offset + i * stride + c * size, component, normalised));
    }
  };
  if (a.contains("bufferView")) {
    read(unsigned_of(a, "bufferView", where), unsigned_of(a, "byteOffset", 0, where), count, true, put);
  }
  if (!a.contains("sparse")) return;
  const Json& sparse = a.at("sparse");
  const Json &places = sparse.at("indices"), &changes = sparse.at("values");
  const std::size_t changed = unsigned_of(sparse, "count", where);
  const std::size_t type = unsigned_of(places, "componentType", where), step = size_of(type, where);
  const std::size_t from = unsigned_of(places, "byteOffset", 0, where);
  const std::string_view bytes = file.buffer_view(unsigned_of(places, "bufferView", where));
  if (from > bytes.size() || changed > (bytes.size() - from) / step)
    fail("{}: its sparse indices reach beyond their buffer view", where);
  read(unsigned_of(changes, "bufferView", where), unsigned_of(changes, "byteOffset", 0, where), changed, false,
       [&](std::size_t i, std::size_t c, double number) {
         const double place = number_at(bytes.data() + from + i * step, type, false);
         if (!(place >= 0 && place < static_cast<double>(count))) fail("{}: a sparse index is out of range", where);
         put(static_cast<std::size_t>(place), c, number);
       });
}

}  // namespace

std::size_t unsigned_of(const Json& object, const char* key, const std::string& where) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_number_unsigned()) fail("{}: '{}' is not a whole number", where, key);
  return it->get<std::size_t>();
}

std::size_t unsigned_of(const Json& object, const char* key, std::size_t absent, const std::string& where) {
  return object.contains(key) ? unsigned_of(object, key, where) : absent;
}

float number_of(const Json& object, const char* key, float absent, const std::string& where) {
  const auto it = object.find(key);
  if (it == object.end()) return absent;
  const float value = it->is_number() ? static_cast<float>(it->get<double>()) : NAN;
  if (!std::isfinite(value)) fail("{}: '{}' is not a finite number", where, key);
  return value;
}

std::vector<float> numbers_of(const Json& object, const char* key, std::vector<float> absent,
                              const std::string& where) {
  const auto it = object.find(key);
  if (it == object.end()) return absent;
  std::vector<float> out;
  if (it->is_array()) {
    for (const Json& value : *it) out.push_back(value.is_number() ? static_cast<float>(value.get<double>()) : NAN);
  }
  const bool finite = std::all_of(out.begin(), out.end(), [](float x) { return std::isfinite(x); });
  if (out.size() != absent.size() || !finite) fail("{}: '{}' is not {} finite numbers", where, key, absent.size());
  return out;
}

const Json* extension_of(const Json& object, const char* name) {
  const auto all = object.find("extensions");
  if (all == object.end() || !all->is_object()) return nullptr;
  const auto it = all->find(name);
  return it == all->end() ? nullptr : &*it;
}

GltfFile::GltfFile(ModelFiles files) : files_(std::move(files)), where_(files_.model.string()) {
  Chunks chunks = chunks_of(read_file(files_.model, kMaxModelFile), where_);
  json_ = parse_json(chunks.json, where_);
  binary_ = std::move(chunks.binary);
  if (!json_.is_object() || !json_.contains("asset")) fail("{}: is not a glTF file: it has no 'asset'", where_);
  const Json& asset = json_.at("asset");
  const std::string version = asset.value("version", ""), least = asset.value("minVersion", version);
  if (version.rfind("2.", 0) != 0 || (least != "2.0" && asset.contains("minVersion")))
    fail("{}: is glTF {}, which is not read here: export it as glTF 2.0", where_, version.empty() ? "?" : least);
  if (!json_.contains("extensionsRequired")) return;
  for (const Json& entry : json_.at("extensionsRequired")) {
    const auto name = entry.get<std::string>();
    const bool has_plain_textures =
        name == "KHR_texture_basisu" || name == "MSFT_texture_dds";  // told where one is used
    if (has_plain_textures || std::find(kRead.begin(), kRead.end(), name) != kRead.end()) continue;
    fail("{}: needs the glTF extension {}, which is not read here: {}", where_, name, cure(name));
  }
}

const Json& GltfFile::object(const char* list, std::size_t index) const {
  const auto it = json_.find(list);
  if (it == json_.end() || !it->is_array() || index >= it->size() || !(*it)[index].is_object()) {
    fail("{}: has no {}[{}], which it refers to: export it again", where_, list, index);
  }
  return (*it)[index];
}

const std::string& GltfFile::buffer(std::size_t index) const {
  if (const auto it = buffers_.find(index); it != buffers_.end()) return it->second;
  const std::string where = fmt::format("{}: buffer {}", where_, index);
  const Json& entry = object("buffers", index);
  const std::size_t length = unsigned_of(entry, "byteLength", where);
  std::string bytes;
  if (!entry.contains("uri")) {
    if (index != 0 || binary_.empty()) fail("{}: has neither a URI nor a place in the file: export it again", where);
    bytes = binary_;
  } else if (const auto uri = entry.at("uri").get<std::string>(); auto inside = data_uri_bytes(uri, where)) {
    bytes = std::move(*inside);
  } else {
    const auto path = files_.find(uri);
    if (!path)
      fail("{}: its file '{}' is not found in {}; put it there", where, percent_decoded(uri),
           fs::absolute(files_.model).parent_path().string());
    bytes = read_file(*path, kMaxModelFile);
  }
  if (bytes.size() < length) fail("{}: {} of {} bytes are there: copy or export it again", where, bytes.size(), length);
  return buffers_[index] = std::move(bytes);
}

std::string_view GltfFile::buffer_view(std::size_t view) const {
  const std::string where = fmt::format("{}: buffer view {}", where_, view);
  const Json& entry = object("bufferViews", view);
  const std::size_t index = unsigned_of(entry, "buffer", where), offset = unsigned_of(entry, "byteOffset", 0, where),
                    length = unsigned_of(entry, "byteLength", where);
  for (const char* name : {"EXT_meshopt_compression", "KHR_meshopt_compression"}) {
    if (extension_of(entry, name) != nullptr && !object("buffers", index).contains("uri") &&
        (index != 0 || binary_.empty()))
      fail("{}: is compressed ({}), which is not read here: export it without mesh compression", where_, name);
  }
  const std::string& bytes = buffer(index);
  if (offset > bytes.size() || length > bytes.size() - offset)
    fail("{}: reaches beyond its buffer: copy or export the model again", where);
  return std::string_view(bytes).substr(offset, length);
}

GltfFile::Values GltfFile::values(std::size_t accessor, bool normalise) const {
  const std::string where = fmt::format("{}: accessor {}", where_, accessor);
  const Json& a = object("accessors", accessor);
  Values out;
  out.count = unsigned_of(a, "count", where);
  out.components = components_of(a.value("type", ""), where);
  if (out.count > 3 * kMaxTriangles) fail("{}: {} values are too many; simplify the model", where, out.count);
  out.data.assign(out.count * out.components, 0);
  each_number(*this, accessor, normalise, [&](std::size_t i, std::size_t c, double number) {
    out.data[i * out.components + c] = static_cast<float>(number);
  });
  return out;
}

std::vector<std::uint32_t> GltfFile::indices(std::size_t accessor) const {
  const std::string where = fmt::format("{}: accessor {}", where_, accessor);
  const Json& a = object("accessors", accessor);
  const std::size_t count = unsigned_of(a, "count", where), type = unsigned_of(a, "componentType", where);
  if (a.value("type", "") != "SCALAR" || (type != kUnsignedByte && type != kUnsignedShort && type != kUnsignedInt))
    fail("{}: indices must be unsigned whole numbers: export the model again", where);
  if (count > 3 * kMaxTriangles) fail("{}: more than {} triangles; simplify the model", where_, kMaxTriangles);
  std::vector<std::uint32_t> out(count, 0);
  each_number(*this, accessor, false,
              [&](std::size_t i, std::size_t, double number) { out[i] = static_cast<std::uint32_t>(number); });
  return out;
}

}  // namespace spinfill::synth
