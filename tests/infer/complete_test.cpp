// SPDX-License-Identifier: Apache-2.0
#include "infer/complete.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <opencv2/core.hpp>

#include "data/picture.h"
#include "infer/bundle.h"
#include "infer/small_model.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::small_model;
using test::TemporaryFolder;
using test::write_tiny_set;

// The largest difference of two pictures' channels, 0…255.
double farthest(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(a, b, cv::NORM_INF);
}

class Complete : public ::testing::Test {
 protected:
  fs::path references(const std::vector<int>& slots, bool cameras = true, int width = 48, int height = 32) {
    const fs::path to = folder_ / fmt::format("references-{}", made_++);
    write_tiny_set(to, {.width = width, .height = height, .slots = slots, .cameras = cameras});
    return to;
  }
  static CompleteOptions steps(std::int64_t count, std::uint64_t seed = 0) {
    CompleteOptions options;
    options.runner.sampler.steps = count;
    options.runner.seed = seed;
    return options;
  }
  static std::string file(const fs::path& folder, int slot) {
    return read_file(folder / fmt::format("{:03}.png", 45 * slot));
  }
  TemporaryFolder folder_;
  int made_ = 0;
};

TEST_F(Complete, MakesEightViewsOfOneToSeven) {
  const LoadedModel model = small_model();
  std::vector<int> slots;
  for (const int slot : {6, 1, 4, 0, 3, 7, 2}) {
    slots.push_back(slot);
    const fs::path in = references(slots), out = folder_ / fmt::format("out-{}", slots.size());
    const Json summary = complete_folder(model, in, out, steps(2));
    EXPECT_EQ(summary["given"].size(), slots.size());
    EXPECT_EQ(summary["generated"].size(), 8 - slots.size());
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

// Before training the output is the best prior image: the flipped mirror view where that is given. So the true picture
// with its true coverage is known, and the matte must find both.
TEST_F(Complete, MattesWhatItGenerates) {
  const LoadedModel model = small_model(1, 0.0);
  const fs::path in = references({0, 1, 2, 3, 4, 6, 7});
  const Json summary = complete_folder(model, in, folder_ / "out", steps(1));
  EXPECT_LT(summary["matte_residual"], 1e-3);
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
  complete_folder(model, in, folder_ / "opaque", opaque);
  const cv::Mat plain = read_picture(folder_ / "opaque/225.png");
  EXPECT_EQ(plain.at<cv::Vec4b>(0, 0), cv::Vec4b(255, 255, 255, 255));
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

TEST_F(Complete, TakesPicturesWithoutAnyFileAboutThem) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 2, 4, 6}, false);
  fs::remove(in / "transforms.json");
  fs::rename(in / "090.png", in / "085.png");
  CompleteOptions options = steps(1);
  options.category = "suv";
  complete_folder(model, in, folder_ / "out", options);
  const ViewSet set = read_view_set(folder_ / "out");
  EXPECT_EQ(set.category, "suv");
  EXPECT_EQ(set.frame_at(2)->azimuth_deg, 85);
  EXPECT_EQ(set.frame_at(2)->file_path, "090.png");
  EXPECT_EQ(read_file(folder_ / "out/090.png"), read_file(in / "085.png"));
}

TEST_F(Complete, HiddenViewsAreAsIfNeverGiven) {
  const LoadedModel model = small_model();
  CompleteOptions options = steps(1);
  options.hide = {90, 180};
  const Json summary = complete_folder(model, references({0, 1, 2, 3, 4, 5}), folder_ / "hidden", options);
  EXPECT_EQ(summary["generated"], Json({90, 180, 270, 315}));
  complete_folder(model, references({0, 1, 3, 5}), folder_ / "absent", steps(1));
  for (const char* name : {"090.png", "180.png", "270.png"}) {
    EXPECT_EQ(read_file(folder_ / "hidden" / name), read_file(folder_ / "absent" / name)) << name;
  }
  options.hide = {270};
  expect_error(ExitCode::usage, {"270", "no view"}, [&] {
    complete_folder(model, references({0, 1}), folder_ / "none", options);
  });
}

TEST_F(Complete, HasNothingToGenerateWhereAllIsGiven) {
  const fs::path in = references({0, 1, 2, 3, 4, 5, 6, 7});
  const Json summary = complete_folder(small_model(), in, folder_ / "out", steps(1));
  EXPECT_EQ(summary["generated"].size(), 0u);
  EXPECT_EQ(read_view_set(folder_ / "out").frames.size(), 8u);
}

TEST_F(Complete, RefusesBadInputByNameAndWritesNothing) {
  const LoadedModel model = small_model();
  const fs::path out = folder_ / "out";
  const auto refuses = [&](ExitCode code, const std::vector<std::string>& texts, const fs::path& in,
                           const CompleteOptions& options = {}) {
    expect_error(code, texts, [&] { complete_folder(model, in, out, options); });
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      EXPECT_TRUE(entry.path().filename().string().starts_with("references-")) << entry.path();
    }
  };
  refuses(ExitCode::usage, {"no such folder"}, folder_ / "nowhere");
  fs::path in = references({0, 2});
  write_png(in / "090.png", cv::Mat(32, 48, CV_8UC3, cv::Scalar(9, 9, 9)));
  refuses(ExitCode::runtime, {"090.png", "no mask"}, in);
  write_png(in / "090.png", cv::Mat(32, 48, CV_8UC4, cv::Scalar(9, 9, 9, 0)));
  refuses(ExitCode::runtime, {"090.png", "mask is empty"}, in);
  write_png(in / "090.png", cv::Mat(30, 48, CV_8UC4, cv::Scalar(9, 9, 9, 0)));
  refuses(ExitCode::runtime, {"090.png", "48x30"}, in);
  const std::string good = read_file(in / "000.png");
  write_file_atomic(in / "090.png", good.substr(0, good.size() / 2));
  refuses(ExitCode::runtime, {"090.png"}, in);
  write_file_atomic(in / "090.png", "");
  refuses(ExitCode::runtime, {"090.png"}, in);
  fs::remove(in / "090.png");
  refuses(ExitCode::runtime, {"090.png"}, in);

  in = references({0, 2}, false);
  fs::remove(in / "transforms.json");
  write_file_atomic(in / "095.png", read_file(in / "090.png"));
  refuses(ExitCode::runtime, {"090.png", "095.png", "90 degrees"}, in);
  fs::remove(in / "090.png");
  CompleteOptions options;
  options.category = "boat";
  refuses(ExitCode::usage, {"boat", "pickup"}, in, options);
  fs::remove(in / "095.png");
  fs::remove(in / "000.png");
  refuses(ExitCode::runtime, {"000.png"}, in);

  options = {};
  options.runner.progress = [](std::int64_t, std::int64_t) { fail("stopped"); };
  refuses(ExitCode::runtime, {"stopped"}, references({0, 2}), options);
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
  EXPECT_EQ(test::run_command(base + " --replace --solver magic").exit_code, 2);
  EXPECT_EQ(test::run_command(base + " --replace --steps 0").exit_code, 2);
  EXPECT_EQ(read_view_set(folder_ / "out").frames.size(), 8u) << "an earlier result survives what fails";
  result = test::run_command(fmt::format("{} complete --model {} --input {} --out {}", test::program(), in.string(),
                                         in.string(), (folder_ / "x").string()));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.output.find("neither a bundle"), std::string::npos);
}

}  // namespace
}  // namespace spinfill
