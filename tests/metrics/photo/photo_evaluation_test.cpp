// SPDX-License-Identifier: Apache-2.0
#include "metrics/photo/photo_evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include <set>

#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "metrics/comparison.h"
#include "metrics/detail.h"
#include "metrics/report.h"
#include "support/examples.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::TemporaryFolder;

class PhotoEvaluation : public testing::Test {
 protected:
  void SetUp() override {
    test::write_tiny_data_set(folder_ / "data", 2, {.width = 240, .height = 160});
    config_.path = (folder_ / "data").string();
    config_.missing = {3};
  }
  EvaluationSet set() { return EvaluationSet(config_, {}, "test"); }
  EvaluationReport score(const PhotoPredictor& predictor, const PhotoEvaluateOptions& options = {}) {
    const EvaluationSet evaluation = set();
    return evaluate_photos(predictor, evaluation, evaluation.protocol({}, 0), nullptr, options);
  }
  // The true pictures, read behind the protocol's back.
  PhotoPredictor oracle() {
    return [this](const PhotoSample& sample, const PhotoGeometry&) {
      SlotPictures out;
      for (const Frame& asked : sample.set.missing) {
        const int slot = asked.slot();
        out[static_cast<std::size_t>(slot)] =
            read_picture(folder_ / "data" / sample.set.id / fmt::format("{:03}.png", 45 * slot));
      }
      return out;
    };
  }
  TemporaryFolder folder_;
  DataConfig config_;
};

TEST_F(PhotoEvaluation, OfTheTruthIsPerfect) {
  const EvaluationReport report = score(oracle());
  ASSERT_EQ(report.images.size(), 3U);
  for (const ImageRow& row : report.images) {
    const Scores& s = row.scores.front();
    for (const std::size_t first : {std::size_t{0}, kAligned}) {
      EXPECT_EQ(s[first], 100);
      EXPECT_NEAR(s[first + 2], 1, 1e-9);
      EXPECT_EQ(s[first + kSilhouetteIou], 1);
      EXPECT_EQ(s[first + kBoundary], 0);
    }
    EXPECT_EQ(row.photo->scale, 1);
    EXPECT_EQ(row.scores.size(), 1 + kBaselines.size());
    EXPECT_GT(row.photo->vehicle_share, 0.02);
    EXPECT_LT(row.scores[1][kSilhouetteIou], 1) << "nearest";
  }
}

TEST_F(PhotoEvaluation, TheWarpOfExactCamerasComesNearTheTruth) {
  const EvaluationReport report = score(photo_baseline("prior"));
  for (const ImageRow& row : report.images) {
    EXPECT_EQ(row.scores[0][0], row.scores[3][0]) << "the model is the baseline";
    EXPECT_GT(row.scores[0][kSilhouetteIou], row.case_name == "front/back" ? 0.88 : 0.92) << row.slot;
    EXPECT_GE(row.scores[0][kAligned], row.scores[0][0] - 0.1);
  }
}

// What the predictor is given does not depend on the targets' pictures: they can be missing, and their cameras wrong.
TEST_F(PhotoEvaluation, NothingOfATargetIsKnown) {
  const EvaluationSet evaluation = set();
  const SampleSpec& spec = evaluation.samples().front();
  const ViewSet whole = *evaluation.data().view_set(spec.set);
  for (const bool estimated : {false, true}) {
    ViewSet set = whole;
    set.cameras_estimated = estimated;
    const PhotoSample before = photo_sample(set, spec, config_.turntable.turntable);
    const SlotWarps warps = warp_photos(before.set, before.pictures);
    for (Frame& frame : set.frames) {
      if (!spec.targets[static_cast<std::size_t>(frame.slot())]) continue;
      const fs::path path = whole.folder / frame.file_path;
      if (fs::exists(path)) fs::rename(path, path.string() + ".away");
      frame.camera->fl_x *= 1.1;
      frame.camera->cx += 9;
      frame.camera->vehicle_from_camera(2, 3) += 0.1;
    }
    const PhotoSample after = photo_sample(set, spec, config_.turntable.turntable);
    const SlotWarps again = warp_photos(after.set, after.pictures);
    for (int slot = 0; slot < kSlots; ++slot) {
      const auto at = static_cast<std::size_t>(slot);
      EXPECT_EQ(before.pictures[at].empty(), !spec.references[at]);
      ASSERT_EQ(warps[at].has_value(), spec.targets[at]);
      if (!warps[at]) continue;
      EXPECT_EQ(before.set.missing_at(slot)->camera->vehicle_from_camera,
                after.set.missing_at(slot)->camera->vehicle_from_camera);
      EXPECT_EQ(cv::norm(warps[at]->colour, again[at]->colour, cv::NORM_INF), 0);
      EXPECT_EQ(cv::norm(warps[at]->alpha, again[at]->alpha, cv::NORM_INF), 0);
    }
  }
}

