// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <numbers>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "support/mutate.h"
#include "support/support.h"
#include "synth/import/import.h"
#include "synth/import/scene.h"
#include "synth/small_gltf.h"

namespace spinfill {
namespace {

using synth::ImportedScene;
using synth::Point;
using synth::Surface;
using synth::Vec3;

using test::Component;
using test::Gltf;
using test::kByte;
using test::kCorners;
using test::kFloat;
using test::kOrder;
using test::kPositions;
using test::kShort;
using test::kUnsignedByte;
using test::kUnsignedInt;
using test::kUnsignedShort;
using test::stored;

// What light does where the square has these texture coordinates (v downwards).
Surface at(const ImportedScene& scene, float u, float v) {
  Point point;
  const auto& part = scene.model->parts.at(0).mesh;
  point.attribute = Vec3(u, 1 - v, part.attribute[0].z());
  point.second = part.second[0];
  point.colour = part.colour[0];
  return scene.model->surface(point);
}
std::string hue(const Vec3& colour) {
  std::string out;
  for (int c = 0; c < 3; ++c) out += colour[c] > 0.5f ? "RGB"[c] : '-';
  return out;
}

TEST(Gltf, EveryTypeOfAttributeGivesTheSameMesh) {
  struct Type {
    Component component;
    bool normalised;
  };
  const std::vector<double> colours = {1, 0, 0.4, 0.2, 0, 1, 0, 1, 0.6, 0.6, 0.6, 0.6, 1, 1, 1, 1};
  for (const Type type : {Type{kFloat, false}, Type{kUnsignedByte, true}, Type{kUnsignedShort, true}, Type{kByte, true},
                          Type{kShort, true}}) {
    for (const std::size_t width : {3, 4}) {
      for (const int index : std::vector<int>{kUnsignedByte, kUnsignedShort, kUnsignedInt, 0}) {
        SCOPED_TRACE(fmt::format("component {}, {} colours, index {}", static_cast<int>(type.component), width, index));
        Gltf gltf;
        Json& primitive = gltf.square();
        std::vector<double> positions = kPositions, corners = kCorners, colour;
        for (std::size_t i = 0; i < 16; ++i) {
          if (i % 4 < width) colour.push_back(colours[i]);
        }
        if (index == 0) {  // the two triangles' corners, one after the other
          const auto repeated = [](const std::vector<double>& values, std::size_t n) {
            std::vector<double> out;
            for (const double i : kOrder)
              out.insert(out.end(), values.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * n),
                         values.begin() + static_cast<std::ptrdiff_t>((static_cast<std::size_t>(i) + 1) * n));
            return out;
          };
          positions = repeated(positions, 3);
          corners = repeated(corners, 2);
          colour = repeated(colour, width);
          primitive.erase("indices");
        } else {
          primitive["indices"] = gltf.accessor(kOrder, "SCALAR", 1, static_cast<Component>(index));
        }
        primitive["attributes"] = {
            {"POSITION", gltf.accessor(positions, "VEC3", 3, type.component, type.normalised)},
            {"TEXCOORD_0", gltf.accessor(corners, "VEC2", 2, type.component, type.normalised)},
            {"COLOR_0", gltf.accessor(colour, width == 3 ? "VEC3" : "VEC4", width, type.component, type.normalised)}};
        gltf.material({{"pbrMetallicRoughness", {{"baseColorTexture", {{"index", gltf.picture()}}}}}});
        const ImportedScene scene = gltf.read();
        const synth::Mesh& mesh = scene.model->parts.at(0).mesh;
        ASSERT_EQ(mesh.triangles.size(), 2u);
        for (std::size_t corner = 0; corner < 6; ++corner) {
          const std::uint32_t i = mesh.triangles[corner / 3][corner % 3];
          const auto k = static_cast<std::size_t>(kOrder[corner]);
          EXPECT_NEAR(mesh.position[i].x(), kPositions[3 * k], 1e-6);
          EXPECT_NEAR(mesh.position[i].y(), kPositions[3 * k + 1], 1e-6);
          EXPECT_NEAR(mesh.attribute[i].x(), kCorners[2 * k], 1e-6);
          EXPECT_NEAR(mesh.attribute[i].y(), 1 - kCorners[2 * k + 1], 1e-6);
          EXPECT_NEAR(mesh.attribute[i].z(), width == 4 ? colours[4 * k + 3] : 1, 5e-3);  // alpha
          for (std::size_t c = 0; c < 3; ++c)
            EXPECT_NEAR(mesh.colour[i][static_cast<int>(c)], colours[4 * k + c], 5e-3);
        }
      }
    }
  }
}

TEST(Gltf, InterleavedSparseAndQuantisedNumbersAreRead) {
  Gltf gltf;
  Json& primitive = gltf.square();
  // Positions as whole numbers, 8 bytes apart, brought to size by the node; the third one is corrected sparsely.
  std::string bytes;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t c = 0; c < 3; ++c) bytes += stored(i == 2 ? 7 : 100 * kPositions[3 * i + c], kShort, false);
    bytes += "..";
  }
  const std::size_t view = gltf.view(bytes);
  gltf.json["bufferViews"][view]["byteStride"] = 8;
  std::string correction;
  for (const double value : {100, 100, 0}) correction += stored(value, kShort, false);
  gltf.json["accessors"].push_back(
      {{"bufferView", view},
       {"componentType", kShort},
       {"count", 4},
       {"type", "VEC3"},
       {"sparse",
        {{"count", 1},
         {"indices", {{"bufferView", gltf.view(stored(2, kUnsignedByte, false))}, {"componentType", kUnsignedByte}}},
         {"values", {{"bufferView", gltf.view(correction)}}}}}});
  primitive["attributes"]["POSITION"] = gltf.json["accessors"].size() - 1;
  gltf.json["nodes"][0]["scale"] = {0.01, 0.01, 0.01};
  gltf.json["extensionsRequired"] = Json::array({"KHR_mesh_quantization"});
  const ImportedScene scene = gltf.read();
  const synth::Mesh& mesh = scene.model->parts.at(0).mesh;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(mesh.position[i][static_cast<int>(c)], kPositions[3 * i + c], 1e-5);
  }
}

