// SPDX-License-Identifier: Apache-2.0
#include "infer/complete.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/batches/make_batch.h"
#include "data/photo/photo_sample.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/picture.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "data/spins/stabilise.h"
#include "infer/bundle_export.h"
#include "infer/photo_views.h"
#include "infer/small_model.h"
#include "metrics/evaluation_set.h"
#include "support/png_chunk.h"
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
    capture.on_batch = [&](const Batch& batch, const at::Tensor& pictures) {
      if (batch.samples[0] == 0) scored = pictures[0];
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

TEST_F(Complete, HiddenViewsAreAsIfNeverGiven) {
  const LoadedModel model = small_model();
  CompleteOptions options = steps(1);
  options.hide = {90, 180};
  const Completion done = complete_folder(model, references({0, 1, 2, 3, 4, 5}), folder_ / "hidden", options);
  EXPECT_EQ(done.generated, (std::vector<double>{90, 180, 270, 315}));
  complete_folder(model, references({0, 1, 3, 5}), folder_ / "absent", steps(1));
  for (const char* name : {"090.png", "180.png", "270.png"}) {
    EXPECT_EQ(read_file(folder_ / "hidden" / name), read_file(folder_ / "absent" / name)) << name;
  }
  options.hide = {270};
  expect_error(ExitCode::usage, {"270", "no view"}, [&] {
    complete_folder(model, references({0, 1}), folder_ / "none", options);
  });
}

// Pictures 120 px wide, large enough to tell their cameras, each scaled and shifted in its own way.
fs::path write_uneven_photographs(const fs::path& to, bool cameras) {
  ViewSet set = write_tiny_set(to, {.width = 120, .height = 80, .cameras = true});
  for (Frame& frame : set.frames) {
    const double wave = std::sin(1.0 + 2.0 * frame.slot());
    frame.camera = reframed(*frame.camera, {0.93 + 0.06 * wave, 0.03 * wave, 0.04 * std::cos(3.0 * frame.slot()), 0});
    write_png(to / frame.file_path, test::render_tiny_vehicle(*frame.camera, 1));
    if (!cameras) frame.camera.reset();
  }
  write_transforms(set);
  return to;
}

double cameras_differ(const Camera& a, const Camera& b) {
  const auto row = [](const Camera& c) { return Eigen::Vector4d(c.fl_x, c.fl_y, c.cx, c.cy); };
  return std::max((a.vehicle_from_camera - b.vehicle_from_camera).cwiseAbs().maxCoeff(),
                  (row(a) - row(b)).cwiseAbs().maxCoeff());
}

TEST_F(Complete, EstimatesCamerasWhereNoneAreStated) {
  const LoadedModel model = small_model();
  const fs::path bare = write_uneven_photographs(folder_ / "bare", false),
                 stated = write_uneven_photographs(folder_ / "stated", true);
  CompleteOptions options = steps(1);
  options.hide = {90, 225};
  const auto run = [&](const fs::path& in, CameraChoice source, const std::string& name) {
    options.cameras = source;
    return complete_folder(model, in, folder_ / name, options);
  };
  Completion done = run(bare, std::nullopt, "a");
  EXPECT_EQ(done.cameras, CameraSource::estimated);
  EXPECT_EQ(done.stabilisation.value().views.size(), 6u);
  EXPECT_EQ(done.given, (std::vector<double>{0, 45, 135, 180, 270, 315})) << "as stated, not as corrected";
  EXPECT_EQ(read_json(folder_ / "a/transforms.json")["cameras"], "estimated");
  EXPECT_FALSE(states_own_cameras(read_view_set(folder_ / "a"))) << "another estimate may replace them";
  done = run(stated, std::nullopt, "b");
  EXPECT_EQ(done.cameras, CameraSource::stated);
  EXPECT_FALSE(done.stabilisation);
  EXPECT_EQ(run(bare, CameraSource::turntable, "c").cameras, CameraSource::turntable);
  EXPECT_EQ(run(stated, CameraSource::estimated, "d").cameras, CameraSource::estimated);
  const ViewSet truth = read_view_set(stated), a = read_view_set(folder_ / "a"), b = read_view_set(folder_ / "b"),
                c = read_view_set(folder_ / "c"), d = read_view_set(folder_ / "d");
  const Turntable canonical = model.config.data.turntable.turntable;
  for (int slot = 0; slot < 8; ++slot) {
    const Camera &photographed = *truth.frame_at(slot)->camera, &plain = *c.frame_at(slot)->camera;
    EXPECT_LT(cameras_differ(plain, turntable_camera(canonical, 45 * slot, 120, 80)), 1e-9);
    EXPECT_LT(cameras_differ(*a.frame_at(slot)->camera, *d.frame_at(slot)->camera), 1e-9);
    if (slot == 2 || slot == 5) continue;
    EXPECT_LT(cameras_differ(*b.frame_at(slot)->camera, photographed), 1e-9);
    // The estimate finds how each photograph was framed.
    const auto centre = [](const Camera& camera) { return project(camera, Eigen::Vector3d::Zero()); };
    EXPECT_LT((centre(*a.frame_at(slot)->camera) - centre(photographed)).norm(), 1.5) << slot;
  }
  for (const int slot : {0, 1, 3, 4, 6, 7}) EXPECT_EQ(file(folder_ / "a", slot), file(bare, slot));
  EXPECT_NE(file(folder_ / "a", 2), file(folder_ / "c", 2)) << "generated for other cameras";
  options.hide = {};
  test::expect_error(ExitCode::usage, {"states no cameras", "--cameras"},
                     [&] { run(bare, CameraSource::stated, "e"); });
}

// What the views are generated for is what transforms.json says, whatever cameras the model was trained with.
TEST_F(Complete, GeneratesForTheCamerasItStates) {
  const fs::path in = write_uneven_photographs(folder_ / "in", true);
  const auto run = [&](CameraSource trained_with, CameraChoice choice, Delivery deliver, const std::string& name) {
    LoadedModel model = small_model(1, 0.2);
    model.config.data.cameras = trained_with;
    CompleteOptions options = steps(1);
    options.hide = {90, 225};
    options.cameras = choice;
    options.deliver = deliver;
    options.runner.opaque = true;
    complete_folder(model, in, folder_ / name, options);
    return file(folder_ / name, 2) + file(folder_ / name, 5);
  };
  // The same from the cameras in transforms.json, those of given views as photographed.
  const auto direct = [&](const fs::path& out, const fs::path& photographed) {
    const LoadedModel model = small_model(1, 0.2);
    const ViewSet spin = read_view_set(out);
    ViewSet set = read_view_set(photographed);
    set.cameras_estimated = false;
    std::erase_if(set.frames, [](const Frame& frame) { return frame.slot() == 2 || frame.slot() == 5; });
    set.folder = in;
    set.missing = {*spin.frame_at(2), *spin.frame_at(5)};
    SlotPictures pictures;
    for (const Frame& frame : set.frames)
      pictures[static_cast<std::size_t>(frame.slot())] = read_masked_picture(set, frame);
    RunnerOptions options = steps(1).runner;
    options.opaque = true;
    std::string made;
    for (const GeneratedView& view : photo_views(model, set, pictures, options).views) made += encode_png(view.picture);
    return made;
  };
  std::vector<std::string> different;
  for (const CameraSource choice : {CameraSource::stated, CameraSource::estimated, CameraSource::turntable}) {
    for (const Delivery deliver : {Delivery::given, Delivery::canonical}) {
      std::string first;
      for (const CameraSource trained : {CameraSource::stated, CameraSource::estimated, CameraSource::turntable}) {
        const std::string name = fmt::format("{}-{}-{}", name_of(choice), name_of(deliver), name_of(trained));
        const std::string made = run(trained, choice, deliver, name);
        if (first.empty()) first = made;
        EXPECT_TRUE(made == first) << name << ": the same cameras give the same pixels";
        EXPECT_EQ(read_json(folder_ / name / "transforms.json")["cameras"], name_of(choice));
      }
      const auto as_photographed_by = fmt::format("{}-given-stated", name_of(choice));
      EXPECT_TRUE(direct(folder_ / fmt::format("{}-{}-stated", name_of(choice), name_of(deliver)),
                         folder_ / as_photographed_by) == first)
          << name_of(choice) << ", " << name_of(deliver);
      // The canonical turntable may be the one that is delivered anyway.
      if (deliver == Delivery::canonical && choice == CameraSource::turntable) continue;
      for (const std::string& other : different) EXPECT_TRUE(other != first) << name_of(choice) << name_of(deliver);
      different.push_back(first);
    }
  }
}

// Neither a hidden picture nor cameras that were once estimated with its help reach the result.
TEST_F(Complete, HiddenViewsTakeNoPartInTheEstimate) {
  const LoadedModel model = small_model();
  const fs::path in = write_uneven_photographs(folder_ / "in", false);
  const auto run = [&](const std::string& name) {
    CompleteOptions options = steps(1);
    options.hide = {90, 225};
    options.deliver = Delivery::canonical;
    complete_folder(model, in, folder_ / name, options);
    return read_file(folder_ / name / "transforms.json") + file(folder_ / name, 2) + file(folder_ / name, 0);
  };
  const std::string before = run("a");
  const ViewSet all = read_view_set(in);
  write_stabilised(all, stabilise_set(all), in);
  EXPECT_TRUE(run("b") == before);
  for (const char* name : {"090.png", "225.png"}) {
    cv::Mat picture = read_picture(in / name);
    cv::resize(picture(cv::Rect(20, 10, 80, 60)), picture, picture.size());
    write_png(in / name, picture);
  }
  EXPECT_TRUE(run("c") == before);
}

TEST_F(Complete, DeliversOneTurntable) {
  const LoadedModel model = small_model();
  const fs::path in = write_uneven_photographs(folder_ / "in", true), out = folder_ / "out";
  CompleteOptions options = steps(1);
  options.hide = {90};
  options.deliver = Delivery::canonical;
  EXPECT_EQ(complete_folder(model, in, out, options).deliver, Delivery::canonical);
  const ViewSet set = read_view_set(out), before = read_view_set(in);
  const Json root = read_json(out / "transforms.json");
  EXPECT_EQ(root["deliver"], "canonical");
  EXPECT_TRUE(root.contains("fl_x")) << "one focal length for all";
  const auto box = [](const cv::Mat& rgba) {
    cv::Mat alpha;
    cv::extractChannel(rgba, alpha, 3);
    return cv::boundingRect(cv::Mat(alpha >= 128));
  };
  int moved = 0;
  for (int slot = 0; slot < 8; ++slot) {
    const Frame& frame = *set.frame_at(slot);
    const Direction direction = viewing_direction(*frame.camera);
    EXPECT_NEAR(direction.azimuth_deg, 45.0 * slot, 1e-6);
    EXPECT_NEAR(direction.elevation_deg, viewing_direction(*set.frame_at(0)->camera).elevation_deg, 1e-6);
    EXPECT_EQ(frame.camera->cx, 60);
    if (slot == 2) continue;
    // As photographed by the camera that transforms.json states.
    const cv::Rect got = box(read_picture(out / frame.file_path)),
                   expected = box(test::render_tiny_vehicle(*frame.camera, 1));
    EXPECT_NEAR(got.width, expected.width, 2) << slot;
    EXPECT_NEAR(got.x + got.width / 2.0, expected.x + expected.width / 2.0, 1) << slot;
    EXPECT_NEAR(got.br().y, expected.br().y, 1) << slot;
    moved += std::abs(box(read_picture(in / frame.file_path)).br().y - expected.br().y) > 2;
  }
  EXPECT_GT(moved, 2) << "the photographs were uneven";
  options.hide = {};
  EXPECT_EQ(complete_folder(model, in, folder_ / "all", options).generated.size(), 0u);
  EXPECT_NE(file(folder_ / "all", 4), file(in, 4)) << "a full set is put on one turntable too";
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
  EXPECT_EQ(keys(to_json(done)), (std::vector<std::string>{"out", "id", "given", "generated", "evidence", "cameras",
                                                           "deliver", "seconds", "model"}));
  EXPECT_EQ(to_json(done)["generated"], Json::array());
  EXPECT_EQ(to_json(done)["given"].dump(), "[0.0,45.0]");
  done.stabilisation.emplace();
  done.sampler.emplace();
  done.matte_residual = 0.5;
  EXPECT_EQ(keys(to_json(done)),
            (std::vector<std::string>{"out", "id", "given", "generated", "evidence", "cameras", "deliver",
                                      "stabilisation", "seconds", "sampler", "seed", "matte_residual", "model"}));
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
  for (const char* name : {"front.png", "090 copy.png", "180.heic"}) {
    write_file_atomic(in / name, read_file(in / "090.png"));
    expect_error(ExitCode::runtime, {name, "--skip-unread"}, [&] {
      CompleteOptions options = steps(1);
      options.replace = true;
      complete_folder(model, in, out, options);
    });
    fs::remove(in / name);
  }
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

// What is scored at the photographs' size is what a user receives.
TEST_F(Complete, DeliversWhatIsScoredAtPhotoSize) {
  const LoadedModel model = small_model();
  const fs::path in = write_uneven_photographs(folder_ / "in", false);
  CompleteOptions options = steps(2, 5);
  options.hide = {45, 180};
  complete_folder(model, in, folder_ / "out", options);

  SampleSpec spec;
  spec.references.set();
  for (const std::size_t slot : {1, 4}) {
    spec.references.reset(slot);
    spec.targets.set(slot);
  }
  const PhotoSample sample = photo_sample(read_view_set(in), spec, model.config.data.turntable.turntable);
  ASSERT_TRUE(shows_more(sample.set, model.config.data));
  const SlotWarps warps = warp_photos(sample.set, sample.pictures);
  const GeneratedViews scored = photo_views(model, sample.set, sample.pictures, options.runner, &warps);
  ASSERT_EQ(scored.views.size(), 2U);
  for (const GeneratedView& view : scored.views) {
    const cv::Mat delivered = read_picture(folder_ / fmt::format("out/{:03}.png", 45 * view.slot));
    EXPECT_EQ(cv::norm(delivered, view.picture, cv::NORM_INF), 0) << view.slot;
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

TEST_F(Complete, RefusesCamerasInAnotherUnit) {
  const LoadedModel model = small_model();
  const fs::path in = write_uneven_photographs(folder_ / "in", true);
  ViewSet set = read_view_set(in);
  for (Frame& frame : set.frames) frame.camera->vehicle_from_camera.topRightCorner<3, 1>() *= 4.5;  // metres
  write_transforms(set);
  CompleteOptions options = steps(1);
  options.hide = {45, 180};
  expect_error(ExitCode::runtime, {"about 4.", "units long", "--cameras estimated"},
               [&] { complete_folder(model, in, folder_ / "out", options); });
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  options.cameras = CameraSource::estimated;
  EXPECT_EQ(complete_folder(model, in, folder_ / "out", options).generated.size(), 2U);
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
