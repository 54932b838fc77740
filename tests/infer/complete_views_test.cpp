// SPDX-License-Identifier: Apache-2.0
// Views at any azimuths, and turntables.
#include <algorithm>

#include "core/files/json.h"
#include "data/photo/consistency.h"
#include "data/sets/view_set_reader.h"
#include "infer/bundle_export.h"
#include "infer/complete_fixture.h"

namespace spinfill {
namespace {

using test::Complete;
using test::farthest;
using test::small_model;
using test::write_uneven_photographs;

std::vector<std::string> files_of(const fs::path& folder) {
  std::vector<std::string> out;
  for (const Frame& frame : read_view_set(folder).frames) out.push_back(frame.file_path);
  return out;
}
CompleteOptions asking(CompleteOptions options, const char* azimuths) {
  options.request = parse_view_request(azimuths, {});
  return options;
}

TEST_F(Complete, MakesViewsAtStatedAzimuths) {
  const LoadedModel model = small_model(1, 0.2);
  const fs::path in = references({0, 1, 2, 3, 4, 5, 6, 7}), out = folder_ / "out";
  // Two in the slot of one picture, one in another's, one between two slots.
  const Completion done = complete_folder(model, in, out, asking(steps(2), "50,40,178.5,22.5"));
  EXPECT_EQ(done.generated, (std::vector<double>{22.5, 40, 50, 178.5}));
  EXPECT_EQ(done.given.size(), 8U);
  EXPECT_TRUE(done.consistency.is_null());
  EXPECT_EQ(files_of(out),
            (std::vector<std::string>{"000.png", "022.5.png", "040.png", "045.png", "050.png", "090.png", "135.png",
                                      "178.5.png", "180.png", "225.png", "270.png", "315.png"}));
  const Json frames = read_json(out / "transforms.json")["frames"];
  for (const Frame& frame : read_view_set(out).frames) {
    EXPECT_NEAR(viewing_direction(*frame.camera).azimuth_deg, frame.azimuth_deg, 1e-6);
    EXPECT_EQ(read_picture(out / frame.file_path).size(), cv::Size(48, 32));
  }
  EXPECT_EQ(frames[1]["generated"], true);
  EXPECT_EQ(frames[3]["generated"], false);
  EXPECT_EQ(file(out, 1), file(in, 1));
  const std::string html = read_file(out / "spin.html");
  EXPECT_NE(html.find("data-azimuth=\"178.5\" data-generated"), std::string::npos);
}

// A view at a missing primary azimuth is that of the default; one whose slot is taken sees the picture there.
TEST_F(Complete, StatedAzimuthsUseEveryReference) {
  const LoadedModel model = small_model(1, 0.0);
  const fs::path in = references({0, 2, 3, 4, 5, 6, 7});
  complete_folder(model, in, folder_ / "default", steps(1));
  complete_folder(model, in, folder_ / "stated", asking(steps(1), "45,50"));
  EXPECT_LE(farthest(read_picture(folder_ / "default/045.png"), read_picture(folder_ / "stated/045.png")), 2);

  const fs::path all = references({0, 1, 2, 3, 4, 5, 6});  // without the mirror view, which an untrained model shows
  complete_folder(model, all, folder_ / "a", asking(steps(1), "46.5"));
  write_png(all / "045.png", test::render_tiny_vehicle(*read_view_set(all).frame_at(1)->camera, 77));
  complete_folder(model, all, folder_ / "b", asking(steps(1), "46.5"));
  EXPECT_GT(farthest(read_picture(folder_ / "a/046.5.png"), read_picture(folder_ / "b/046.5.png")), 20)
      << "the picture in its slot is no reference";
}

TEST_F(Complete, MakesTheMissingFramesOfTransformsJson) {
  const fs::path in = references({0, 2, 3, 4, 5, 6, 7}), out = folder_ / "out";
  ViewSet set = read_view_set(in);
  for (const double azimuth : {40.0, 50.0, 85.0}) {
    Frame frame;
    frame.azimuth_deg = azimuth;
    frame.camera = turntable_camera({12, 4, 3}, azimuth, set.width, set.height);
    set.missing.push_back(frame);
  }
  write_transforms(set);
  EXPECT_EQ(complete_folder(small_model(), in, out, steps(1)).generated, (std::vector<double>{40, 50, 85}));
  const ViewSet made = read_view_set(out);
  const auto at40 = std::ranges::find(made.frames, "040.png", &Frame::file_path);
  ASSERT_NE(at40, made.frames.end());
  EXPECT_NEAR(viewing_direction(*at40->camera).elevation_deg, 12, 1e-6);
  set.missing.push_back(set.missing.front());
  write_transforms(set);
  test::expect_error(ExitCode::runtime, {"missing_frames", "azimuth_deg", "listed before"}, [&] { read_view_set(in); });
}

TEST_F(Complete, MakesATurntable) {
  const LoadedModel model = small_model(1, 0.1);
  const fs::path in = write_uneven_photographs(folder_ / "in", true), out = folder_ / "out";
  CompleteOptions options = steps(1);
  options.hide = {45, 180};
  options.request = parse_view_request({}, "24");
  std::vector<std::int64_t> evaluated, carried, compared;
  options.runner.progress = [&](std::int64_t done, std::int64_t total) { evaluated = {done, total}; };
  options.runner.carried = [&](std::int64_t done, std::int64_t total) { carried = {done, total}; };
  options.compared = [&](std::int64_t done, std::int64_t total) { compared = {done, total}; };
  const Completion done = complete_folder(model, in, out, options);
  EXPECT_EQ(done.given.size(), 6U);
  EXPECT_EQ(done.generated.size(), 18U);
  EXPECT_EQ(evaluated[0], evaluated[1]) << "of all passes";
  EXPECT_EQ(carried, (std::vector<std::int64_t>{19, 19}));
  EXPECT_EQ(compared, (std::vector<std::int64_t>{24, 24}));
  const ViewSet spin = read_view_set(out);
  ASSERT_EQ(spin.frames.size(), 24U);
  for (std::size_t i = 0; i < 24; ++i) {
    EXPECT_NEAR(spin.frames[i].azimuth_deg, 15.0 * double(i), 1e-6) << "in the order of their azimuths";
    EXPECT_EQ(spin.frames[i].file_path, fmt::format("{:03}.png", 15 * i));
    // Neighbouring cameras: nothing jumps.
    const Camera &a = *spin.frames[i].camera, &b = *spin.frames[(i + 1) % 24].camera;
    EXPECT_LT(std::abs(a.fl_x - b.fl_x), 0.04 * a.fl_x);
    EXPECT_LT(std::abs(a.cx - b.cx), 3);
  }
  EXPECT_EQ(file(out, 2), file(in, 2));
  const Json root = read_json(out / "transforms.json");
  EXPECT_EQ(root["consistency"], to_json(done)["consistency"]);
  EXPECT_GT(root["consistency"]["psnr_db"], 18);
  EXPECT_GT(root["consistency"]["pixels"], 10000);

  // One view of another colour: the number says so, and which it is.
  ViewSet given = read_view_set(in);
  SlotPictures pictures;
  for (const Frame& frame : given.frames)
    pictures[static_cast<std::size_t>(frame.slot())] = read_masked_picture(given, frame);
  const auto compare = [&] {
    return cross_view_consistency(given, pictures, spin.frames,
                                  [&](std::size_t i) { return read_masked_picture(spin, spin.frames[i]); });
  };
  const double before = compare().all().difference;
  write_png(out / "075.png", test::render_tiny_vehicle(*spin.frames[5].camera, 77));
  const Consistency after = compare();
  EXPECT_GT(after.all().difference, 1.1 * before);
  EXPECT_TRUE(after.worst()->from_deg == 75 || after.worst()->to_deg == 75);
}

// With five anchors, on one turntable, on a plain background.
TEST_F(Complete, MakesATurntableFromThreePictures) {
  const fs::path in = write_uneven_photographs(folder_ / "in", true);
  CompleteOptions options = steps(1);
  options.hide = {45, 90, 135, 180, 225};
  options.request = parse_view_request({}, "24");
  options.deliver = Delivery::canonical;
  options.runner.opaque = true;
  const Completion done = complete_folder(small_model(), in, folder_ / "b", options);
  EXPECT_EQ(done.generated.size(), 21U);
  EXPECT_FALSE(done.consistency.is_null());
  EXPECT_EQ(read_picture(folder_ / "b/105.png").at<cv::Vec4b>(0, 0), cv::Vec4b(255, 255, 255, 255));
}

TEST_F(Complete, CommandTellsWhatIsWrongWithTheViewsAskedFor) {
  export_bundle(small_model(), folder_ / "bundle");
  const fs::path in = references({0, 2, 4, 6});
  const std::string base = fmt::format("{} complete --model {} --input {} --steps 1 --out {}", test::program(),
                                       (folder_ / "bundle").string(), in.string(), (folder_ / "out").string());
  for (const auto& [options, message] : {std::pair{"--azimuths nan", "'nan' is not a number"},
                                         {"--azimuths 400", "'400'"},
                                         {"--azimuths ''", "--azimuths"},
                                         {"--azimuths 40,40", "same view"},
                                         {"--azimuths 90.5", "within a degree of 090.png"},
                                         {"--views 7", "24, 36, 72"},
                                         {"--views 24 --azimuths 40", "together"}}) {
    const auto result = test::run_command(fmt::format("({} {} 2>&1)", base, options));
    EXPECT_EQ(result.exit_code, 2) << options << result.output;
    EXPECT_NE(result.output.find(message), std::string::npos) << result.output;
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
    EXPECT_FALSE(fs::exists(folder_ / "out"));
  }
  const auto result = test::run_command("(" + base + " --views 24 --json 2>/dev/null)");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json summary = parse_json(result.output, "stdout");
  EXPECT_EQ(summary["generated"].size(), 20U);
  EXPECT_TRUE(summary["consistency"]["worst"]["azimuths_deg"].is_array());
}

}  // namespace
}  // namespace spinfill
