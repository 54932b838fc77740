// SPDX-License-Identifier: Apache-2.0
#include "metrics/identity.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

#include "core/files/files.h"
#include "core/files/sha256.h"
#include "core/side_by_side.h"
#include "metrics/report.h"
#include "metrics/report_sets.h"
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
  const auto model = IdentityModel::load(tiny(), "evaluation.identity"),
             channels_last = IdentityModel::load(last, "evaluation.identity"),
             bgr = IdentityModel::load(reversed, "evaluation.identity");
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
  const auto model = IdentityModel::load(tiny(), "evaluation.identity");
  const auto one = [&](std::size_t i) {
    return model->embedding(picture(static_cast<std::uint32_t>(70 + i), 31, 53)[0]);
  };
  std::vector<Embedding> alone;
  for (std::size_t i = 0; i < 8; ++i) alone.push_back(one(i));
  EXPECT_EQ(side_by_side(8, one), alone);
}

TEST(Identity, WrongFilesAreOneLine) {
  const auto load = [](const IdentityConfig& config) {
    return [config] { IdentityModel::load(config, "evaluation.identity"); };
  };
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
    IdentityModel::load(config, "evaluation.identity");
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

// Of the model nothing from the truths themselves, of the baselines more; in shares the same to the last digit.
TEST(Identity, ReportsCompareSets) {
  std::vector<Batch> batches;
  for (const std::uint32_t seed : {3, 4, 5}) batches.push_back(example_batch({seed}, {{1, 5}}));
  EvaluateOptions options;
  options.nets.identity = choose_identity(tiny()).model;
  const auto report_of = [&](std::vector<Batch> some) {
    return evaluate(example_model(0), batches_of(std::move(some)), {}, nullptr, options);
  };
  EvaluationReport whole = report_of(batches);
  EXPECT_FALSE(report_to_json(whole).contains("sets")) << "not before they are scored";
  score_sets(whole);
  const Json json = report_to_json(whole);
  ASSERT_EQ(whole.sets.size(), 1 + kBaselines.size());
  std::vector<Embedding> truths, nearest;
  std::vector<std::string> vehicles;
  for (const ImageRow& row : whole.images) {
    ASSERT_EQ(row.embeddings.size(), 2 + kBaselines.size());
    EXPECT_EQ(row.embeddings[0], row.embeddings[1]) << "the model gives the truths";
    truths.emplace_back(row.embeddings[0].begin(), row.embeddings[0].end());
    nearest.emplace_back(row.embeddings[2].begin(), row.embeddings[2].end());
    vehicles.push_back(row.id);
  }
  EXPECT_NEAR(json["sets"]["model"]["fid"].get<double>(), 0, 1e-6);
  EXPECT_EQ(json["sets"]["images"], 6);
  EXPECT_EQ(json["sets"]["baselines"]["nearest"]["kid"], set_distances(nearest, truths, vehicles).kid);
  EXPECT_GT(json["sets"]["baselines"]["nearest"]["fid"], json["sets"]["model"]["fid"]);
  EXPECT_FALSE(json["images"][0].contains("embeddings"));
  EXPECT_THAT(report_table(whole),
              testing::AllOf(testing::HasSubstr("as sets of 6 pictures"), testing::HasSubstr("KID, 95 %")));
  EXPECT_EQ(report_to_json(report_from_json(json, "here")), json);

  std::vector<EvaluationReport> shares;
  for (const Batch& batch : batches)
    shares.push_back(report_from_json(parse_json(share_to_json(report_of({batch})).dump(), "share"), "share"));
  EvaluationReport merged = merge(shares);
  score_sets(merged);
  EXPECT_EQ(report_to_json(merged).dump(), json.dump());

  Json broken = share_to_json(whole);
  for (const char* text : {"3f80", "not hex!", "7f800000"}) {
    broken["images"][0]["embeddings"][0] = text;
    test::expect_error(ExitCode::runtime, {"images[0]", "embeddings"}, [&] { report_from_json(broken, "here"); });
  }
  broken = json;
  broken["sets"]["baselines"].erase("prior");
  test::expect_error(ExitCode::runtime, {"sets.baselines.prior"}, [&] { report_from_json(broken, "here"); });
  EvaluationReport of_one = report_of({batches.front()});
  score_sets(of_one);
  EXPECT_TRUE(of_one.sets.empty()) << "a single vehicle is no set";
}

}  // namespace
}  // namespace spinfill
