// SPDX-License-Identifier: Apache-2.0
// What complete reads, tells and refuses.
#include "infer/complete.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/files/json.h"
#include "data/batches/make_batch.h"
#include "data/pictures/letterbox.h"
#include "data/sets/view_camera.h"
#include "data/sets/view_set_reader.h"
#include "infer/complete_fixture.h"
#include "infer/references.h"
#include "support/png_chunk.h"

namespace spinfill {
namespace {

using test::Complete;
using test::expect_error;
using test::farthest;
using test::small_model;
using test::TemporaryFolder;
using test::write_tiny_set;
using test::write_uneven_photographs;

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
  EXPECT_NEAR(set.frame_at(2)->azimuth_deg, 85, 3) << "as estimated from the masks";
  EXPECT_EQ(read_json(folder_ / "out/transforms.json")["frames"][2]["stated_azimuth_deg"], 85.0);
  EXPECT_EQ(set.frame_at(2)->file_path, "090.png");
  EXPECT_EQ(read_file(folder_ / "out/090.png"), read_file(in / "085.png"));
}

// Photographs of a telephone that was held upright: stored on their side, with a tag that says so.
TEST_F(Complete, DeliversUprightWhatExifTurns) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 2, 4, 6}, false);
  const std::string tag("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", 26);
  for (const char* name : {"000", "090"}) {
    const fs::path png = in / (std::string(name) + ".png");
    cv::Mat stored;
    cv::rotate(read_picture(png), stored, cv::ROTATE_90_COUNTERCLOCKWISE);
    write_file_atomic(png, test::with_png_chunk(encode_png(stored), "eXIf", tag));
  }
  fs::remove(in / "transforms.json");
  testing::internal::CaptureStderr();
  complete_folder(model, in, folder_ / "out", steps(1));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("000.png, 090.png"), std::string::npos);
  const ViewSet set = read_view_set(folder_ / "out");
  EXPECT_EQ(cv::Size(set.width, set.height), cv::Size(48, 32));
  for (const char* name : {"000", "090"}) {
    const std::string bytes = read_file(folder_ / "out" / (std::string(name) + ".png"));
    EXPECT_EQ(picture_size(bytes, name).orientation, 1);
    EXPECT_EQ(farthest(decode_picture(bytes, name), read_picture(in / (std::string(name) + ".png"))), 0);
    EXPECT_NE(bytes, read_file(in / (std::string(name) + ".png")));
  }
  EXPECT_EQ(read_file(folder_ / "out/180.png"), read_file(in / "180.png"));
}

TEST_F(Complete, ACategoryThatTheModelDoesNotKnowIsUnknown) {
  const LoadedModel model = small_model(1, 0.02, 2);  // sedan and suv
  const fs::path in = references({0, 2, 4, 6});
  const auto made = [&](const std::string& category) {
    CompleteOptions options = steps(1);
    options.category = category;
    testing::internal::CaptureStderr();
    complete_folder(model, in, folder_ / category, options);
    const bool told =
        testing::internal::GetCapturedStderr().find("(sedan, suv): treated as unknown") != std::string::npos;
    EXPECT_EQ(told, category == "bus") << category;
    return file(folder_ / category, 1);
  };
  const std::string unknown = made("unknown");
  EXPECT_EQ(made("bus"), unknown);
  EXPECT_NE(made("suv"), unknown);
}

TEST_F(Complete, APictureHasOnePrimaryView) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 2, 4, 6});
  Json value = read_json(in / "transforms.json");
  value["frames"][1]["azimuth_deg"] = 70;
  value["frames"][1].erase("transform_matrix");
  value["frames"][1]["stated_azimuth_deg"] = 60;
  write_json_atomic(in / "transforms.json", value);
  expect_error(ExitCode::runtime, {"090.png", "70", "60", "90 and 45 degrees", "correct one"},
               [&] { complete_folder(model, in, folder_ / "out", steps(1)); });
}

