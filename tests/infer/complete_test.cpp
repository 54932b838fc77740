// SPDX-License-Identifier: Apache-2.0
// What complete delivers.
#include "infer/complete.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/files/json.h"
#include "data/batches/make_batch.h"
#include "data/photo/photo_sample.h"
#include "data/sets/view_set_reader.h"
#include "infer/bundle_export.h"
#include "infer/complete_fixture.h"
#include "infer/photo_views.h"
#include "metrics/evaluation_set.h"

namespace spinfill {
namespace {

using test::Complete;
using test::expect_error;
using test::farthest;
using test::small_model;
using test::TemporaryFolder;
using test::write_tiny_set;
using test::write_uneven_photographs;

TEST_F(Complete, MakesEightViewsOfOneToSeven) {
  const LoadedModel model = small_model();
  std::vector<int> slots;
  for (const int slot : {6, 1, 4, 0, 3, 7, 2}) {
    slots.push_back(slot);
    const fs::path in = references(slots), out = folder_ / fmt::format("out-{}", slots.size());
    const Completion done = complete_folder(model, in, out, steps(2));
    EXPECT_EQ(done.given.size(), slots.size());
    EXPECT_EQ(done.generated.size(), 8 - slots.size());
    const ViewSet set = read_view_set(out);
    ASSERT_EQ(set.frames.size(), 8u);
    EXPECT_EQ(set.id, "tiny");
    EXPECT_EQ(set.category, "sedan");
    const Json frames = read_json(out / "transforms.json")["frames"];
    for (int slot_index = 0; slot_index < 8; ++slot_index) {
      const Frame& frame = set.frames[static_cast<std::size_t>(slot_index)];
      const bool given = std::ranges::find(slots, slot_index) != slots.end();
      EXPECT_EQ(frame.slot(), slot_index);
      EXPECT_EQ(frame.file_path, fmt::format("{:03}.png", 45 * slot_index));
      EXPECT_EQ(frames[static_cast<std::size_t>(slot_index)]["generated"], !given);
      ASSERT_TRUE(frame.camera);
      EXPECT_NEAR(viewing_direction(*frame.camera).azimuth_deg, 45.0 * slot_index, 1e-6);
      const cv::Mat picture = read_picture(out / frame.file_path);
      EXPECT_EQ(picture.size(), cv::Size(48, 32));
      if (given) {
        EXPECT_EQ(file(out, slot_index), file(in, slot_index)) << "given pictures are copied to the byte";
      }
    }
    const std::string html = read_file(out / "spin.html");
    std::size_t figures = 0, generated = 0;
    for (std::size_t at = html.find("<figure "); at != html.npos; at = html.find("<figure ", at + 1)) ++figures;
    for (std::size_t at = html.find("data-generated>"); at != html.npos; at = html.find("data-generated>", at + 1))
      ++generated;
    EXPECT_EQ(figures, 8u);
    EXPECT_EQ(generated, 8 - slots.size());
    EXPECT_GT(read_picture(out / "contact_sheet.png").cols, 600);
  }
}

TEST_F(Complete, IsAFunctionOfTheSeed) {
  const LoadedModel model = small_model(1, 0.2);
  const fs::path in = references({0, 1, 2, 4, 6});
  complete_folder(model, in, folder_ / "a", steps(3, 5));
  complete_folder(model, in, folder_ / "b", steps(3, 5));
  complete_folder(model, in, folder_ / "c", steps(3, 6));
  int differing = 0;
  for (const int slot : {3, 5, 7}) {
    EXPECT_EQ(file(folder_ / "a", slot), file(folder_ / "b", slot));
    differing += file(folder_ / "a", slot) != file(folder_ / "c", slot);
  }
  EXPECT_GT(differing, 0);
}

// The first of several draws is delivered as ever; where they differ is that of draws made one by one.
TEST_F(Complete, SeveralDrawsShowWhereTheyDiffer) {
  const LoadedModel model = small_model(1, 0.2);
  const fs::path in = references({0, 1, 3, 4, 5, 7});
  CompleteOptions options = steps(3);
  options.runner.seed = 5;
  complete_folder(model, in, folder_ / "one", options);
  EXPECT_FALSE(fs::exists(folder_ / "one/spread"));
  std::int64_t last = 0, all = -1;
  options.runner.draws = 4;
  options.runner.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_GT(done, last);
    last = done;
    all = total;
  };
  complete_folder(model, in, folder_ / "several", options);
  EXPECT_EQ(last, all);
  EXPECT_EQ(read_file(folder_ / "several/090.png"), read_file(folder_ / "one/090.png"));

