// SPDX-License-Identifier: Apache-2.0
#include "metrics/picture_scores.h"
#include "core/files/json.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <opencv2/imgcodecs.hpp>

#include "core/side_by_side.h"
#include "metrics/comparison.h"
#include "metrics/image_metrics.h"
#include "metrics/report.h"
#include "support/examples.h"

namespace spinfill {
namespace {

const std::string kProgram = test::program();

cv::Mat bgra(const at::Tensor& rgb, const at::Tensor& alpha) {
  const at::Tensor bytes =
      (at::cat({rgb[0].flip({0}), alpha[0]}) * 255).round().to(at::kByte).permute({1, 2, 0}).contiguous();
  return cv::Mat(static_cast<int>(bytes.size(0)), static_cast<int>(bytes.size(1)), CV_8UC4, bytes.data_ptr()).clone();
}
void store(const std::filesystem::path& path, const cv::Mat& image) {
  ASSERT_TRUE(cv::imwrite(path.string(), image));
}

struct Example {
  at::Tensor a = picture(1, 24, 31), b = picture(2, 24, 31), alpha = coverage(101, 24, 31);
  at::Tensor full = at::ones({1, 1, 24, 31}, at::kDouble);
};

// A side of a case of reference.json's "files" (make_fixtures.py, rgba()).
cv::Mat file_of(const Json& expected, const std::string& side) {
  const auto h = expected["height"].get<std::int64_t>(), w = expected["width"].get<std::int64_t>();
  const Json& of = expected[side];
  const at::Tensor colour =
      of.is_array() ? at::full({1, 3, h, w}, of[0].get<double>() / 255, at::kDouble) : picture(of, h, w);
  at::Tensor alpha = at::ones({1, 1, h, w}, at::kDouble);
  const Json covered = expected.value("alpha_" + side, Json());
  if (covered.is_number()) alpha = coverage(covered, h, w);
  if (covered.is_string()) {  // "border INDEX"
    alpha.zero_();
    const auto inside = [&](const at::Tensor& x, std::int64_t by) {
      return x.narrow(2, by, h - 2 * by).narrow(3, by, w - 2 * by);
    };
    const std::uint32_t which = static_cast<std::uint32_t>(std::stoul(covered.get<std::string>().substr(7)));
    inside(alpha, 3).copy_(inside(coverage(which, h, w), 3));
    inside(alpha, 7).fill_(1);
  }
  return bgra(colour, alpha);
}

void expect_scores(const Json& expected, const std::string& net,
                   const std::function<double(const std::string&)>& found) {
  for (const std::string name :
       {"psnr", "foreground_psnr", "ssim", "foreground_ssim", "ssim_grey", "ssim_uniform", "l2", "lpips"}) {
    const Json& value = expected[name == "lpips" ? "lpips_" + net : name];
    const std::string where = fmt::format("{}: {}", expected["name"].get<std::string>(), name);
    if (value.is_null()) {
      EXPECT_TRUE(std::isnan(found(name))) << where;
    } else {
      EXPECT_NEAR(found(name), value.get<double>(), 1e-5) << where;
    }
  }
}

// Files as users have them: odd sizes, alpha borders, translucent pictures on a coloured background, constant pictures,
// such as are too small for a window. Equal to scikit-image, torchmetrics and the lpips package to 1e-5.
TEST(PictureScores, EqualTheReferenceTools) {
  ASSERT_EQ(reference()["files"].size(), 9u);
  for (const std::string net : {"squeeze", "alex", "vgg"}) {
    const Lpips lpips = Lpips::from_tensors(example_lpips_weights(net), "example");
    for (const Json& expected : reference()["files"]) {
      const test::TemporaryFolder folder;
      store(folder / "a.png", file_of(expected, "a"));
      store(folder / "b.png", file_of(expected, "b"));
      PictureScoreOptions options;
      for (std::size_t c = 0; c < 3; ++c) options.background[c] = expected["background"][c].get<double>() / 255;
      const PictureScores found = score_files(folder / "a.png", folder / "b.png", &lpips, "", options);
      expect_scores(expected, net, [&](const std::string& name) {
        const auto at = std::ranges::find(kMetricNames, name) - kMetricNames.begin();
        return found.pictures[0].scores[static_cast<std::size_t>(at)];
      });
      EXPECT_EQ(found.ssim_absent.empty(), !expected["ssim"].is_null());
      EXPECT_EQ(found.ssim_absent.find("uniform") != std::string::npos, expected["ssim_uniform"].is_null());
      EXPECT_EQ(found.lpips_absent.empty(), !expected["lpips_" + net].is_null());
    }
  }
}

TEST(Commands, MetricsEqualTheReferenceTools) {
  const test::TemporaryFolder folder;
  write_safetensors(folder / "net.safetensors", example_lpips_weights("alex"));
  for (const Json& expected : reference()["files"]) {
    store(folder / "a.png", file_of(expected, "a"));
    store(folder / "b.png", file_of(expected, "b"));
    const Json& background = expected["background"];
    const auto run = test::run_command(fmt::format(
        "cd {} && {} metrics a.png b.png --json --lpips-weights net.safetensors --background {},{},{}",
        folder.path().string(), kProgram, background[0].dump(), background[1].dump(), background[2].dump()));
    ASSERT_EQ(run.exit_code, 0) << run.output;
    const Json overall = parse_json(run.output, "output")["overall"];
    expect_scores(expected, "alex", [&](const std::string& name) {
      return overall.at(name).is_null() ? std::nan("") : overall.at(name).get<double>();
    });
  }
}

// Neither threads nor what else is scored at once change a bit.
TEST(PictureScores, NoBitDependsOnThreadsOrCompany) {
  const Lpips lpips = Lpips::from_tensors(example_lpips_weights("squeeze"), "example");
  const KeepTorchThreads keep;
  const std::int64_t h = 211, w = 307;
  std::vector<at::Tensor> shown;
  for (std::uint32_t i = 0; i < 5; ++i) shown.push_back(picture(30 + i, h, w)[0].to(at::kFloat));
  const at::Tensor truth = picture(40, h, w)[0].to(at::kFloat), alpha = coverage(140, h, w)[0].to(at::kFloat);
  std::vector<Scores> first;
  for (const int threads : {1, 2, 3, 8}) {
    at::set_num_threads(threads);
    const std::vector<Scores> together = score_pictures(at::stack(shown), truth, alpha, &lpips);
    if (first.empty()) first = together;
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const Scores alone = score_pictures(shown[i].unsqueeze(0), truth, alpha, &lpips).front();
      for (std::size_t k = 0; k < kPictureMetrics; ++k) {
        EXPECT_EQ(alone[k], first[i][k]) << kMetricNames[k] << ", " << threads << " threads";
        EXPECT_EQ(together[i][k], first[i][k]) << kMetricNames[k] << ", " << threads << " threads";
      }
    }
    EXPECT_EQ(at::get_num_threads(), threads);
  }
}

// As sets by the network's embeddings, and each picture by its own.
TEST(PictureScores, FoldersAreComparedAsSets) {
  const test::TemporaryFolder folder;
  PictureScoreOptions options;
  IdentityConfig config;
  config.model = test::fixture("metrics/identity.onnx").string();
  config.width = 16;
  config.height = 12;
  options.nets.identity = IdentityModel::load(config, "evaluation.identity");
  Json shown = reference()["files"][0];
  for (const char* side : {"a", "b"}) make_folder(folder / side);
  for (int i = 0; i < 4; ++i) {
    for (const char* side : {"a", "b"}) {
      shown[side] = (side == std::string("a") ? 50 : 80) + i;
      store(folder / side / fmt::format("{}.png", i), file_of(shown, side));
    }
  }
  const PictureScores scores = score_files(folder / "a", folder / "b", nullptr, "none", options);
  ASSERT_TRUE(scores.sets);
  std::vector<Embedding> of_a, of_b;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::int64_t h = shown["height"], w = shown["width"];
    of_a.push_back(options.nets.identity->embedding(picture(50 + i, h, w)[0]));
    of_b.push_back(options.nets.identity->embedding(picture(80 + i, h, w)[0]));
    EXPECT_NEAR(scores.pictures[i].scores[kIdentity], cosine_similarity(of_a[i], of_b[i]), 1e-9);
  }
  const SetDistances expected = set_distances(of_a, of_b);
  EXPECT_NEAR(scores.sets->fid, expected.fid, 1e-9);
  EXPECT_NEAR(scores.sets->kid, expected.kid, 1e-9);
  const Json json = picture_scores_to_json(scores, options, nullptr);
  EXPECT_EQ(json["sets"]["images"], 4);
  EXPECT_EQ(json["protocol"]["identity"]["file"], "identity.onnx");
  EXPECT_FALSE(score_files(folder / "a/0.png", folder / "b/0.png", nullptr, "none", options).sets);
  EXPECT_TRUE(picture_scores_to_json(score_files(folder / "a", folder / "b", nullptr, "none", {}), {}, nullptr)["sets"]
                  .is_null());
}