// More photographs than primary views: the nearest stand for these, the others are carried onto what is generated.
TEST_F(Complete, TakesFurtherPhotographs) {
  const LoadedModel model = small_model();
  for (const bool stated : {true, false}) {
    const fs::path in = references({0, 2, 4, 5, 6, 7}, /*cameras=*/true, 240, 160);
    ViewSet set = read_view_set(in);
    for (const double azimuth : {30.0, 62.0, 100.0, 120.0}) {
      Frame& frame = set.frames.emplace_back();
      frame.azimuth_deg = azimuth;
      frame.file_path = fmt::format("{:03}.png", azimuth);
      frame.camera = camera_towards(set, azimuth, {});
      write_png(in / frame.file_path, test::render_tiny_vehicle(*frame.camera, 1));
    }
    if (!stated)
      for (Frame& frame : set.frames) frame.camera.reset();
    write_transforms(set);
    const fs::path out = folder_ / (stated ? "stated" : "estimated");
    CompleteOptions options = steps(1);
    options.hide = {90};
    const Completion done = complete_folder(model, in, out, options);
    // 30 degrees stands for 45, 120 for 135; 90 and 100 are hidden.
    EXPECT_EQ(done.further, (std::vector<std::string>{"062.png"}));
    EXPECT_EQ(done.generated, (std::vector<double>{90}));
    const Json root = read_json(out / "transforms.json");
    EXPECT_EQ(root["frames"].size(), 8U);
    ASSERT_EQ(root["further"].size(), 1U);
    EXPECT_EQ(root["further"][0]["file_path"], "062.png");
    EXPECT_NEAR(root["further"][0]["azimuth_deg"].get<double>(), 62, 8);
    EXPECT_EQ(read_view_set(out).frames.size(), 8U);

    // Of a turntable they are views, and none is generated beside them; one that is odd is told, too.
    options = steps(1);
    options.request.views = 24;
    cv::Mat dark = read_picture(in / "062.png"), alpha;
    cv::extractChannel(dark, alpha, 3);
    dark.convertTo(dark, -1, 0.2);
    cv::insertChannel(alpha, dark, 3);
    write_png(in / "062.png", dark);
    const fs::path round = folder_ / (stated ? "round-stated" : "round-estimated");
    const Completion turned = complete_folder(model, in, round, options);
    EXPECT_TRUE(turned.further.empty());
    EXPECT_EQ(turned.given.size(), 10U);
    const Json all = read_json(round / "transforms.json");
    EXPECT_FALSE(all.contains("further"));
    EXPECT_EQ(all["frames"].size(), turned.given.size() + turned.generated.size());
    EXPECT_EQ(read_view_set(round).frames.size(), all["frames"].size());
    bool delivered = false;
    for (const Json& frame : all["frames"]) {
      const double azimuth = frame["azimuth_deg"];
      if (frame["generated"]) {
        for (const double photographed : {30.0, 120.0})
          EXPECT_GT(apart_deg(azimuth, photographed), stated ? 3.75 : 0) << azimuth;
      } else if (read_file(round / frame["file_path"].get<std::string>()) == read_file(in / "062.png")) {
        delivered = true;
        ASSERT_TRUE(frame.contains("odd"));
        EXPECT_EQ(frame["odd"][0]["what"], "under-exposed");
      }
    }
    EXPECT_TRUE(delivered);
    EXPECT_EQ(turned.odd.back()["file_path"], "062.png") << turned.odd.dump();
    EXPECT_EQ(turned.odd.back()["what"], "under-exposed");
  }
}

TEST_F(Complete, OfManyFurtherPhotographsTakesThoseThatLieApart) {
  const fs::path in = references({0, 4}, true);
  ViewSet set = read_view_set(in);
  for (int i = 0; i < 40; ++i) {
    Frame& frame = set.frames.emplace_back();
    frame.azimuth_deg = 2 + 0.5 * i;
    frame.file_path = fmt::format("further-{:02}.png", i);
    frame.camera = camera_towards(set, frame.azimuth_deg, {});
    fs::copy_file(in / "000.png", in / frame.file_path);
  }
  write_transforms(set);
  const ViewSet read = read_references(in);
  EXPECT_EQ(read.frames.size(), 2U);
  ASSERT_EQ(read.further.size(), 16U);
  EXPECT_EQ(read.further.back().file_path, "further-39.png") << "the farthest one";
  for (std::size_t i = 1; i < read.further.size(); ++i)
    EXPECT_LE(read.further[i].azimuth_deg - read.further[i - 1].azimuth_deg, 2.5) << i;
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
  std::string wide = read_file(in / "000.png");
  wide.replace(16, 4, std::string("\0\0\x4e\x20", 4));  // the width in its header: 20000
  write_file_atomic(in / "090.png", wide);
  refuses(ExitCode::runtime, {"090.png", "20000x32 px is too large", "16384", "scale it down"}, in);
  const std::string good = read_file(in / "000.png");
  write_file_atomic(in / "090.png", good.substr(0, good.size() / 2));
  refuses(ExitCode::runtime, {"090.png"}, in);
  write_file_atomic(in / "090.png", "");
  refuses(ExitCode::runtime, {"090.png"}, in);
  fs::remove(in / "090.png");
  refuses(ExitCode::runtime, {"090.png"}, in);

  in = references({0, 2}, false);
  fs::remove(in / "transforms.json");
  write_file_atomic(in / "090.05.png", read_file(in / "090.png"));
  refuses(ExitCode::runtime, {"090.png", "090.05.png", "both show the view", "keep one"}, in);
  fs::remove(in / "090.png");
  CompleteOptions options;
  options.category = "boat";
  refuses(ExitCode::usage, {"boat", "pickup"}, in, options);
  fs::remove(in / "090.05.png");
  fs::remove(in / "000.png");
  refuses(ExitCode::runtime, {"000.png"}, in);

  options = {};
  options.runner.progress = [](std::int64_t, std::int64_t) { fail("stopped"); };
  refuses(ExitCode::runtime, {"stopped"}, references({0, 2}), options);
}