  options.runner.progress = {};
  options.runner.draws = 1;
  options.runner.opaque = true;
  std::vector<cv::Mat> drawn;
  for (std::uint64_t seed = 5; seed < 9; ++seed) {
    options.runner.seed = seed;
    const fs::path out = folder_ / ("draw-" + std::to_string(seed));
    complete_folder(model, in, out, options);
    cv::Mat picture;
    read_picture(out / "090.png").convertTo(picture, CV_32FC4, 1 / 255.0);
    drawn.push_back(picture);
  }
  const Json spin = read_json(folder_ / "several/transforms.json");
  const cv::Mat delivered = read_picture(folder_ / "one/090.png");
  double sum = 0, covered = 0;
  for (int y = 0; y < delivered.rows; ++y) {
    for (int x = 0; x < delivered.cols; ++x) {
      double variance = 0;
      for (int c = 0; c < 3; ++c) {
        double mean = 0, squares = 0;
        for (const cv::Mat& one : drawn) mean += one.at<cv::Vec4f>(y, x)[c] / 4;
        for (const cv::Mat& one : drawn) squares += std::pow(one.at<cv::Vec4f>(y, x)[c] - mean, 2);
        variance += squares / 3 / 3;
      }
      const double alpha = delivered.at<cv::Vec4b>(y, x)[3] / 255.0;
      sum += alpha * variance;
      covered += alpha;
    }
  }
  const Json& spread = spin.at("frames").at(2).at("spread");
  EXPECT_EQ(spread.at("file_path"), "spread/090.png");
  EXPECT_NEAR(spread.at("rms").get<double>(), std::sqrt(sum / covered), 0.05 * std::sqrt(sum / covered) + 2e-3);
  EXPECT_GT(spread.at("rms").get<double>(), 0.01);
  const cv::Mat map = read_picture(folder_ / "several/spread/090.png");
  EXPECT_EQ(map.size(), delivered.size());
  EXPECT_FALSE(spin.at("frames").at(0).contains("spread"));

