// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <map>
#include <set>

#include <opencv2/core.hpp>

#include "core/files/files.h"
#include "core/files/json.h"
#include "core/files/sha256.h"
#include "data/pictures/picture.h"
#include "support/support.h"
#include "synth/import/repaint.h"
#include "synth/import/scene.h"
#include "synth/synth.h"

namespace spinfill {
namespace {

using synth::Vec3;
using testing::HasSubstr;

struct Box {
  std::string name;
  Vec3 colour;
  float size;
  float transmission = 0;
};

// Boxes beside each other, each of its own material.
std::unique_ptr<synth::ImportedModel> model_of(const std::vector<Box>& boxes) {
  auto model = std::make_unique<synth::ImportedModel>();
  for (const Box& box : boxes) {
    synth::Material material;
    material.name = box.name;
    material.colour = box.colour;
    material.transmission = box.transmission;
    model->materials.push_back(material);
    model->parts.emplace_back();
    model->parts.back().kind = static_cast<int>(model->materials.size()) - 1;
    add_box(model->parts.back().mesh, {0, static_cast<float>(model->parts.size()), 0}, Vec3::Constant(box.size), 0.01f);
    for (Vec3& a : model->parts.back().mesh.attribute) a = Vec3(0, 0, 1);
  }
  return model;
}

synth::Surface surface_of_part(const synth::ImportedModel& model, int part) {
  synth::Point point;
  point.part = part;
  point.attribute = Vec3(0, 0, 1);
  return model.surface(point);
}

const Vec3 kRed(0.5f, 0.02f, 0.02f),
    kBlue(0.02f, 0.05f, 0.5f), kGrey = Vec3::Constant(0.12f), kBlack = Vec3::Constant(0.01f);

TEST(Variants, PaintIsRecognisedByNameThenByWhatCoversMost) {
  // A name counts more than a larger surface.
  auto paint = find_body_paint(*model_of({{"CarPaint", kRed, 1}, {"Load", kBlue, 1.5f}, {"Tyres", kBlack, 1}}));
  ASSERT_TRUE(paint.has_value());
  EXPECT_EQ(paint->name, "CarPaint");
  EXPECT_EQ(paint->materials, (std::vector<bool>{true, false, false}));
  EXPECT_THAT(paint_report(paint), HasSubstr("paint: 'CarPaint'"));
  // Without one the largest, but not of glass, wheels, or what is dark.
  paint = find_body_paint(
      *model_of({{"a", kGrey, 3}, {"wheel", kRed, 2}, {"b", kBlue, 1.6f}, {"c", kBlue, 1}, {"pane", kRed, 3, 0.8f}}));
  ASSERT_TRUE(paint.has_value());
  EXPECT_EQ(paint->materials, (std::vector<bool>{false, false, true, true, false}));
  // Nothing that covers enough: nothing is guessed.
  paint = find_body_paint(*model_of({{"a", kBlack, 3}, {"b", kRed, 0.6f}}));
  EXPECT_FALSE(paint.has_value());
  EXPECT_THAT(paint_report(paint), HasSubstr("no paint recognised"));
}

TEST(Variants, OnlyThePaintIsRepaintedAndWidthsDifferALittle) {
  const std::vector<Box> boxes = {
      {"body", kRed, 1}, {"glass", Vec3::Constant(0.5f), 0.5f, 0.9f}, {"tyre", kBlack, 0.4f}};
  std::set<float> reds, widths;
  for (std::uint64_t i = 0; i < 8; ++i) {
    const auto plain = model_of(boxes), model = model_of(boxes);
    Random random(3, i, Stream::details);
    vary(*model, random);
    reds.insert(surface_of_part(*model, 0).albedo.x());
    EXPECT_EQ(surface_of_part(*model, 0).coat, 1);
    for (const int part : {1, 2}) {
      EXPECT_EQ(surface_of_part(*model, part).albedo, surface_of_part(*plain, part).albedo);
      EXPECT_EQ(surface_of_part(*model, part).coat, 0);
    }
    const Vec3 ratio = bounding_box(*model).size().cwiseQuotient(bounding_box(*plain).size());
    EXPECT_EQ(ratio.x(), 1);
    EXPECT_NEAR(ratio.y(), 1, 0.041f);
    EXPECT_NEAR(ratio.z(), 1, 0.021f);
    widths.insert(ratio.y());
  }
  EXPECT_GE(reds.size(), 7u);
  EXPECT_GE(widths.size(), 7u);
}

TEST(Variants, AllVariantsOfAMeshAreInOneSplit) {
  const test::TemporaryFolder folder;
  make_folder(folder / "cad");
  write_file_atomic(folder / "cad" / "m.mtl", "newmtl body\nKd 0.8 0.1 0.1\n");
  for (const std::string name : {"a", "b", "c", "d"}) {
    write_file_atomic(
        folder / "cad" / (name + ".obj"),
        "mtllib m.mtl\nusemtl body\nv -2 -1 0\nv 2 -1 0\nv 2 1 0\nv -2 1 0\nv -2 -1 1.5\nv 2 -1 1.5\nv 2 1 "
        "1.5\nv -2 1 1.5\nf 1 4 3 2\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n");
  }
  synth::SynthOptions options;
  options.meshes = folder / "cad";
  options.up = "z";
  options.front = "x";
  options.variants = 3;
  options.splits = {0.5, 0.25, 0.25};
  options.width = 48;
  options.height = 32;
  options.views = 1;
  options.threads = 1;
  options.render.geometry = false;
  options.out = folder / "one";
  synth::make_sets(options);
  options.out = folder / "two";
  options.threads = 3;
  synth::make_sets(options);
  std::map<std::string, std::set<std::string>> splits_of;
  std::set<std::string> pictures;
  const Json splits = read_json(folder / "one" / "splits.json");
  for (const auto& [split, ids] : splits.items()) {
    for (const std::string id : ids) {
      splits_of[id.substr(0, 1)].insert(split);
      const std::string hash = sha256_file(folder / "one" / id / "000.png");
      EXPECT_EQ(hash, sha256_file(folder / "two" / id / "000.png"));
      pictures.insert(hash);
    }
  }
  EXPECT_EQ(pictures.size(), 12u);
  ASSERT_EQ(splits_of.size(), 4u);
  for (const auto& [mesh, in] : splits_of) EXPECT_EQ(in.size(), 1u) << mesh;
}

TEST(Variants, AreForMeshesAndGiveTheNumberOfSets) {
  synth::SynthOptions options;
  options.out = "out";
  options.variants = 2;
  options.sets = 1;
  test::expect_error(ExitCode::usage, {"--variants is for --meshes"}, [&] { options.check(); });
  options.meshes = "cad";
  test::expect_error(ExitCode::usage, {"--variants 2", "leave out --sets"}, [&] { options.check(); });
  options.sets = 0;
  options.variants = -1;
  test::expect_error(ExitCode::usage, {"--variants -1"}, [&] { options.check(); });
}

}  // namespace
}  // namespace spinfill