TEST_F(Complete, NeverGeneratesBesideAPhotographSilently) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 2}, false), out = folder_ / "out";
  // Listed by nobody, though their views are generated.
  write_file_atomic(in / "180.JPG", read_file(in / "090.png"));
  testing::internal::CaptureStderr();
  complete_folder(model, in, out, steps(1));
  std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_NE(lines.find("does not list 180.JPG"), std::string::npos) << lines;

  fs::remove(in / "transforms.json");
  fs::remove(in / "180.JPG");
  for (const char* name : {"front.png", "090 copy.png", "180.tif"}) {
    write_file_atomic(in / name, read_file(in / "090.png"));
    expect_error(ExitCode::runtime, {name, "--skip-unread"}, [&] {
      CompleteOptions options = steps(1);
      options.replace = true;
      complete_folder(model, in, out, options);
    });
    fs::remove(in / name);
  }
}

// A front that was taken from a little to the right comes first all the same, as slot 0 does.
TEST_F(Complete, BeginsWithTheFront) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 1, 2, 3, 4, 6, 7});
  ViewSet set = read_view_set(in);
  set.frames[0].azimuth_deg = 358;
  set.frames[0].camera = camera_towards(set, 358, {});
  write_transforms(set);
  const Completion done = complete_folder(model, in, folder_ / "out", steps(1));
  EXPECT_EQ(done.given.front(), 358);
  const std::string page = read_file(folder_ / "out/spin.html");
  EXPECT_LT(page.find("data-azimuth=\"358\""), page.find("data-azimuth=\"45\""));
}

TEST_F(Complete, NamesAReferenceThatDiffersFromTheOthers) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 1, 2, 3, 4, 6, 7});
  const auto completed = [&](std::string& lines) {
    CompleteOptions options = steps(1);
    options.replace = true;
    testing::internal::CaptureStderr();
    const Json summary = to_json(complete_folder(model, in, folder_ / "out", options));
    lines = testing::internal::GetCapturedStderr();
    return summary;
  };
  std::string lines;
  const Json first = completed(lines);
  EXPECT_EQ(first["odd"], Json::array()) << lines;
  EXPECT_FALSE(first.contains("doubt")) << lines;
  for (const Json& frame : read_json(folder_ / "out/transforms.json")["frames"]) EXPECT_FALSE(frame.contains("odd"));

  cv::Mat bright = read_picture(in / "090.png");
  bright.forEach<cv::Vec4b>([](cv::Vec4b& p, const int*) { p = {255, 255, 255, p[3]}; });
  write_png(in / "090.png", bright);
  const Json odd = completed(lines)["odd"];
  ASSERT_EQ(odd.size(), 1U) << odd;
  EXPECT_EQ(odd[0]["file_path"], "090.png");
  EXPECT_EQ(odd[0]["what"], "over-exposed");
  EXPECT_LT(odd[0]["weight"], 0.5);
  EXPECT_NE(lines.find("090.png: is over-exposed"), std::string::npos) << lines;
  const Json frames = read_json(folder_ / "out/transforms.json")["frames"];
  EXPECT_EQ(frames[2]["odd"][0]["what"], "over-exposed");
  EXPECT_FALSE(frames[1].contains("odd"));
  EXPECT_EQ(file(folder_ / "out", 2), file(in, 2)) << "delivered as it is";
}