  options = steps(1);
  options.runner.draws = 2;
  expect_error(ExitCode::usage, {"2 draws", "regression"},
               [&] { complete_folder(model, in, folder_ / "never", options); });
  EXPECT_FALSE(fs::exists(folder_ / "never"));
}

// Before training the output is the best prior image: the flipped mirror view where that is given. So the true picture
// with its true coverage is known, and the matte must find both.
TEST_F(Complete, MattesWhatItGenerates) {
  const LoadedModel model = small_model(1, 0.0);
  const fs::path in = references({0, 1, 2, 3, 4, 6, 7});
  EXPECT_LT(complete_folder(model, in, folder_ / "out", steps(1)).matte_residual.value(), 1e-3);
  cv::Mat expected = read_picture(in / "135.png"), got = read_picture(folder_ / "out/225.png");
  cv::flip(expected, expected, 1);
  const auto alpha = [](const cv::Mat& rgba) {
    cv::Mat a;
    cv::extractChannel(rgba, a, 3);
    return a;
  };
  EXPECT_LE(farthest(alpha(expected), alpha(got)), 12);  // the floor and the ceiling of the matte take 4 % each
  cv::Mat inside = alpha(expected) == 255, difference;
  cv::absdiff(expected, got, difference);
  double most = 0;
  for (int y = 0; y < got.rows; ++y) {
    for (int x = 0; x < got.cols; ++x) {
      for (int c = 0; c < 3 && inside.at<unsigned char>(y, x) != 0; ++c)
        most = std::max<double>(most, difference.at<cv::Vec4b>(y, x)[c]);
    }
  }
  EXPECT_LE(most, 2);
  EXPECT_EQ(got.at<cv::Vec4b>(0, 0)[3], 0) << "clear where nothing is";

  CompleteOptions opaque = steps(1);
  opaque.runner.opaque = true;
  EXPECT_FALSE(complete_folder(model, in, folder_ / "opaque", opaque).matte_residual);
  const cv::Mat plain = read_picture(folder_ / "opaque/225.png");
  EXPECT_EQ(plain.at<cv::Vec4b>(0, 0), cv::Vec4b(255, 255, 255, 255));
}

// At the model's size what is delivered by default, composited on the evaluation's background, is what is scored.
TEST_F(Complete, DeliversWhatIsScored) {
  LoadedModel model = small_model(1, 0.2);
  const fs::path in = references({0, 1, 2, 3, 4, 5, 6, 7});
  for (const std::vector<double>& background : {std::vector<double>{1, 1, 1}, {0.5, 0.2, 0.9}}) {
    model.config.data.path = in.string();
    model.config.data.background = background;
    const CompleteOptions few = steps(3, 5);
    const EvaluationSet set(model.config.data, model.config.evaluation, "test", 0);
    const Batch first = set.batch(0);  // its first sample has index 0, as that of `complete` has
    at::Tensor scored;
    EvaluateOptions capture;
    capture.on_batch = [&](const BatchScored& of_batch) {
      if (of_batch.batch.samples[0] == 0) scored = of_batch.pictures[0];
    };
    const Predictor predictor = [&](const Batch& batch) {
      return generate(model.denoiser, batch, few.runner.sampler, 5);
    };
    evaluate(predictor, set.stream(1), set.protocol(few.runner.sampler, 5), nullptr, capture);

    CompleteOptions options = few;
    for (int slot = 0; slot < 8; ++slot) {
      if (first.is_target[0][slot].item<bool>()) options.hide.push_back(azimuth_of(slot));
    }
    const fs::path out = folder_ / fmt::format("scored-{}", background[0]);
    const Completion done = complete_folder(model, in, out, options);
    ASSERT_GE(done.generated.size(), 1u);
    EXPECT_TRUE(done.matte_residual) << "with alpha";
    for (const double azimuth : done.generated) {
      const cv::Mat rgba = read_picture(out / fmt::format("{:03.0f}.png", azimuth));
      int clear = 0;
      for (int y = 0; y < rgba.rows; ++y) {
        for (int x = 0; x < rgba.cols; ++x) {
          const cv::Vec4b pixel = rgba.at<cv::Vec4b>(y, x);
          clear += pixel[3] < 255;
          for (int c = 0; c < 3; ++c) {
            const double alpha = pixel[3] / 255.0, on = alpha * pixel[c] + (1 - alpha) * 255 * background[c];
            const double expected = std::round(255 * scored[static_cast<int>(azimuth) / 45][c][y][x].item<double>());
            ASSERT_NEAR(std::round(on), expected, 1) << azimuth << " degrees, " << x << ", " << y << ", channel " << c;
          }
        }
      }
      EXPECT_GT(clear, 100) << "the matte is no full frame";
    }
  }
}

// What is scored at the photographs' size is what a user receives, of models of either form, and where a reference is
// over-exposed or contradicts the others.
TEST_F(Complete, DeliversWhatIsScoredAtPhotoSize) {
  const fs::path unknown = write_uneven_photographs(folder_ / "unknown", false),
                 stated = write_uneven_photographs(folder_ / "stated", true);
  CompleteOptions options = steps(2, 5);
  options.hide = {45, 180};
  const auto compare = [&](const LoadedModel& model, const fs::path& in, const std::string& odd = {}) {
    const Completion done = complete_folder(model, in, folder_ / "out", options);
    options.replace = true;
    EXPECT_NE(done.odd.dump().find(odd), std::string::npos) << done.odd;  // of none: always

    SampleSpec spec;
    spec.references.set();
    for (const std::size_t slot : {1, 4}) {
      spec.references.reset(slot);
      spec.targets.set(slot);
    }
    const PhotoSample sample = photo_sample(read_view_set(in), spec, model.config.data.turntable.turntable);
    const PhotoGeometry geometry = photo_geometry(sample.set, sample.pictures, sample.weights);
    RunnerOptions runner = options.runner;
    runner.weights = sample.weights;
    std::size_t scored = 0;
    const auto same = [&](const GeneratedView& view) {
      const cv::Mat delivered = read_picture(folder_ / fmt::format("out/{:03.0f}.png", view.azimuth_deg));
      EXPECT_EQ(cv::norm(delivered, view.picture, cv::NORM_INF), 0) << view.azimuth_deg << odd;
      ++scored;
    };
    photo_views(model, sample.set, sample.pictures, runner, same, &geometry);
    EXPECT_EQ(scored, 2U);
  };
  const LoadedModel residual = small_model(), sources = test::small_model_of(test::small_sources_config(), 1, 0.2);
  compare(residual, unknown);
  compare(sources, unknown);
  const fs::path side = unknown / "090.png";
  cv::Mat bright = read_picture(side);
  bright.forEach<cv::Vec4b>([](cv::Vec4b& p, const int*) { p = {255, 255, 255, p[3]}; });
  write_png(side, bright);
  compare(sources, unknown, "over-exposed");
  write_png(stated / "090.png", read_picture(stated / "135.png"));
  compare(sources, stated, "contradicting");
}

// Such a model says how far behind the hull the surface lies, and that moves what is delivered.
TEST_F(Complete, ACorrectedSurfaceIsDelivered) {
  const fs::path in = references({0, 2, 3, 5, 6, 7}, true, 192, 128);
  const auto delivered = [&](double limit) {
    RunConfig config = test::small_sources_config();
    config.model.correction_limit = limit;
    const fs::path out = folder_ / fmt::format("out-{}", limit);
    complete_folder(test::small_model_of(config, 1, 0.2), in, out, steps(1));
    return read_picture(out / "045.png");
  };
  const cv::Mat barely = delivered(0.001), less = delivered(0.002), far = delivered(0.2);
  EXPECT_GT(cv::norm(barely, far, cv::NORM_L1), 5 * cv::norm(barely, less, cv::NORM_L1));
}

TEST_F(Complete, GivesThePicturesTheReferencesSize) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 1, 2, 4, 6, 7}, true, 200, 90);  // another shape than the model's 3:2
  complete_folder(model, in, folder_ / "out", steps(1));
  const ViewSet set = read_view_set(folder_ / "out");
  for (const Frame& frame : set.frames) {
    EXPECT_EQ(read_picture(folder_ / "out" / frame.file_path).size(), cv::Size(200, 90));
    EXPECT_EQ(frame.camera->width, 200);
  }
}