TEST(PictureScores, OpaquePicturesHaveNoForeground) {
  const test::TemporaryFolder folder;
  const Example e;
  store(folder / "a.png", bgra(e.a, e.full));
  store(folder / "b.png", bgra(e.b, e.full));
  const PictureScores scores = score_files(folder / "a.png", folder / "b.png", nullptr, "none", {});
  ASSERT_EQ(scores.pictures.size(), 1u);
  EXPECT_NEAR(scores.pictures[0].scores[0], psnr(e.a, e.b).item<double>(), 1e-5);
  EXPECT_NEAR(scores.pictures[0].scores[2], ssim(e.a, e.b).item<double>(), 1e-5);
  EXPECT_TRUE(std::isnan(scores.pictures[0].scores[1]));
  EXPECT_TRUE(std::isnan(scores.pictures[0].scores[4]));
  EXPECT_EQ(scores.lpips_absent, "none");
  const Json json = picture_scores_to_json(scores, {}, nullptr);
  EXPECT_TRUE(json["overall"]["lpips"].is_null());
  EXPECT_EQ(json["protocol"]["lpips_absent"], "none");
}

TEST(PictureScores, PicturesThatCannotBeReadAreNamed) {
  const test::TemporaryFolder folder;
  const Example e;
  for (const char* side : {"a", "b"}) {
    std::filesystem::create_directory(folder / side);
    store(folder / side / "000.png", bgra(e.a, e.full));
    std::filesystem::rename(folder / side / "000.png", folder / side / "000.PNG");
    write_file_atomic(folder / side / "045.tif", "anything");
  }
  testing::internal::CaptureStderr();
  const PictureScores scores = score_files(folder / "a", folder / "b", nullptr, "none", {});
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_EQ(scores.pictures.size(), 1u) << "endings in capitals";
  EXPECT_NE(lines.find("045.tif"), std::string::npos) << lines;
}