TEST(Gltf, TexturesLieWhereTransformSamplerAndSecondSetPutThem) {
  const auto scene_of = [](const Json& info, const Json& sampler = nullptr, bool second = false) {
    Gltf gltf;
    Json& primitive = gltf.square();
    if (second) {  // mirrored along u
      std::vector<double> mirrored = kCorners;
      for (std::size_t i = 0; i < 4; ++i) mirrored[2 * i] = 1 - mirrored[2 * i];
      primitive["attributes"]["TEXCOORD_1"] = gltf.accessor(mirrored, "VEC2", 2, kFloat);
    }
    Json texture = {{"index", gltf.picture()}};
    texture.update(info);
    gltf.json["samplers"] = Json::array({sampler.is_null() ? Json{{"magFilter", 9728}} : sampler});
    gltf.json["textures"][0]["sampler"] = 0;
    gltf.material({{"pbrMetallicRoughness", {{"baseColorTexture", texture}}}});
    return gltf.read();
  };
  const auto moved = [](const Json& by) { return Json{{"extensions", {{"KHR_texture_transform", by}}}}; };
  const ImportedScene plain = scene_of(Json::object());
  EXPECT_EQ(hue(at(plain, 0.25f, 0.25f).albedo), "R--");
  EXPECT_EQ(hue(at(plain, 0.75f, 0.25f).albedo), "-G-");
  EXPECT_EQ(hue(at(plain, 0.25f, 0.75f).albedo), "--B");
  EXPECT_EQ(hue(at(plain, 0.49f, 0.25f).albedo), "R--");  // nearest: squares with sharp edges
  EXPECT_EQ(hue(at(scene_of(moved({{"offset", {0.5, 0}}})), 0.25f, 0.25f).albedo), "-G-");
  EXPECT_EQ(hue(at(scene_of(moved({{"offset", {0, 0.5}}})), 0.25f, 0.25f).albedo), "--B");
  EXPECT_EQ(hue(at(scene_of(moved({{"scale", {3, 1}}})), 0.25f, 0.25f).albedo), "-G-");
  // A quarter turn counter-clockwise as seen: (u, v) looks at (v, 1 − u).
  EXPECT_EQ(hue(at(scene_of(moved({{"rotation", std::numbers::pi / 2}, {"offset", {0, 1}}})), 0.25f, 0.25f).albedo),
            "--B");
  EXPECT_EQ(hue(at(scene_of(moved({{"rotation", std::numbers::pi / 2}, {"offset", {0, 1}}})), 0.75f, 0.25f).albedo),
            "R--");
  for (const auto& [mode, beyond, doubly] :
       {std::tuple{10497, "R--", "-G-"}, {33071, "-G-", "-G-"}, {33648, "-G-", "R--"}}) {
    const ImportedScene scene = scene_of(Json::object(), {{"wrapS", mode}, {"magFilter", 9728}});
    EXPECT_EQ(hue(at(scene, 1.25f, 0.25f).albedo), beyond) << mode;
    EXPECT_EQ(hue(at(scene, 1.75f, 0.25f).albedo), doubly) << mode;
  }
  for (const Json& info : {Json{{"texCoord", 1}}, moved({{"texCoord", 1}})}) {
    const ImportedScene scene = scene_of(info, nullptr, true);
    const synth::Mesh& mesh = scene.model->parts.at(0).mesh;
    EXPECT_NEAR(mesh.attribute[0].x(), 1, 1e-6);  // the only set that is used comes first
    EXPECT_NEAR(mesh.attribute[1].x(), 0, 1e-6);
  }
}