TEST_F(Complete, SaysWherePixelsAreFromAndRefusesInventions) {
  const LoadedModel model = small_model();
  const fs::path in = write_uneven_photographs(folder_ / "in", true), out = folder_ / "out";
  CompleteOptions options = steps(1);
  options.hide = {45, 180};
  const Json summary = to_json(complete_folder(model, in, out, options));
  ASSERT_EQ(summary["evidence"].size(), 2U);
  const Json frames = read_json(out / "transforms.json")["frames"];
  double most = 0;
  for (const std::size_t slot : {1, 4}) {
    const Json& evidence = frames[slot]["evidence"];
    EXPECT_EQ(evidence["file_path"], fmt::format("evidence/{:03}.png", 45 * slot));
    EXPECT_EQ(read_picture(out / evidence["file_path"].get<std::string>()).size(), cv::Size(120, 80));
    double sum = 0;
    for (const char* part : {"seen", "mirrored", "invented"}) sum += evidence[part].get<double>();
    EXPECT_NEAR(sum, 1, 2e-4);
    EXPECT_EQ(evidence["invented"], summary["evidence"][slot == 1 ? 0 : 1]["invented"]);
    most = std::max(most, evidence["invented"].get<double>());
  }
  EXPECT_FALSE(frames[0].contains("evidence")) << "given";
  EXPECT_NE(read_file(out / "spin.html").find("% invented"), std::string::npos);
  options.max_invented = most + 0.01;
  complete_folder(model, in, folder_ / "within", options);
  options.hide = {45, 90, 135, 180, 225};
  options.max_invented = 0;
  expect_error(ExitCode::check_failed, {"would be invented of the views at", "180 ("},
               [&] { complete_folder(model, in, folder_ / "beyond", options); });
  EXPECT_FALSE(fs::exists(folder_ / "beyond"));

  options.hide.clear();
  expect_error(ExitCode::usage, {"--max-invented", "48x32 px"}, [&] {
    complete_folder(model, references({0, 2}), folder_ / "small", options);
  });
}

