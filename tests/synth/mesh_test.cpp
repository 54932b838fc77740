// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <map>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "data/sets/view_set.h"
#include "data/sets/view_set_reader.h"
#include "support/support.h"
#include "synth/import/import.h"
#include "synth/import/orientation.h"
#include "synth/synth.h"

namespace spinfill {
namespace {

using synth::Vec3;

// A box, 4 × 1.8 × 1.5, each face in a colour of its own: front red, rear green, left blue, right yellow, top white.
struct Face {
  const char* name;
  std::array<float, 3> colour;
  std::array<Vec3, 4> corner;  // vehicle axes, counter-clockwise from outside
};
std::vector<Face> faces() {
  const auto p = [](float x, float y, float z) { return Vec3(2 * x, 0.9f * y, 0.75f * z); };
  return {{"face_a", {1, 0, 0}, {p(1, -1, -1), p(1, 1, -1), p(1, 1, 1), p(1, -1, 1)}},
          {"face_b", {0, 1, 0}, {p(-1, 1, -1), p(-1, -1, -1), p(-1, -1, 1), p(-1, 1, 1)}},
          {"face_c", {0, 0, 1}, {p(1, 1, -1), p(-1, 1, -1), p(-1, 1, 1), p(1, 1, 1)}},
          {"face_d", {1, 1, 0}, {p(-1, -1, -1), p(1, -1, -1), p(1, -1, 1), p(-1, -1, 1)}},
          {"face_e", {1, 1, 1}, {p(1, -1, 1), p(1, 1, 1), p(-1, 1, 1), p(-1, -1, 1)}}};
}

// From vehicle axes to those of a model whose front and up are given.
Vec3 to_model(const Vec3& p, const std::string& front, const std::string& up) {
  const Vec3 f = synth::axis(front), u = synth::axis(up);
  const Vec3 left(u.y() * f.z() - u.z() * f.y(), u.z() * f.x() - u.x() * f.z(), u.x() * f.y() - u.y() * f.x());
  return p.x() * f + p.y() * left + p.z() * u;
}

void write_obj(const fs::path& path, const std::string& front, const std::string& up) {
  std::string obj = "mtllib " + path.stem().string() + ".mtl\n", mtl;
  int n = 0;
  for (const auto& face : faces()) {
    mtl += fmt::format("newmtl {}\nKd {} {} {}\n", face.name, face.colour[0], face.colour[1], face.colour[2]);
    for (const auto& c : face.corner) {
      const Vec3 p = to_model(c, front, up);
      obj += fmt::format("v {} {} {}\n", p.x(), p.y(), p.z());
    }
    obj += fmt::format("usemtl {}\nf {} {} {} {}\n", face.name, n + 1, n + 2, n + 3, n + 4);
    n += 4;
  }
  write_file_atomic(path, obj);
  write_file_atomic(fs::path(path).replace_extension(".mtl"), mtl);
}

void write_gltf(const fs::path& path) {  // up +Y, front +Z, as the format says; binary buffer beside it
  std::string buffer;
  Json json;
  json["asset"] = {{"version", "2.0"}};
  json["scene"] = 0;
  json["scenes"] = {{{"nodes", {0}}}};
  json["nodes"] = {{{"mesh", 0}}};
  int k = 0;
  for (const auto& face : faces()) {
    Json low = Json::array({1e9, 1e9, 1e9}), high = Json::array({-1e9, -1e9, -1e9});
    const std::size_t start = buffer.size();
    for (const auto& c : face.corner) {
      const Vec3 p = to_model(c, "z", "y");
      for (std::size_t i = 0; i < 3; ++i) {
        const float value = p[static_cast<int>(i)];
        buffer.append(reinterpret_cast<const char*>(&value), 4);
        low[i] = std::min(low[i].get<float>(), value);
        high[i] = std::max(high[i].get<float>(), value);
      }
    }
    const std::uint16_t order[6] = {0, 1, 2, 0, 2, 3};
    buffer.append(reinterpret_cast<const char*>(order), 12);
    json["bufferViews"].push_back({{"buffer", 0}, {"byteOffset", start}, {"byteLength", 48}});
    json["bufferViews"].push_back({{"buffer", 0}, {"byteOffset", start + 48}, {"byteLength", 12}});
    json["accessors"].push_back(
        {{"bufferView", 2 * k}, {"componentType", 5126}, {"count", 4}, {"type", "VEC3"}, {"min", low}, {"max", high}});
    json["accessors"].push_back({{"bufferView", 2 * k + 1}, {"componentType", 5123}, {"count", 6}, {"type", "SCALAR"}});
    json["materials"].push_back(
        {{"name", face.name},
         {"pbrMetallicRoughness",
          {{"baseColorFactor", {face.colour[0], face.colour[1], face.colour[2], 1}}, {"metallicFactor", 0}}}});
    json["meshes"][0]["primitives"].push_back(
        {{"attributes", {{"POSITION", 2 * k}}}, {"indices", 2 * k + 1}, {"material", k}});
    ++k;
  }
  json["buffers"] = {{{"uri", "box.bin"}, {"byteLength", buffer.size()}}};
  write_file_atomic(path, json.dump());
  write_file_atomic(path.parent_path() / "box.bin", buffer);
}

void write_dae(const fs::path& path, const std::string& up_axis, const std::string& front, const std::string& up) {
  std::string effects, materials, geometries, nodes;
  for (const auto& face : faces()) {
    effects += fmt::format(
        "<effect id='{0}-fx'><profile_COMMON><technique sid='c'><lambert><diffuse><color>{1} {2} {3} "
        "1</color></diffuse></lambert></technique></profile_COMMON></effect>",
        face.name, face.colour[0], face.colour[1], face.colour[2]);
    materials += fmt::format("<material id='{0}-m' name='{0}'><instance_effect url='#{0}-fx'/></material>", face.name);
    std::string positions;
    for (const auto& c : face.corner) {
      const Vec3 p = to_model(c, front, up);
      positions += fmt::format("{} {} {} ", p.x(), p.y(), p.z());
    }
    geometries += fmt::format(
        "<geometry id='{0}-g'><mesh><source id='{0}-p'><float_array id='{0}-a' "
        "count='12'>{1}</float_array><technique_common><accessor source='#{0}-a' count='4' stride='3'>"
        "<param name='X' type='float'/><param name='Y' type='float'/><param name='Z' "
        "type='float'/></accessor></technique_common></source>"
        "<vertices id='{0}-v'><input semantic='POSITION' source='#{0}-p'/></vertices>"
        "<triangles count='2' material='m'><input semantic='VERTEX' source='#{0}-v' offset='0'/><p>0 1 2 0 2 "
        "3</p></triangles></mesh></geometry>",
        face.name, positions);
    nodes += fmt::format(
        "<node id='{0}-n'><instance_geometry url='#{0}-g'><bind_material><technique_common><instance_material "
        "symbol='m' target='#{0}-m'/></technique_common></bind_material></instance_geometry></node>",
        face.name);
  }
  write_file_atomic(
      path,
      fmt::format(
          "<?xml version='1.0'?><COLLADA xmlns='http://www.collada.org/2005/11/COLLADASchema' "
          "version='1.4.1'><asset><unit name='inch' meter='0.0254'/><up_axis>{}</up_axis></asset>"
          "<library_effects>{}</library_effects><library_materials>{}</library_materials><library_geometries>{}</"
          "library_geometries>"
          "<library_visual_scenes><visual_scene "
          "id='s'>{}</visual_scene></library_visual_scenes><scene><instance_visual_scene url='#s'/></scene></COLLADA>",
          up_axis, effects, materials, geometries, nodes));
}

// The colour in the middle of a view, as "red high, green high, blue high".
std::string middle_hue(const fs::path& set, const std::string& view) {
  const cv::Mat picture = read_picture(set / (view + ".png"));
  const auto& p = picture.at<cv::Vec4b>(picture.rows * 55 / 100, picture.cols / 2);
  const int most = std::max({p[0], p[1], p[2], std::uint8_t{1}});
  std::string hue;
  for (int c = 0; c < 3; ++c) hue += p[c] > 0.6 * most ? 'H' : '-';
  return hue;
}

void expect_faces_in_place(const fs::path& set) {
  EXPECT_EQ(middle_hue(set, "000"), "H--") << set;
  EXPECT_EQ(middle_hue(set, "090"), "--H") << set;
  EXPECT_EQ(middle_hue(set, "180"), "-H-") << set;
  EXPECT_EQ(middle_hue(set, "270"), "HH-") << set;
}

synth::SynthOptions small(const fs::path& meshes, const fs::path& out) {
  synth::SynthOptions options;
  options.meshes = meshes;
  options.out = out;
  options.width = 48;
  options.height = 32;
  options.threads = 1;
  options.elevation = {5, 6};
  return options;
}

TEST(SynthMeshes, EveryFormatAndAxisPutsTheFrontAtAzimuthZeroUnmirrored) {
  for (const auto& [front, up] :
       {std::pair{"x", "z"}, std::pair{"-y", "z"}, std::pair{"z", "y"}, std::pair{"-x", "y"}, std::pair{"y", "-z"}}) {
    test::TemporaryFolder folder;
    fs::create_directory(folder / "sedan");
    write_obj(folder / "sedan/box.obj", front, up);
    auto options = small(folder / "sedan", folder / "out");
    options.front = front;
    options.up = up;
    synth::make_sets(options);
    SCOPED_TRACE(std::string(front) + " " + up);
    expect_faces_in_place(folder / "out/box");
  }
  test::TemporaryFolder folder;
  fs::create_directories(folder / "m/suv");
  write_gltf(folder / "m/suv/box.gltf");
  synth::make_sets(small(folder / "m", folder / "gltf"));
  expect_faces_in_place(folder / "gltf/suv-box");
  EXPECT_EQ(read_view_set(folder / "gltf/suv-box").category, "suv");
  for (const std::string axis : {"Y_UP", "Z_UP"}) {
    // Collada is brought to Y up, whatever the file says.
    test::TemporaryFolder inner;
    fs::create_directory(inner / "m");
    write_dae(inner / "m/bus.dae", axis, axis == "Y_UP" ? "z" : "-y", axis == "Y_UP" ? "y" : "z");
    auto options = small(inner / "m", inner / "out");
    options.front = "z";
    synth::make_sets(options);
    SCOPED_TRACE(axis);
    expect_faces_in_place(inner / "out/bus");
    EXPECT_EQ(read_view_set(inner / "out/bus").category, "bus");
  }
}

TEST(SynthMeshes, NamesOfPartsTellTheFront) {
  std::vector<Vec3> points;
  for (const auto& face : faces()) points.insert(points.end(), face.corner.begin(), face.corner.end());
  const auto found = synth::find_orientation(
      points, {{"wheel-front-left", Vec3(-1, 0.8f, 0)}, {"wheel-back-left", Vec3(1, 0.8f, 0)}}, {"z"});
  EXPECT_EQ(synth::axis_name(found.front), "-x");
  EXPECT_EQ(found.front_from, "names");
  EXPECT_EQ(found.doubt, "");
}

void write_textured(const fs::path& folder, const std::string& texture) {
  // The left side's texture is red in its front half and green in its rear half.
  std::string obj = "mtllib box.mtl\nusemtl m\n";
  int n = 0;
  for (const auto& face : faces()) {
    for (const auto& c : face.corner) obj += fmt::format("v {} {} {}\n", c.x(), c.y(), c.z());
    n += 4;
  }
  obj += "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n";
  for (int k = 0; k < n; k += 4) obj += fmt::format("f {}/1 {}/2 {}/3 {}/4\n", k + 1, k + 2, k + 3, k + 4);
  write_file_atomic(folder / "box.obj", obj);
  write_file_atomic(folder / "box.mtl", "newmtl m\nKd 0.5 0.5 0.5\nmap_Kd " + texture + "\n");
}

TEST(SynthMeshes, TexturesAreFoundAndUpright) {
  test::TemporaryFolder folder;
  fs::create_directories(folder / "m/textures");
  cv::Mat picture(8, 8, CV_8UC3, cv::Scalar(255, 0, 0));
  picture.colRange(4, 8).setTo(cv::Scalar(0, 255, 0));
  picture.rowRange(0, 3).setTo(cv::Scalar(0, 0, 255));  // the upper part is blue
  write_file_atomic(folder / "m/textures/side.png", encode_png(picture));
  write_textured(folder / "m", "side.png");
  auto options = small(folder / "m", folder / "out");
  options.front = "x";
  options.up = "z";
  synth::make_sets(options);
  const cv::Mat side = read_picture(folder / "out/box/090.png");
  const auto left = side.at<cv::Vec4b>(19, 14), right = side.at<cv::Vec4b>(19, 33), above = side.at<cv::Vec4b>(12, 14);
  EXPECT_GT(left[0], 2 * left[1]);
  EXPECT_GT(right[1], 2 * right[0]);
  EXPECT_GT(above[2], 2 * above[0]);
}

TEST(SynthMeshes, NothingOutsideTheFolderIsRead) {
  test::TemporaryFolder folder;
  fs::create_directory(folder / "m");
  write_file_atomic(folder / "secret.png", encode_png(cv::Mat(4, 4, CV_8UC3, cv::Scalar(1, 2, 3))));
  for (const std::string texture : {"../secret.png", "../m/../secret.png"}) {
    write_textured(folder / "m", texture);
    test::expect_error(ExitCode::runtime, {"box.obj", "secret.png", "outside"},
                       [&] { synth::make_sets(small(folder / "m", folder / "out")); });
  }
  write_textured(folder / "m", "missing.png");
  test::expect_error(ExitCode::runtime, {"missing.png", "not found"},
                     [&] { synth::make_sets(small(folder / "m", folder / "out")); });
  // A material library outside, and a link to the outside.
  write_obj(folder / "outside.obj", "x", "z");
  fs::remove(folder / "m/box.mtl");
  std::string obj = read_file(folder / "outside.obj");
  obj.replace(obj.find("outside.mtl"), 11, "../outside.mtl");
  write_file_atomic(folder / "m/box.obj", obj);
  test::expect_error(ExitCode::runtime, {"outside.mtl", "outside"},
                     [&] { synth::make_sets(small(folder / "m", folder / "out")); });
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST(SynthMeshes, BrokenFilesAreOneLine) {
  const auto refuses = [](const std::string& name, const std::string& bytes, const std::vector<std::string>& texts) {
    test::TemporaryFolder folder;
    fs::create_directory(folder / "m");
    write_file_atomic(folder / "m" / name, bytes);
    std::vector<std::string> all = texts;
    all.push_back(name);
    test::expect_error(ExitCode::runtime, all, [&] { synth::make_sets(small(folder / "m", folder / "out")); });
    EXPECT_FALSE(fs::exists(folder / "out"));
  };
  refuses("a.obj", "", {"empty"});
  refuses("a.obj", "this is not a model\n", {});
  refuses("a.glb", std::string("glTF\2\0\0\0\xff\xff\xff\x7f", 12), {});
  refuses("a.gltf", "{\"asset\": {\"version\": \"2.0\"", {});
  refuses("a.gltf", R"({"asset":{"version":"2.0"},"buffers":[{"uri":"../../etc/passwd","byteLength":4}]})", {});
  refuses("a.dae", "<COLLADA><unclosed>", {});
  refuses("a.obj", "v 0 0 0\nv 1 0 0\n", {});
  refuses("a.obj", "v nan 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\n", {});
  refuses("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", {"flat"});
  test::TemporaryFolder folder;
  fs::create_directory(folder / "m");
  test::expect_error(ExitCode::usage, {"--meshes", "no .obj"},
                     [&] { synth::make_sets(small(folder / "m", folder / "out")); });
  test::expect_error(ExitCode::usage, {"--meshes", "not a folder"},
                     [&] { synth::make_sets(small(folder / "none", folder / "out")); });
}

TEST(SynthMeshes, MoreSetsThanModelsKeepEachModelInOneSplit) {
  test::TemporaryFolder folder;
  fs::create_directory(folder / "m");
  for (const std::string name : {"a", "b", "c", "d"}) write_obj(folder / "m" / (name + ".obj"), "x", "z");
  auto options = small(folder / "m", folder / "out");
  options.sets = 12;
  options.categories = {"van"};
  options.splits = {0.5, 0.25, 0.25};
  options.front = "x";
  options.up = "z";
  synth::make_sets(options);
  const Json splits = read_json(folder / "out/splits.json");
  std::map<char, std::string> where;
  for (const auto& [name, ids] : splits.items()) {
    EXPECT_EQ(ids.size(), name == "train" ? 6u : 3u);
    for (const auto& id : ids) {
      const char model = id.get<std::string>()[0];
      EXPECT_EQ(where.emplace(model, name).first->second, name) << id;
      EXPECT_EQ(read_view_set(folder / "out" / id.get<std::string>()).category, "van");
    }
  }
  // The cameras of one model's sets differ.
  EXPECT_NE(read_json(folder / "out/a-00000/transforms.json").at("fl_x"),
            read_json(folder / "out/a-00001/transforms.json").at("fl_x"));
}

TEST(SynthMeshes, RealModelsStandOnTheirWheelsAndLookAhead) {
  SPINFILL_NEEDS_REAL_DATA();
  // Directions checked by eye once. The pickup's front (-z) is not found from its shape alone: it has to be given.
  const std::map<std::string, std::pair<std::string, std::string>> expected = {
      {"gazebo-suv", {"+z", "+y"}},   {"gazebo-pickup", {"+y", ""}},  {"gazebo-hatchback", {"+z", "-y"}},
      {"kenney-sedan", {"+y", "+z"}}, {"kenney-truck", {"+y", "+z"}}, {"kenney-van", {"+y", "+z"}}};
  const fs::path folder = test::real_data() / "meshes";
  int found = 0;
  for (const auto& file : synth::find_meshes(folder)) {
    const auto it = expected.find(file.id);
    if (it == expected.end()) continue;
    ++found;
    const auto imported = synth::import_mesh(file, {folder});
    EXPECT_NE(imported.report.find("up " + it->second.first), std::string::npos) << imported.report;
    EXPECT_NE(imported.report.find("front " + it->second.second), std::string::npos) << imported.report;
  }
  EXPECT_EQ(found, 6);
}

}  // namespace
}  // namespace spinfill
