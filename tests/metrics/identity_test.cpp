// SPDX-License-Identifier: Apache-2.0
#include "metrics/identity.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

#include "core/files/files.h"
#include "core/files/sha256.h"
#include "core/side_by_side.h"
#include "metrics/report.h"
#include "support/examples.h"
#include "support/mutate.h"

namespace spinfill {
namespace {

const Json& identity_reference() {
  static const Json loaded = read_json(test::fixture("metrics/identity.json"));
  return loaded;
}
IdentityConfig tiny(const char* file = "metrics/identity.onnx") {
  IdentityConfig config;
  config.model = test::fixture(file).string();
  config.width = identity_reference()["width"];
  config.height = identity_reference()["height"];
  config.mean = identity_reference()["mean"].get<std::vector<double>>();
  config.std = identity_reference()["std"].get<std::vector<double>>();
  return config;
}
void expect_near(const Embedding& embedding, const Json& expected, const std::string& what) {
  ASSERT_EQ(embedding.size(), expected.size()) << what;
  for (std::size_t i = 0; i < embedding.size(); ++i) EXPECT_NEAR(embedding[i], expected[i].get<double>(), 1e-5) << what;
}

// Any layout and order, pictures of the input's size, larger, and of another shape.
TEST(Identity, EmbeddingsAreThoseOfOnnxRuntime) {
  IdentityConfig last = tiny("metrics/identity_nhwc.onnx"), reversed = tiny();
  last.layout = TensorLayout::nhwc;
  reversed.colours = ColourOrder::bgr;
  const auto model = IdentityModel::load(tiny()), channels_last = IdentityModel::load(last),
             bgr = IdentityModel::load(reversed);
  for (const Json& expected : identity_reference()["embeddings"]) {
    const at::Tensor shown = picture(expected["picture"], expected["height"], expected["width"])[0];
    const std::string what = "picture " + expected["picture"].dump();
    expect_near(model->embedding(shown), expected["rgb"], what);
    expect_near(channels_last->embedding(shown), expected["rgb"], what + ", channels last");
    expect_near(bgr->embedding(shown), expected["bgr"], what + ", bgr");
  }
  const auto of = [&](std::uint32_t which) { return model->embedding(picture(which, 12, 16)[0]); };
  EXPECT_NEAR(cosine_similarity(of(61), of(62)), identity_reference()["cosine_of_the_first_two"].get<double>(), 1e-6);
  EXPECT_NEAR(cosine_similarity(of(61), of(61)), 1, 1e-12);
  const Json description = model->description();
  EXPECT_EQ(description["sha256"], sha256_file(tiny().model));
  EXPECT_EQ(description["file"], "identity.onnx");
}

TEST(Identity, NoBitDependsOnThreads) {
  const auto model = IdentityModel::load(tiny());
  const auto one = [&](std::size_t i) {
    return model->embedding(picture(static_cast<std::uint32_t>(70 + i), 31, 53)[0]);
  };
  std::vector<Embedding> alone;
  for (std::size_t i = 0; i < 8; ++i) alone.push_back(one(i));
  EXPECT_EQ(side_by_side(8, one), alone);
}

TEST(Identity, WrongFilesAreOneLine) {
  const auto load = [](const IdentityConfig& config) { return [config] { IdentityModel::load(config); }; };
  const test::TemporaryFolder folder;
  const std::string bytes = read_file(tiny().model);
  IdentityConfig config = tiny();
  config.model = "/nowhere.onnx";
  test::expect_error(ExitCode::runtime, {"/nowhere.onnx", "no such file"}, load(config));
  const auto written = [&](const std::string& content) {
    config.model = (folder / "net.onnx").string();
    write_file_atomic(config.model, content);
    return config;
  };
  test::expect_error(ExitCode::runtime, {"net.onnx", "ONNX"}, load(written("not a network")));
  test::expect_error(ExitCode::runtime, {"net.onnx", "ONNX"}, load(written("")));
  test::expect_error(ExitCode::runtime, {"net.onnx"}, load(written(bytes.substr(0, bytes.size() / 2))));
  test::expect_error(ExitCode::runtime, {"identity_two_outputs.onnx", "2 outputs"},
                     load(tiny("metrics/identity_two_outputs.onnx")));
  IdentityConfig other_size = tiny();
  other_size.width = 31;
  test::expect_error(ExitCode::runtime, {"identity.onnx", "31×12", "evaluation.identity.width"}, load(other_size));
  // Nothing but the line: OpenCV prints what it throws.
  const auto run = test::run_command(
      fmt::format("cd {} && echo broken >b.onnx && {} metrics a.png a.png --set evaluation.identity.model=b.onnx",
                  folder.path().string(), test::program()));
  EXPECT_EQ(run.exit_code, 3) << run.output;
  EXPECT_EQ(std::ranges::count(run.output, '\n'), 1) << run.output;
}

TEST(Identity, DamagedFilesAreErrors) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "damaged.onnx").string();
  test::mutate_and_try(read_file(tiny().model), [&](std::string_view bytes) {
    write_file_atomic(path, bytes);
    IdentityConfig config = tiny();
    config.model = path;
    IdentityModel::load(config);
  });
}