TEST_F(Complete, HasNothingToGenerateWhereAllIsGiven) {
  const fs::path in = references({0, 1, 2, 3, 4, 5, 6, 7});
  const Completion done = complete_folder(small_model(), in, folder_ / "out", steps(1));
  EXPECT_EQ(done.generated.size(), 0u);
  EXPECT_FALSE(done.sampler);
  EXPECT_EQ(read_view_set(folder_ / "out").frames.size(), 8u);
}

TEST_F(Complete, SummaryIsJson) {
  const auto keys = [](const Json& json) {
    std::vector<std::string> names;
    for (const auto& [name, value] : json.items()) names.push_back(name);
    return names;
  };
  Completion done;
  done.given = {0, 45};
  done.model = {{"name", "small"}};
  EXPECT_EQ(keys(to_json(done)), (std::vector<std::string>{"out", "id", "given", "further", "generated", "evidence",
                                                           "cameras", "deliver", "odd", "seconds", "model"}));
  EXPECT_EQ(to_json(done)["generated"], Json::array());
  EXPECT_EQ(to_json(done)["given"].dump(), "[0.0,45.0]");
  done.stabilisation.emplace();
  done.sampler.emplace();
  done.matte_residual = 0.5;
  EXPECT_EQ(keys(to_json(done)), (std::vector<std::string>{"out", "id", "given", "further", "generated", "evidence",
                                                           "cameras", "deliver", "stabilisation", "odd", "seconds",
                                                           "sampler", "seed", "matte_residual", "model"}));
}

// Halved weights and products round otherwise, and nothing else changes.
TEST_F(Complete, InBfloat16ItIsTheSameModel) {
  LoadedModel model = small_model(1, 0.2);
  const fs::path in = references({0, 1, 3, 4, 5, 7});
  complete_folder(model, in, folder_ / "whole", steps(1));
  EXPECT_FALSE(model.provenance.contains("precision"));
  compute_in(model, Precision::bf16);
  EXPECT_EQ(model.denoiser.dtype(), at::kBFloat16);
  complete_folder(model, in, folder_ / "half", steps(1));
  EXPECT_EQ(read_json(folder_ / "half/transforms.json").at("frames").size(), 8u);
  cv::Mat difference;
  cv::absdiff(read_picture(folder_ / "whole/090.png"), read_picture(folder_ / "half/090.png"), difference);
  const cv::Scalar mean = cv::mean(difference);
  EXPECT_GT(mean[0] + mean[1] + mean[2], 0);
  EXPECT_LT((mean[0] + mean[1] + mean[2]) / 3, 3);
}