// As those that complete computes with: turned from the nearest one, the turntable's where none is stated or found.
TEST_F(PhotoEvaluation, EveryViewHasACamera) {
  const EvaluationSet evaluation = set();
  const SampleSpec& spec = evaluation.samples().front();
  ViewSet some = *evaluation.data().view_set(spec.set);
  for (Frame& frame : some.frames)
    if (frame.slot() % 2 == 0) frame.camera.reset();
  const PhotoSample sample = photo_sample(some, spec, config_.turntable.turntable);
  for (const auto* list : {&sample.set.frames, &sample.set.missing})
    for (const Frame& frame : *list) EXPECT_TRUE(frame.camera) << frame.azimuth_deg;
  EXPECT_EQ(sample.set.frames.size() + sample.set.missing.size(), 8U);

  ViewSet bare = some;
  for (Frame& frame : bare.frames) frame.camera.reset();
  SampleSpec none = spec;
  none.references.reset();
  const ViewSet without = photo_sample(bare, none, config_.turntable.turntable).set;
  ASSERT_FALSE(without.missing.empty());
  for (const Frame& frame : without.missing) EXPECT_TRUE(frame.camera);
}

TEST_F(PhotoEvaluation, ReferencesWithoutAMaskAreRefused) {
  const EvaluationSet evaluation = set();
  const SampleSpec& spec = evaluation.samples().front();
  const ViewSet whole = *evaluation.data().view_set(spec.set);
  for (const Frame& frame : whole.frames) {
    cv::Mat picture = read_picture(whole.folder / frame.file_path);
    picture.forEach<cv::Vec4b>([](cv::Vec4b& pixel, const int*) { pixel[3] = 255; });
    write_png(whole.folder / frame.file_path, picture);
  }
  test::expect_error(ExitCode::runtime, {"has no mask"}, [&] { score(photo_baseline("nearest")); });
}

TEST_F(PhotoEvaluation, ViewsAreAskedForAtTheirPhotographsAzimuth) {
  Json root = read_json(folder_ / "data/tiny-01/transforms.json");
  for (Json& frame : root["frames"]) {
    frame["azimuth_deg"] = frame["azimuth_deg"].get<double>() + (frame["azimuth_deg"] == 0 ? 0 : -7);
    for (const char* key : {"transform_matrix", "fl_x", "fl_y", "cx", "cy"}) frame.erase(key);
  }
  for (const char* key : {"fl_x", "fl_y", "cx", "cy"}) root.erase(key);
  write_json_atomic(folder_ / "data/tiny-01/transforms.json", root);
  int asked = 0;
  score([&](const PhotoSample& sample, const PhotoGeometry& geometry) {
    for (const Frame& frame : sample.set.missing) {
      const double stated = frame.slot() == 0 ? 0 : 45.0 * frame.slot() - 7;
      EXPECT_EQ(frame.azimuth_deg, stated);
      ++asked;
    }
    return photo_baseline("prior")(sample, geometry);
  });
  EXPECT_EQ(asked, 3);
  EXPECT_THAT(score(photo_baseline("nearest")).protocol.cameras, testing::HasSubstr("cameras estimated from the"));
}

