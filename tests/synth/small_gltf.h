// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "support/support.h"
#include "synth/import/scene.h"

namespace spinfill::test {

// Numbers as a component type stores them.
enum Component { kByte = 5120, kUnsignedByte, kShort, kUnsignedShort, kUnsignedInt = 5125, kFloat };
inline std::string stored(double value, Component type, bool normalised) {
  const auto bytes = [](auto number) { return std::string(reinterpret_cast<const char*>(&number), sizeof number); };
  switch (type) {
    case kByte: return bytes(static_cast<std::int8_t>(std::lround(value * (normalised ? 127 : 1))));
    case kUnsignedByte: return bytes(static_cast<std::uint8_t>(std::lround(value * (normalised ? 255 : 1))));
    case kShort: return bytes(static_cast<std::int16_t>(std::lround(value * (normalised ? 32767 : 1))));
    case kUnsignedShort: return bytes(static_cast<std::uint16_t>(std::lround(value * (normalised ? 65535 : 1))));
    case kUnsignedInt: return bytes(static_cast<std::uint32_t>(std::lround(value)));
    default: return bytes(static_cast<float>(value));
  }
}

// A square, (0, 0) to (1, 1) in texture coordinates with v downwards, in the plane z = 0.
inline const std::vector<double> kPositions = {0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0};
inline const std::vector<double> kCorners = {0, 0, 1, 0, 1, 1, 0, 1};
inline const std::vector<double> kOrder = {0, 1, 2, 0, 2, 3};

// A glTF file that grows piece by piece.
struct Gltf {
  Json json = {{"asset", {{"version", "2.0"}}}, {"scene", 0},
               {"scenes", {{{"nodes", {0}}}}},  {"nodes", {{{"mesh", 0}}}},
               {"bufferViews", Json::array()},  {"accessors", Json::array()},
               {"images", Json::array()},       {"textures", Json::array()},
               {"samplers", Json::array()},     {"materials", Json::array()},
               {"meshes", Json::array()},       {"skins", Json::array()}};  // all there: references to them stay valid
  std::string binary;

  std::size_t view(const std::string& bytes) {
    while (binary.size() % 4 != 0) binary += '\0';
    json["bufferViews"].push_back({{"buffer", 0}, {"byteOffset", binary.size()}, {"byteLength", bytes.size()}});
    binary += bytes;
    return json["bufferViews"].size() - 1;
  }
  std::size_t accessor(const std::vector<double>& values, const std::string& type, std::size_t width,
                       Component component, bool normalised = false) {
    std::string bytes;
    for (const double value : values) bytes += stored(value, component, normalised);
    Json entry = {
        {"bufferView", view(bytes)}, {"componentType", component}, {"count", values.size() / width}, {"type", type}};
    if (normalised) entry["normalized"] = true;
    json["accessors"].push_back(entry);
    return json["accessors"].size() - 1;
  }
  // A square with texture coordinates; returns its primitive.
  Json& square() {
    Json primitive = {{"attributes",
                       {{"POSITION", accessor(kPositions, "VEC3", 3, kFloat)},
                        {"TEXCOORD_0", accessor(kCorners, "VEC2", 2, kFloat)}}},
                      {"indices", accessor(kOrder, "SCALAR", 1, kUnsignedShort)}};
    json["meshes"] = Json::array({Json{{"primitives", Json::array({primitive})}}});
    return json["meshes"][0]["primitives"][0];
  }
  // A picture of 2 × 2: red, green; blue, white; the last one with an alpha of 51. Its texture's number.
  std::size_t picture() {
    cv::Mat rgba(2, 2, CV_8UC4);
    rgba.at<cv::Vec4b>(0, 0) = {255, 0, 0, 255};
    rgba.at<cv::Vec4b>(0, 1) = {0, 255, 0, 255};
    rgba.at<cv::Vec4b>(1, 0) = {0, 0, 255, 255};
    rgba.at<cv::Vec4b>(1, 1) = {255, 255, 255, 51};
    json["images"].push_back({{"bufferView", view(encode_png(rgba))}, {"mimeType", "image/png"}});
    json["textures"].push_back({{"source", json["images"].size() - 1}});
    return json["textures"].size() - 1;
  }
  // The square's material: `of` is the whole entry.
  void material(const Json& of) {
    json["materials"] = Json::array({of});
    json["meshes"][0]["primitives"][0]["material"] = 0;
  }
  std::string glb() const {
    Json whole = json;
    whole["buffers"] = Json::array({Json{{"byteLength", binary.size()}}});
    std::string text = whole.dump(), data = binary;
    while (text.size() % 4 != 0) text += ' ';
    while (data.size() % 4 != 0) data += '\0';
    const auto number = [](std::size_t n) { return stored(static_cast<double>(n), kUnsignedInt, false); };
    return "glTF" + number(2) + number(28 + text.size() + data.size()) + number(text.size()) + "JSON" + text +
           number(data.size()) + std::string("BIN\0", 4) + data;
  }
  synth::ImportedScene read() const {
    const TemporaryFolder folder;
    write_file_atomic(folder / "a.glb", glb());
    return synth::read_gltf({folder / "a.glb", folder.path()});
  }
  void expect_refused(const std::vector<std::string>& texts) const {
    expect_error(ExitCode::runtime, texts, [&] { read(); });
  }
};

}  // namespace spinfill::test