TEST_F(Complete, CommandRunsABundle) {
  export_bundle(small_model(), folder_ / "bundle");
  const fs::path in = references({0, 1, 2, 4, 6});
  const std::string base = fmt::format("{} complete --model {} --input {} --out {}", test::program(),
                                       (folder_ / "bundle").string(), in.string(), (folder_ / "out").string());
  auto result = test::run_command("(" + base + " --steps 2 --seed 3 --json 2>/dev/null)");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json summary = parse_json(result.output, "stdout");
  EXPECT_EQ(summary["generated"], Json({135.0, 225.0, 315.0}));
  EXPECT_EQ(summary["sampler"]["steps"], 2);
  EXPECT_EQ(summary["model"]["source"], "bundle");
  EXPECT_EQ(test::run_command(base).exit_code, 2) << "exists";
  result = test::run_command(base + " --replace --sampler mode=sequential");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(test::run_command(base + " --replace --sampler mode=backwards").exit_code, 2);
  // In bfloat16: other rounding, and the spin says so.
  result = test::run_command(base + " --replace --steps 2 --seed 3 --precision bf16");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, ::testing::HasSubstr("computed in bf16"));
  EXPECT_EQ(test::run_command(base + " --replace --precision fp8").exit_code, 2);
  EXPECT_EQ(test::run_command(base + " --replace --steps 1 --draws 3").exit_code, 2);
  EXPECT_EQ(test::run_command(base + " --replace --solver magic").exit_code, 2);
  EXPECT_EQ(test::run_command(base + " --replace --cameras guessed").exit_code, 2);
  EXPECT_EQ(test::run_command(base + " --replace --deliver flat").exit_code, 2);
  result = test::run_command("(" + base +
                             " --replace --steps 1 --cameras turntable --deliver canonical --json 2>/dev/null)");
  EXPECT_EQ(parse_json(result.output, "stdout")["cameras"], "turntable");
  EXPECT_EQ(parse_json(result.output, "stdout")["deliver"], "canonical");
  EXPECT_EQ(test::run_command(base + " --replace --steps 0").exit_code, 2);
  EXPECT_EQ(read_view_set(folder_ / "out").frames.size(), 8u) << "an earlier result survives what fails";
  make_folder(folder_ / "linked");
  for (const auto& entry : fs::directory_iterator(in))
    fs::create_symlink(entry.path(), folder_ / "linked" / entry.path().filename());
  const std::string linked =
      fmt::format("{} complete --model {} --input {} --steps 1 --out {}", test::program(),
                  (folder_ / "bundle").string(), (folder_ / "linked").string(), (folder_ / "of-links").string());
  result = test::run_command(linked);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.output.find("is a symbolic link to"), std::string::npos) << result.output;
  EXPECT_EQ(test::run_command(linked + " --follow-links").exit_code, 0);
  EXPECT_FALSE(fs::is_symlink(folder_ / "of-links/000.png"));
  fs::remove(in / "transforms.json");
  for (const auto& [from, to] : {std::pair{"000", "1"}, {"045", "2"}, {"090", "3"}, {"180", "5"}, {"270", "7"}})
    fs::rename(in / fmt::format("{}.png", from), in / fmt::format("{}.png", to));
  result = test::run_command(base + " --replace --steps 1");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.output.find("--given-azimuths"), std::string::npos) << result.output;
  result = test::run_command("(" + base + " --replace --steps 1 --given-azimuths 0,45,90,180,270 --json 2>/dev/null)");
  ASSERT_EQ(result.exit_code, 0);
  EXPECT_EQ(parse_json(result.output, "stdout")["generated"], Json({135.0, 225.0, 315.0}));
  write_file_atomic(in / "front.png", read_file(in / "1.png"));
  EXPECT_EQ(test::run_command(base + " --replace --steps 1 --given-azimuths 0,45,90").exit_code, 2);
  result = test::run_command(fmt::format("{} complete --model {} --input {} --out {}", test::program(), in.string(),
                                         in.string(), (folder_ / "x").string()));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.output.find("neither a bundle"), std::string::npos);
}

}  // namespace
}  // namespace spinfill