TEST(Gltf, MaterialsOfBothModelsAndTheirExtensionsAreApplied) {
  const auto surface = [](const Json& material, float u = 0.25f, float v = 0.25f, bool inside = false) {
    Gltf gltf;
    gltf.square();
    gltf.picture();
    gltf.material(material);
    const ImportedScene scene = gltf.read();
    Point point;
    point.attribute = Vec3(u, 1 - v, 1);
    point.inside = inside;
    return scene.model->surface(point);
  };
  const Json texture = {{"index", 0}};
  // Green is roughness, blue metalness: of the red texel neither, of the white one both.
  const Json metal = {{"pbrMetallicRoughness", {{"metallicRoughnessTexture", texture}, {"roughnessFactor", 0.5}}}};
  EXPECT_NEAR(surface(metal).metallic, 0, 1e-3);
  EXPECT_NEAR(surface(metal, 0.75f, 0.75f).metallic, 1, 1e-3);
  EXPECT_NEAR(surface(metal, 0.75f, 0.75f).roughness, 0.5f, 1e-3);
  EXPECT_NEAR(surface(Json::object()).metallic, 1, 1e-3);  // glTF's defaults
  const auto older = [](Json of) {
    return Json{{"extensions", {{"KHR_materials_pbrSpecularGlossiness", std::move(of)}}}};
  };
  const Surface matt = surface(older(
      {{"diffuseFactor", {0.8, 0.1, 0.1, 1}}, {"specularFactor", {0.04, 0.04, 0.04}}, {"glossinessFactor", 0.25}}));
  EXPECT_NEAR(matt.metallic, 0, 1e-3);
  EXPECT_NEAR(matt.roughness, 0.75f, 1e-3);
  EXPECT_NEAR(matt.albedo.x(), 0.8f, 0.01);
  const Surface gold = surface(older({{"diffuseFactor", {0, 0, 0, 1}}, {"specularFactor", {1, 0.7, 0.3}}}));
  EXPECT_NEAR(gold.metallic, 1, 0.02);
  EXPECT_NEAR(gold.albedo.z(), 0.3f, 0.02);
  EXPECT_EQ(hue(surface(older({{"diffuseTexture", texture}, {"specularFactor", {0, 0, 0}}}), 0.75f).albedo), "-G-");
  const Json white = {{"pbrMetallicRoughness", {{"baseColorTexture", texture}, {"metallicFactor", 0}}}};
  const auto with = [&](const Json& more) {
    Json out = white;
    out.update(more);
    return out;
  };
  EXPECT_FALSE(surface(white, 0.75f, 0.75f).cut);  // OPAQUE: alpha means nothing
  EXPECT_TRUE(surface(with({{"alphaMode", "MASK"}}), 0.75f, 0.75f).cut);
  EXPECT_FALSE(surface(with({{"alphaMode", "MASK"}, {"alphaCutoff", 0.1}}), 0.75f, 0.75f).cut);
  EXPECT_NEAR(surface(with({{"alphaMode", "BLEND"}}), 0.75f, 0.75f).transmission, 0.8f, 0.01);
  EXPECT_NEAR(surface(with({{"alphaMode", "BLEND"}})).transmission, 0, 0.01);
  EXPECT_TRUE(surface(white, 0.25f, 0.25f, true).cut);  // one-sided
  EXPECT_FALSE(surface(with({{"doubleSided", true}}), 0.25f, 0.25f, true).cut);
  const auto extended = [&](const char* name, const Json& of) { return with({{"extensions", {{name, of}}}}); };
  EXPECT_NEAR(surface(extended("KHR_materials_transmission", {{"transmissionFactor", 0.7}})).transmission, 0.7f, 1e-3);
  EXPECT_NEAR(surface(extended("KHR_materials_clearcoat", {{"clearcoatFactor", 0.6}})).coat, 0.6f, 1e-3);
  EXPECT_NEAR(surface({{"extensions", {{"KHR_materials_unlit", Json::object()}}}}).metallic, 0, 1e-3);
  EXPECT_NEAR(surface(with({{"emissiveFactor", {0, 0.5, 0}}})).glow.y(), 0.5f, 1e-3);
  EXPECT_EQ(hue(surface(with({{"emissiveFactor", {1, 1, 1}}, {"emissiveTexture", texture}}), 0.25f, 0.75f).glow),
            "--B");
}