TEST(PictureScores, BothSidesAreCompositedAndTheTruthsAlphaWeights) {
  const test::TemporaryFolder folder;
  const Example e;
  const at::Tensor other = coverage(102, 24, 31);
  store(folder / "a.png", bgra(e.a, other));
  store(folder / "b.png", bgra(e.b, e.alpha));
  PictureScoreOptions options;
  options.background = parse_background("0,255,51");
  const PictureScores scores = score_files(folder / "a.png", folder / "b.png", nullptr, "", options);
  const at::Tensor background = at::tensor({0., 1., .2}, at::kDouble).view({1, 3, 1, 1});
  const at::Tensor a = rounded_to_8_bits(e.a * other + background * (1 - other));
  const at::Tensor b = rounded_to_8_bits(e.b * e.alpha + background * (1 - e.alpha));
  EXPECT_NEAR(scores.pictures[0].scores[0], psnr(a, b).item<double>(), 1e-2);  // ties of rounding may differ
  EXPECT_NEAR(scores.pictures[0].scores[1], foreground_psnr(a, b, e.alpha).item<double>(), 1e-2);
  EXPECT_NEAR(scores.pictures[0].scores[3], foreground_ssim(a, b, e.alpha).item<double>(), 1e-3);
  EXPECT_EQ(scores.pictures[0].foreground, "alpha");
  const double white = score_files(folder / "a.png", folder / "b.png", nullptr, "", {}).pictures[0].scores[0];
  EXPECT_GT(std::abs(white - scores.pictures[0].scores[0]), 0.1);
}

TEST(PictureScores, AMaskWeightsByItsGreyLevel) {
  const test::TemporaryFolder folder;
  const Example e;
  store(folder / "a.png", bgra(e.a, e.full));
  store(folder / "b.png", bgra(e.b, e.full));
  store(folder / "m.png", bgra(e.alpha.expand({1, 3, 24, 31}), e.full));
  PictureScoreOptions options;
  options.mask = folder / "m.png";
  const PictureScore score = score_files(folder / "a.png", folder / "b.png", nullptr, "", options).pictures[0];
  EXPECT_EQ(score.foreground, "mask");
  EXPECT_NEAR(score.scores[1], foreground_psnr(e.a, e.b, e.alpha).item<double>(), 1e-4);
}