TEST_F(PhotoEvaluation, ReportsAreReadBackAndCompared) {
  const EvaluationReport report = score(photo_baseline("prior"));
  const Json json = report_to_json(report);
  EXPECT_EQ(json["protocol"]["at"], "photo");
  EXPECT_EQ(json["protocol"]["cameras"], "cameras carried on from the references' true ones");
  EXPECT_THAT(json["protocol"]["conditions"].get<std::string>(), testing::StartsWith(report.protocol.cameras));
  EXPECT_TRUE(json["overall"].contains("aligned_silhouette_iou"));
  EXPECT_TRUE(json["overall"]["detail_psnr"].is_number());
  const Json& consistency = json["images"][0]["photo"]["geometric_consistency"];
  EXPECT_GT(consistency["views"], 0);
  EXPECT_EQ(consistency["absent"].is_string(), json["images"][0]["geometric_consistency"].is_null());
  EXPECT_EQ(report_to_json(report_from_json(json, "here")), json);
  EXPECT_THAT(report_table(report), testing::HasSubstr("aligned silhouette IoU"));
  const auto regressions = [&](const Json& after, const char* limits) {
    CompareOptions options;
    options.limits = DropLimits::parse(limits);
    options.limits_alone = true;  // few vehicles
    return compare_reports(json, "a", after, "b", options).regressions.size();
  };
  EXPECT_EQ(regressions(json, "silhouette_iou=0,boundary_px=0"), 0U);
  Json worse = json;
  for (Json& image : worse["images"]) image["boundary_px"] = image["boundary_px"].get<double>() + 1;
  EXPECT_EQ(regressions(worse, "boundary_px=0.5"), 1U);
  Json broken = json;
  broken["images"][0]["photo"]["crop"] = 7;
  test::expect_error(ExitCode::runtime, {"images[0]", "crop"}, [&] { report_from_json(broken, "here"); });
  broken = json;
  broken["images"][0]["photo"]["geometric_consistency"]["model"]["matches"] = "many";
  test::expect_error(ExitCode::runtime, {"images[0]", "geometric_consistency", "not counts"},
                     [&] { report_from_json(broken, "here"); });
  // Scores of the two protocols are not compared.
  Json of_model = json;
  of_model["protocol"].erase("at");
  test::expect_error(ExitCode::usage, {"at"}, [&] { compare_reports(json, "a", of_model, "b"); });
}

// What a model says of where its pixels are from is scored with them, and read back.
TEST_F(PhotoEvaluation, ErrorsAreSplitByEvidence) {
  const EvaluationReport report = score([&](const PhotoSample& sample, const PhotoGeometry& geometry) {
    PhotoPrediction out = photo_baseline("prior")(sample, geometry);
    for (const Frame& asked : sample.set.missing)
      out.shares[static_cast<std::size_t>(asked.slot())] = cv::Mat(160, 240, CV_8UC3, cv::Scalar(204, 51, 0));
    return out;
  });
  const Json json = report_to_json(report);
  EXPECT_NEAR(json["by_evidence"]["seen"]["share"].get<double>(), 0.8, 1e-9);
  EXPECT_NEAR(json["by_evidence"]["mirrored"]["share"].get<double>(), 0.2, 1e-9);
  EXPECT_EQ(json["by_evidence"]["seen"]["psnr"], json["by_evidence"]["mirrored"]["psnr"]);
  EXPECT_TRUE(json["by_evidence"]["invented"]["psnr"].is_null());
  EXPECT_EQ(report_to_json(report_from_json(json, "here")), json);
  EXPECT_THAT(report_table(report), testing::HasSubstr("seen 80.0 % at"));
  Json broken = json;
  broken["images"][0]["photo"]["evidence"]["parts"] = 3;
  test::expect_error(ExitCode::runtime, {"images[0]", "evidence.parts"}, [&] { report_from_json(broken, "here"); });
  EXPECT_FALSE(report_to_json(score(photo_baseline("prior"))).contains("by_evidence"));
}

TEST_F(PhotoEvaluation, DoesNotDependOnHowManySamplesAreScoredAtOnce) {
  config_.missing = {1, 2};
  const Json one = report_to_json(score(photo_baseline("mirror-or-prior")));
  PhotoEvaluateOptions options;
  options.at_once = 2;
  int samples = 0;
  options.on_sample = [&](const PhotoScored& scored) {
    ++samples;
    EXPECT_EQ(scored.rows.size(), scored.sample.set.missing.size());
  };
  EXPECT_EQ(report_to_json(score(photo_baseline("mirror-or-prior"), options)), one);
  EXPECT_EQ(samples, 2);
}