TEST(Gltf, NodesSkinsMorphsAndInstancesAreInPlace) {
  const auto first = [](const Gltf& gltf) { return gltf.read().model->parts.at(0).mesh; };
  Gltf mirrored;
  mirrored.square();
  mirrored.json["nodes"] = {{{"children", {1}}, {"translation", {0, 0, 5}}}, {{"mesh", 0}, {"scale", {-1, 1, 1}}}};
  EXPECT_EQ(first(mirrored).position[1], Vec3(-1, 0, 5));
  EXPECT_EQ(first(mirrored).triangles[0][1], 2u);  // the outside stays outside
  Gltf morphed;
  Json& target = morphed.square();
  target["targets"] = {{{"POSITION", morphed.accessor({0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1}, "VEC3", 3, kFloat)}}};
  morphed.json["meshes"][0]["weights"] = {0.5};
  EXPECT_EQ(first(morphed).position[1], Vec3(1, 0, 0.5f));
  morphed.json["nodes"][0]["weights"] = {0.25};
  EXPECT_EQ(first(morphed).position[1], Vec3(1, 0, 0.25f));
  Gltf skinned;
  Json& limb = skinned.square();
  limb["attributes"]["JOINTS_0"] = skinned.accessor(std::vector<double>(16, 0), "VEC4", 4, kUnsignedByte);
  limb["attributes"]["WEIGHTS_0"] =
      skinned.accessor({1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}, "VEC4", 4, kUnsignedByte, true);
  skinned.json["nodes"] = {{{"mesh", 0}, {"skin", 0}, {"translation", {9, 9, 9}}}, {{"translation", {0, 2, 0}}}};
  skinned.json["scenes"][0]["nodes"] = {0, 1};
  skinned.json["skins"] = {{{"joints", {1}}}};
  EXPECT_EQ(first(skinned).position[1], Vec3(1, 2, 0));
  Gltf repeated;
  repeated.square();
  repeated.json["nodes"][0]["extensions"]["EXT_mesh_gpu_instancing"]["attributes"]["TRANSLATION"] =
      repeated.accessor({0, 0, 0, 0, 0, 3}, "VEC3", 3, kFloat);
  EXPECT_EQ(repeated.read().triangles, 4u);
  EXPECT_EQ(first(repeated).position[4], Vec3(0, 0, 3));
  Gltf scenes;
  scenes.square();
  scenes.json["nodes"].push_back({{"mesh", 0}});
  scenes.json["scenes"].push_back({{"nodes", {1}}});
  EXPECT_EQ(scenes.read().triangles, 2u);
  EXPECT_THAT(scenes.read().left_out, testing::ElementsAre("1 other scenes"));
  Gltf strip;
  Json& band = strip.square();
  band["mode"] = 5;
  band["indices"] = strip.accessor({0, 1, 3, 2}, "SCALAR", 1, kUnsignedByte);
  const auto triangles = first(strip).triangles;
  EXPECT_EQ(triangles[0], (std::array<std::uint32_t, 3>{0, 1, 3}));
  EXPECT_EQ(triangles[1], (std::array<std::uint32_t, 3>{1, 2, 3}));
}

TEST(Gltf, WhatIsNotReadIsRefusedByName) {
  for (const std::string name : {"KHR_draco_mesh_compression", "EXT_meshopt_compression", "VENDOR_shape"}) {
    Gltf gltf;
    gltf.square();
    gltf.json["extensionsRequired"] = Json::array({name});
    gltf.expect_refused({"a.glb", name, "export it without"});
  }
  for (const std::string name : {"KHR_texture_basisu", "MSFT_texture_dds"}) {
    Gltf gltf;
    gltf.square();
    const std::size_t texture = gltf.picture();
    gltf.json["textures"][texture] = {{"extensions", {{name, {{"source", 0}}}}}};
    EXPECT_EQ(gltf.read().triangles, 2u);  // nothing uses it
    gltf.material({{"pbrMetallicRoughness", {{"baseColorTexture", {{"index", texture}}}}}});
    gltf.expect_refused({"a.glb", name, "PNG or JPEG"});
    gltf.json["textures"][texture]["source"] = 0;
    EXPECT_EQ(gltf.read().textures, 1u);  // the plain picture beside it
  }
  Gltf ktx;
  ktx.square();
  ktx.json["images"].push_back({{"bufferView", ktx.view("\xABKTX 20\xBB\r\n\x1A\n data")}});
  ktx.json["textures"].push_back({{"source", 0}});
  ktx.material({{"pbrMetallicRoughness", {{"baseColorTexture", {{"index", 0}}}}}});
  ktx.expect_refused({"a.glb", "image 0", "KTX2", "PNG or JPEG"});
  Gltf draco;
  Json& packed = draco.square();
  packed["extensions"]["KHR_draco_mesh_compression"] = {{"bufferView", 0}};
  EXPECT_EQ(draco.read().triangles, 2u);  // uncompressed beside it
  draco.json["accessors"][0].erase("bufferView");
  draco.expect_refused({"a.glb", "KHR_draco_mesh_compression"});
  Gltf old;
  old.square();
  old.json["asset"]["version"] = "1.0";
  old.expect_refused({"glTF 1.0", "2.0"});
  Gltf maps;
  maps.square();
  maps.picture();
  maps.material({{"normalTexture", {{"index", 0}}}, {"extensions", {{"KHR_materials_sheen", Json::object()}}}});
  EXPECT_THAT(maps.read().left_out, testing::ElementsAre("KHR_materials_sheen", "normal maps"));
}