TEST(PictureScores, FoldersMatchByNameAndNameTheRest) {
  const test::TemporaryFolder folder;
  const Example e;
  for (const char* side : {"a", "b"}) std::filesystem::create_directory(folder / side);
  store(folder / "a" / "1.png", bgra(e.a, e.full));
  store(folder / "b" / "1.png", bgra(e.b, e.full));
  store(folder / "a" / "2.png", bgra(e.b, e.full));
  store(folder / "b" / "2.png", bgra(e.b, e.full));
  store(folder / "a" / "3.png", bgra(e.a, e.full));
  store(folder / "b" / "4.png", bgra(e.b, e.full));
  write_file_atomic(folder / "a" / "notes.txt", "not a picture");
  const PictureScores scores = score_files(folder / "a", folder / "b", nullptr, "", {});
  ASSERT_EQ(scores.pictures.size(), 2u);
  EXPECT_EQ(scores.pictures[1].scores[0], kPsnrCap);
  EXPECT_EQ(scores.only_in_a, std::vector<std::string>{"3.png"});
  EXPECT_EQ(scores.only_in_b, std::vector<std::string>{"4.png"});
  EXPECT_NEAR(scores.average().mean[0], (scores.pictures[0].scores[0] + kPsnrCap) / 2, 1e-9);

  const auto run =
      test::run_command(fmt::format("{} metrics {} {}", kProgram, (folder / "a").string(), (folder / "b").string()));
  EXPECT_EQ(run.exit_code, 1) << run.output;
  EXPECT_NE(run.output.find("3.png is only in"), std::string::npos) << run.output;
  EXPECT_NE(run.output.find("4.png is only in"), std::string::npos) << run.output;
  EXPECT_NE(run.output.find("mean of 2"), std::string::npos) << run.output;
}

// One small picture among others: it is scored without SSIM, the note names it, and the mean is over the others.
TEST(PictureScores, ASmallPictureLacksSsimAlone) {
  const test::TemporaryFolder folder;
  const Example e;
  for (const char* side : {"a", "b"}) std::filesystem::create_directory(folder / side);
  store(folder / "a" / "1.png", bgra(e.a, e.full));
  store(folder / "b" / "1.png", bgra(e.b, e.full));
  store(folder / "a" / "2.png", bgra(e.a.narrow(3, 0, 10), e.full.narrow(3, 0, 10)));
  store(folder / "b" / "2.png", bgra(e.b.narrow(3, 0, 10), e.full.narrow(3, 0, 10)));
  const PictureScores scores = score_files(folder / "a", folder / "b", nullptr, "", {});
  ASSERT_EQ(scores.pictures.size(), 2U);
  EXPECT_TRUE(std::isfinite(scores.pictures[1].scores[0]));
  EXPECT_TRUE(std::isnan(scores.pictures[1].scores[2]));
  EXPECT_NE(scores.ssim_absent.find("2.png: pictures of 10×24 px"), std::string::npos) << scores.ssim_absent;
  EXPECT_EQ(scores.average().counts[2], 1);
  EXPECT_EQ(picture_scores_to_json(scores, {}, nullptr)["protocol"]["ssim_absent"], scores.ssim_absent);
  const auto run =
      test::run_command(fmt::format("{} metrics {} {}", kProgram, (folder / "a").string(), (folder / "b").string()));
  EXPECT_EQ(run.exit_code, 0) << run.output;
  EXPECT_NE(run.output.find("SSIM absent: 2.png"), std::string::npos) << run.output;
}

TEST(PictureScores, WrongInputIsOneLine) {
  const test::TemporaryFolder folder;
  const Example e;
  store(folder / "a.png", bgra(e.a, e.full));
  store(folder / "small.png", bgra(e.a.narrow(3, 0, 20), e.full.narrow(3, 0, 20)));
  std::filesystem::create_directory(folder / "empty");
  write_file_atomic(folder / "broken.png", "\x89PNG");
  const auto score = [&](const char* a, const char* b) { score_files(folder / a, folder / b, nullptr, "", {}); };
  test::expect_error(ExitCode::runtime, {"31×24", "20×24"}, [&] { score("a.png", "small.png"); });
  test::expect_error(ExitCode::usage, {"two pictures or two folders"}, [&] { score("a.png", "empty"); });
  test::expect_error(ExitCode::usage, {"no picture of the same file name"}, [&] { score("empty", "empty"); });
  test::expect_error(ExitCode::runtime, {"none.png"}, [&] { score("a.png", "none.png"); });
  test::expect_error(ExitCode::runtime, {"broken.png"}, [&] { score("a.png", "broken.png"); });
  for (const char* text : {"blue", "1,2", "1,2,3,4", "1,2,256", "-1,2,3", "1,2,x", ""}) {
    test::expect_error(ExitCode::usage, {"--background"}, [&] { parse_background(text); });
  }
}

