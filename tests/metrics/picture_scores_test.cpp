// SPDX-License-Identifier: Apache-2.0
#include "metrics/picture_scores.h"
#include "core/files/json.h"

#include <ATen/ATen.h>

#include <cmath>
#include <opencv2/imgcodecs.hpp>

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
  const auto report = [&](const char* name, double noise) {
    write_report(folder / name,
                 evaluate(example_model(noise), batches_of({example_batch({0}, {{1, 2}})}), {}, nullptr));
  };
  report("good.json", 0.2);
  report("bad.json", 0.4);
  const auto compare = [&](const std::string& arguments) {
    return test::run_command(fmt::format("cd {} && {} compare {}", folder.path().string(), kProgram, arguments));
  };
  const auto worse = compare("good.json bad.json --max-drop psnr=0.2,ssim=0.005");
  EXPECT_EQ(worse.exit_code, 1) << worse.output;
  EXPECT_NE(worse.output.find("regression: overall: psnr fell by"), std::string::npos) << worse.output;
  EXPECT_NE(worse.output.find("group beyond the limit: by_missing 2"), std::string::npos) << worse.output;
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