// What a first look found is not looked for again; where a picture is hidden it says nothing.
TEST_F(Complete, TakesOverAFirstLook) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 1, 2, 3, 4, 6, 7}, false, 120, 80);
  FirstLook look{stabilise_set(read_references(in)), std::vector<Oddities>(7)};
  look.estimate.miss = 0.0123;
  look.odd[2] = {{Oddity::overexposed, 0.5, "is over-exposed", "take it again"}};
  CompleteOptions options = steps(1);
  options.first_look = std::make_shared<const FirstLook>(look);
  const Completion with = complete_folder(model, in, folder_ / "with", options);
  EXPECT_EQ(with.stabilisation->miss, 0.0123);
  ASSERT_EQ(with.odd.size(), 1U);
  EXPECT_EQ(with.odd[0]["file_path"], "090.png");
  options.hide = {0};
  const Completion hidden = complete_folder(model, in, folder_ / "hidden", options);
  EXPECT_NE(hidden.stabilisation->miss, 0.0123);
  EXPECT_EQ(hidden.odd, Json::array());
}

// A picture of another size is scaled into that of the others, delivered so, and weighs less where it was smaller.
TEST_F(Complete, FitsPicturesOfAnotherSize) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 1, 2, 3, 4, 6, 7}, false, 120, 80);
  fs::remove(in / "transforms.json");
  cv::Mat half;
  cv::resize(read_picture(in / "090.png"), half, {60, 40}, 0, 0, cv::INTER_AREA);
  write_png(in / "090.png", half);
  testing::internal::CaptureStderr();
  const Json summary = to_json(complete_folder(model, in, folder_ / "out", steps(1)));
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_NE(lines.find("090.png: is 60x40 px, where 6 of 7 pictures have 120x80 px"), std::string::npos) << lines;
  ASSERT_EQ(summary["odd"].size(), 1U) << lines;
  EXPECT_EQ(summary["odd"][0]["what"], "small");
  const ViewSet out = read_view_set(folder_ / "out");  // sizes are equal
  EXPECT_EQ(read_masked_picture(out, *out.frame_at(2)).size(), cv::Size(120, 80));
  EXPECT_EQ(file(folder_ / "out", 1), file(in, 1)) << "as it is";

  write_png(in / "045_mask.png", cv::Mat(80, 120, CV_8UC4, cv::Scalar::all(255)));
  write_png(in / "090_mask.png", cv::Mat(40, 60, CV_8UC4, cv::Scalar::all(255)));
  CompleteOptions again = steps(1);
  again.replace = true;
  expect_error(ExitCode::runtime, {"mask"}, [&] { complete_folder(model, in, folder_ / "out", again); });
}

// The spin comes as if the picture had not been there.
TEST_F(Complete, GeneratesNothingFromAPictureOfAnotherAzimuth) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 1, 2, 3, 4, 6, 7}, true, 120, 80);
  fs::copy_file(in / "045.png", in / "090.png", fs::copy_options::overwrite_existing);
  testing::internal::CaptureStderr();
  const Json summary = to_json(complete_folder(model, in, folder_ / "out", steps(1)));
  const std::string lines = testing::internal::GetCapturedStderr();
  ASSERT_EQ(summary["odd"].size(), 1U) << lines;
  EXPECT_EQ(summary["odd"][0]["file_path"], "090.png");
  EXPECT_EQ(summary["odd"][0]["what"], "contradicting");
  EXPECT_EQ(summary["odd"][0]["weight"], 0.0);
  EXPECT_NE(lines.find("090.png: its silhouette contradicts all others"), std::string::npos) << lines;
  cv::Mat other = read_picture(in / "090.png");  // its colours are nowhere
  other.forEach<cv::Vec4b>([](cv::Vec4b& p, const int*) { p = {90, 60, 30, p[3]}; });
  write_png(in / "090.png", other);
  const std::string before = file(folder_ / "out", 5);
  complete_folder(model, in, folder_ / "again", steps(1));
  EXPECT_EQ(file(folder_ / "again", 5), before);
}

TEST_F(Complete, TellsWhatACheckWouldFind) {
  const LoadedModel model = small_model();
  const fs::path in = references({0, 2, 4}, false);
  fs::remove(in / "transforms.json");
  fs::copy_file(in / "000.png", in / "180.png", fs::copy_options::overwrite_existing);
  cv::Mat touching = read_picture(in / "090.png");
  touching.at<cv::Vec4b>(20, 0) = cv::Vec4b(1, 2, 3, 255);
  write_png(in / "078.png", touching);
  fs::remove(in / "090.png");
  testing::internal::CaptureStderr();
  complete_folder(model, in, folder_ / "out", steps(1));
  const std::string lines = testing::internal::GetCapturedStderr();
  for (const char* text : {"180.png: is the same picture as 000.png", "078.png: the vehicle touches the left border",
                           "nearest primary views: 078.png (78) for 90"})
    EXPECT_NE(lines.find(text), std::string::npos) << text << " not in " << lines;
}

}  // namespace
}  // namespace spinfill