TEST(Commands, MetricsPrintsJsonWithRealLpips) {
  SPINFILL_NEEDS_REAL_DATA();
  const auto folder = test::real_data() / "lpips";
  const auto run =
      test::run_command(fmt::format("env -u SPINFILL_LPIPS_WEIGHTS {} metrics {} {} --json --lpips-weights {}",
                                    kProgram, (folder / "ex_p0.png").string(), (folder / "ex_ref.png").string(),
                                    (folder / "lpips_squeeze.safetensors").string()));
  ASSERT_EQ(run.exit_code, 0) << run.output;
  const Json json = parse_json(run.output, "output");
  EXPECT_NEAR(json["overall"]["lpips"].get<double>(), 0.7110476493835449, 1e-5);
  EXPECT_EQ(json["protocol"]["lpips_net"], "squeeze");
  const auto without =
      test::run_command(fmt::format("env -u SPINFILL_LPIPS_WEIGHTS {} metrics {} {}", kProgram,
                                    (folder / "ex_p0.png").string(), (folder / "ex_ref.png").string()));
  EXPECT_EQ(without.exit_code, 0) << without.output;
  EXPECT_NE(without.output.find("LPIPS absent"), std::string::npos) << without.output;
}

TEST(Commands, CompareExitsByItsVerdict) {
  const test::TemporaryFolder folder;
  const auto report = [&](const char* name, double noise, const Batch& batch) {
    write_report(folder / name, evaluate(example_model(noise), batches_of({batch}), {}, nullptr));
  };
  report("good.json", 0.2, example_batch({0, 1, 2}, {{1, 2}, {3}, {4, 5}}));
  report("bad.json", 0.4, example_batch({0, 1, 2}, {{1, 2}, {3}, {4, 5}}));
  const auto compare = [&](const std::string& arguments) {
    return test::run_command(fmt::format("cd {} && {} compare {}", folder.path().string(), kProgram, arguments));
  };
  const auto worse = compare("good.json bad.json --max-drop psnr=0.2,ssim=0.005");
  EXPECT_EQ(worse.exit_code, 1) << worse.output;
  EXPECT_NE(worse.output.find("regression: overall: psnr fell by"), std::string::npos) << worse.output;
  EXPECT_NE(worse.output.find("group beyond the limit: by_missing 2"), std::string::npos) << worse.output;
  const auto machines = compare("good.json bad.json --max-drop psnr=0.2 --json --junit verdict.xml");
  EXPECT_EQ(machines.exit_code, 1);
  EXPECT_NE(read_file(folder / "verdict.xml").find("<failure"), std::string::npos);
  EXPECT_EQ(compare("good.json bad.json --junit good.json").exit_code, 2) << "somebody's file";
  EXPECT_EQ(compare("good.json bad.json --html page.html").exit_code, 1);
  EXPECT_NE(read_file(folder / "page.html").find("psnr fell by"), std::string::npos);
  EXPECT_NE(compare("good.json bad.json --markdown").output.find("| psnr |"), std::string::npos);
  EXPECT_EQ(compare("good.json bad.json --markdown --json").exit_code, 2);
  report("one-good.json", 0.2, example_batch({0}, {{1, 2}}));
  report("one-bad.json", 0.4, example_batch({0}, {{1, 2}}));
  const auto one = compare("one-good.json one-bad.json --max-drop psnr=0.2");
  EXPECT_EQ(one.exit_code, 0) << "one vehicle tells nothing of others";
  EXPECT_NE(one.output.find("inconclusive"), std::string::npos) << one.output;
  EXPECT_EQ(compare("one-good.json one-bad.json --max-drop psnr=0.2 --limits-alone").exit_code, 1);
  EXPECT_EQ(compare("bad.json good.json").exit_code, 0);
  EXPECT_EQ(compare("good.json bad.json").exit_code, 1);
  EXPECT_EQ(compare("good.json bad.json --max-drop psnr=40").exit_code, 0);
  EXPECT_EQ(compare("good.json bad.json --max-drop nonsense=1").exit_code, 2);
  EXPECT_EQ(compare("good.json").exit_code, 2);
  EXPECT_EQ(compare("good.json none.json").exit_code, 3);
  write_report(folder / "small.json",
               evaluate(example_model(0.2), batches_of({example_batch({0}, {{1}})}), {}, nullptr));
  EXPECT_EQ(compare("good.json small.json").exit_code, 2);
  EXPECT_NE(compare("good.json small.json --allow-different-protocol").exit_code, 2);
  const std::string text = read_file(folder / "good.json");
  write_file_atomic(folder / "cut.json", text.substr(0, text.size() / 2));
  EXPECT_EQ(compare("good.json cut.json").exit_code, 3);
  write_file_atomic(folder / "deep.json", std::string(200000, '['));
  EXPECT_EQ(compare("good.json deep.json").exit_code, 3);
}

}  // namespace
}  // namespace spinfill