TEST(Identity, AbsentWithoutAModel) {
  const IdentityChoice none = choose_identity({});
  EXPECT_EQ(none.model, nullptr);
  EXPECT_THAT(none.absent, testing::HasSubstr("evaluation.identity.model"));
  EXPECT_EQ(none.absent.find('\n'), std::string::npos);
}

// In a report: of the truth 1, of the others what the embeddings say; the protocol names the network.
TEST(Identity, IsScoredAgainstTheTruthAndTheReferences) {
  const Batch batch = example_batch({3}, {{1, 5}});
  EvaluateOptions options;
  options.nets.identity = choose_identity(tiny()).model;
  const EvaluationReport report = evaluate(example_model(0), batches_of({batch}), {}, nullptr, options);
  const Json json = report_to_json(report);
  EXPECT_EQ(json["protocol"]["identity"]["sha256"], sha256_file(tiny().model));
  EXPECT_TRUE(json["protocol"]["identity_absent"].is_null());
  const ImageRow& row = report.images.front();
  EXPECT_NEAR(row.scores[0][kIdentity], 1, 1e-12);
  const auto embedding = [&](const at::Tensor& shown) {
    return options.nets.identity->embedding(at::round(shown * 255) / 255);
  };
  double sum = 0;
  for (const std::int64_t v : row.references)
    sum += cosine_similarity(embedding(batch.colour[0][v]), embedding(batch.colour[0][row.slot]));
  EXPECT_NEAR(row.scores[0][kIdentityOfReferences], sum / 6, 1e-6);
  EXPECT_LT(row.scores[1][kIdentity], 1) << "nearest";
  EXPECT_THAT(report_table(report), testing::HasSubstr("identity by identity.onnx"));
  EXPECT_EQ(report_to_json(report_from_json(json, "here")), json);

  const EvaluationReport without = evaluate(example_model(0), batches_of({batch}), {}, nullptr);
  EXPECT_TRUE(report_to_json(without)["overall"]["identity"].is_null());
  EXPECT_EQ(report_to_json(without)["protocol"]["identity_absent"], "not asked for");
  // The other scores compare; another network's do not.
  Json other = json["protocol"], none = report_to_json(without)["protocol"];
  EXPECT_EQ(unlike(json["protocol"], none), "");
  EXPECT_EQ(differences(json["protocol"], none).size(), 2U);
  other["identity"]["sha256"] = "0";
  EXPECT_THAT(unlike(json["protocol"], other), testing::HasSubstr("identity.sha256"));
}

}  // namespace
}  // namespace spinfill