TEST(Gltf, UrisAreDecodedAndFoundWhateverTheCase) {
  Gltf gltf;
  gltf.square();
  gltf.picture();
  gltf.material({{"pbrMetallicRoughness", {{"baseColorTexture", {{"index", 0}}}}}});
  const auto read = [&](const std::string& buffer, const std::string& image) {
    const test::TemporaryFolder folder;
    fs::create_directories(folder / "Parts");
    write_file_atomic(folder / "Parts/my car.bin", gltf.binary);
    write_png(folder / "Parts/Body.PNG", cv::Mat(1, 1, CV_8UC3, cv::Scalar(0, 255, 0)));
    Json json = gltf.json;
    json["buffers"] = Json::array({Json{{"byteLength", gltf.binary.size()}, {"uri", buffer}}});
    json["images"] = Json::array({Json{{"uri", image}}});
    write_file_atomic(folder / "a.gltf", json.dump());
    return synth::read_gltf({folder / "a.gltf", folder.path()});
  };
  for (const std::string buffer :
       {"Parts/my%20car.bin", "Parts/my car.bin", "parts/My%20Car.BIN", "Parts\\my%20car.bin"}) {
    for (const std::string image :
         {"Parts/Body.PNG", "parts/body.png", "parts\\body.png", "./Parts/../PARTS/%42ody.png"})
      EXPECT_EQ(hue(at(read(buffer, image), 0.5f, 0.5f).albedo), "-G-") << buffer << " " << image;
  }
  const std::string green =
      "data:image/"
      "png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNg+M8AAAICAQB7CYF4AAAAAElFTkSuQmCC";
  EXPECT_EQ(hue(at(read("Parts/my car.bin", green), 0.5f, 0.5f).albedo), "-G-");
  test::expect_error(ExitCode::runtime, {"a.gltf", "'my car.bin'", "not found in"},
                     [&] { read("my%20car.bin", "Parts/Body.PNG"); });
  test::expect_error(ExitCode::runtime, {"a.gltf", "'wing.png'", "textures"},
                     [&] { read("Parts/my car.bin", "wing.png"); });
  test::expect_error(ExitCode::runtime, {"a.gltf", "outside"}, [&] { read("%2e%2e/my car.bin", "Parts/Body.PNG"); });
  test::expect_error(ExitCode::runtime, {"a.gltf", "base64"}, [&] { read("data:;base64,*", "Parts/Body.PNG"); });
}

TEST(Gltf, DamagedFilesAreErrorsAndNothingElse) {
  Gltf gltf;
  Json& primitive = gltf.square();
  primitive["attributes"]["COLOR_0"] = gltf.accessor(std::vector<double>(16, 1), "VEC4", 4, kUnsignedByte, true);
  primitive["targets"] = {{{"POSITION", gltf.accessor(std::vector<double>(12, 0), "VEC3", 3, kFloat)}}};
  gltf.json["nodes"][0]["weights"] = {1};
  gltf.material({{"pbrMetallicRoughness", {{"baseColorTexture", {{"index", gltf.picture()}}}}}, {"alphaMode", "MASK"}});
  const test::TemporaryFolder folder;
  EXPECT_GT(test::mutate_and_try(gltf.glb(),
                                 [&](std::string_view bytes) {
                                   write_file_atomic(folder / "a.glb", bytes);
                                   synth::read_gltf({folder / "a.glb", folder.path()});
                                 }),
            0);
}

}  // namespace
}  // namespace spinfill