// Each sample is scored, and the row tells their mean; those asked for alone are those of the whole list.
TEST_F(PhotoEvaluation, SeveralSamplesAreScoredEach) {
  config_.missing = {1, 2};
  const EvaluationSet evaluation = set();
  const std::vector<PhotoPredictor> samples = {photo_baseline("prior"), photo_baseline("nearest")};
  PhotoEvaluateOptions options;
  std::vector<ImageRow> told;
  options.on_scored = [&](const Protocol& protocol, const std::vector<ImageRow>& rows) {
    EXPECT_EQ(protocol.samples, 2);
    EXPECT_EQ(protocol.lpips_absent, "not asked for");
    told.insert(told.end(), rows.begin(), rows.end());
  };
  const EvaluationReport report = evaluate_photos(samples, evaluation, evaluation.protocol({}, 0), nullptr, options);
  const EvaluationReport prior = score(samples[0]), nearest = score(samples[1]);
  ASSERT_EQ(report.images.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const ImageRow& row = report.images[i];
    for (const std::size_t k : {std::size_t{0}, kSilhouetteIou, kAligned}) {
      EXPECT_EQ(row.samples[0][k], prior.images[i].scores[0][k]);
      EXPECT_EQ(row.samples[1][k], nearest.images[i].scores[0][k]);
      EXPECT_NEAR(row.scores[0][k], (row.samples[0][k] + row.samples[1][k]) / 2, 1e-12);
    }
    EXPECT_EQ(row.scores[4][0], prior.images[i].scores[4][0]);
    EXPECT_EQ(row.photo->scale, prior.images[i].photo->scale) << "of the first";
  }
  EXPECT_EQ(told.size(), 3U);
  options.on_scored = {};
  std::vector<EvaluationReport> shares;
  for (const std::vector<std::int64_t>& share : {std::vector<std::int64_t>{1}, {}, {0}}) {
    options.samples = share;
    shares.push_back(evaluate_photos(samples, evaluation, evaluation.protocol({}, 0), nullptr, options));
    EXPECT_EQ(shares.back().protocol.subset_count, std::ssize(share));
  }
  EXPECT_EQ(report_to_json(merge(shares)), report_to_json(report));
}

TEST_F(PhotoEvaluation, FeaturesOfATruePictureAreComputedOnce) {
  config_.missing = {2, 3};
  const Lpips plain = Lpips::from_tensors(example_lpips_weights("squeeze"), "example");
  const Lpips keeping = plain.keeping_truths(std::uint64_t{64} << 20), nothing_kept = plain.keeping_truths(0);
  const EvaluationSet evaluation = set();
  const auto scored = [&](const Lpips& lpips) {
    return evaluate_photos(photo_baseline("prior"), evaluation, evaluation.protocol({}, 0), &lpips);
  };
  const EvaluationReport report = scored(keeping);
  std::set<std::string> truths;
  for (const ImageRow& row : report.images) truths.insert(row.truth_sha256);
  const std::int64_t made = keeping.truths()->made();  // of the boxes and their squares of detail
  EXPECT_GT(made, std::ssize(truths));
  EXPECT_LE(made, (1 + kDetailWindows) * std::ssize(truths));
  EXPECT_EQ(report_to_json(scored(nothing_kept)), report_to_json(report));
  EXPECT_GE(nothing_kept.truths()->made(), 2 * made) << "as they are, and aligned";
}

TEST_F(PhotoEvaluation, BadPredictionsAndTruthsAreNamed) {
  test::expect_error(ExitCode::runtime, {"tiny-01", "240x160"},
                     [&] { score([](const PhotoSample&, const PhotoGeometry&) { return SlotPictures(); }); });
  const EvaluationSet evaluation = set();
  const SampleSpec& spec = evaluation.samples().front();
  for (int slot = 0; slot < kSlots; ++slot) {
    if (!spec.targets[static_cast<std::size_t>(slot)]) continue;
    write_png(folder_ / fmt::format("data/tiny-01/{:03}.png", 45 * slot),
              cv::Mat(160, 240, CV_8UC4, cv::Scalar(9, 9, 9, 0)));
  }
  test::expect_error(ExitCode::runtime, {"tiny-01", "mask is empty"}, [&] { score(photo_baseline("nearest")); });
  test::expect_error(ExitCode::usage, {"no such baseline"}, [] { photo_baseline("priot"); });
}

TEST(ScoredBox, IsTheMasksBoxAndFourPerCent) {
  cv::Mat picture(200, 300, CV_8UC4, cv::Scalar(1, 2, 3, 0));
  picture(cv::Rect(50, 60, 100, 50)).setTo(cv::Scalar(1, 2, 3, 255));
  EXPECT_EQ(scored_box(picture), cv::Rect(46, 58, 108, 54));
  picture(cv::Rect(0, 80, 50, 1)).setTo(cv::Scalar(1, 2, 3, 127));
  EXPECT_EQ(scored_box(picture), cv::Rect(46, 58, 108, 54));
  picture(cv::Rect(0, 80, 50, 1)).setTo(cv::Scalar(1, 2, 3, 128));
  EXPECT_EQ(scored_box(picture), cv::Rect(0, 58, 156, 54));
}

}  // namespace
}  // namespace spinfill
