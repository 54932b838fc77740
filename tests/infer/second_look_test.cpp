// SPDX-License-Identifier: Apache-2.0
#include "infer/second_look.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "data/sets/set_pictures.h"
#include "data/walkaround/common_frame.h"
#include "data/walkaround/masked_photographs.h"
#include "infer/references.h"
#include "infer/walkaround_set.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

const cv::Scalar kBackdrop(255, 0, 255), kMarker(0, 255, 255);

// Finds what is not backdrop; where the marker stands upright at the left of what it is shown it misses the upper half.
class BlindSegmenter final : public Segmenter {
 public:
  explicit BlindSegmenter(bool always) : always_(always) {}
  cv::Mat saliency(const cv::Mat& rgb) const override {
    cv::Mat backdrop, marker, out;
    cv::inRange(rgb, kBackdrop, kBackdrop, backdrop);
    cv::inRange(rgb, kMarker, kMarker, marker);
    cv::Mat(~(backdrop | marker)).convertTo(out, CV_32F, 1 / 255.0);
    const cv::Rect seen = cv::boundingRect(marker), vehicle = cv::boundingRect(out > 0.5F);
    if (!seen.empty() && (always_ || seen.x < rgb.cols / 2)) out.rowRange(0, vehicle.y + vehicle.height / 2).setTo(0);
    return out;
  }
  std::string identity() const override { return "blind"; }

 private:
  bool always_;
};

enum class Blind { never, at_first, always };

// Eight opaque photographs of a tiny vehicle, the fourth with the marker unless nobody is blind.
struct Walk {
  explicit Walk(Blind blind = Blind::at_first)
      : segmenter(folder.path(),
                  [blind](const fs::path&) { return std::make_unique<BlindSegmenter>(blind == Blind::always); }) {
    const ViewSet set = test::write_tiny_set(folder.path() / "set", {.width = 240, .height = 160});
    make_folder(folder.path() / "photographs");
    make_folder(references());
    for (const Frame& frame : set.frames) {
      const cv::Mat rgba = read_masked_picture(set, frame);
      cv::Mat picture(rgba.size(), CV_8UC3, kBackdrop), alpha, colour;
      cv::cvtColor(rgba, colour, cv::COLOR_RGBA2RGB);
      cv::extractChannel(rgba, alpha, 3);
      colour.copyTo(picture, alpha >= 128);
      if (frame.slot() == 3 && blind != Blind::never) cv::rectangle(picture, {0, 0, 6, 6}, kMarker, cv::FILLED);
      const std::string name = fmt::format("{}.png", frame.slot());
      write_png(folder.path() / "photographs" / name, picture);
      PhotographReport& one = report.photographs.emplace_back();
      one.file = one.reference = name;
      one.fate = PhotographFate::used;
      one.azimuth_deg = frame.azimuth_deg;
    }
    listed = list_photographs(folder.path() / "photographs", Links::stay_inside);
    crops.resize(report.photographs.size());
    for (std::size_t i = 0; i < crops.size(); ++i) cut_out(i);
    write_walkaround_set(report, crops, references());
  }
  void cut_out(std::size_t i) {
    PhotographReport& one = report.photographs[i];
    const MaskedPhotograph masked = masked_photograph(one.file, read_picture(listed.path(one.file)), segmenter);
    crops[i] = vehicle_crop(masked.rgba(), masked.mask.box);
    one.preview = masked.rgb;
    one.mask = masked.mask.alpha;
  }
  // Something behind a photograph's vehicle, beside its roof.
  void park_behind(std::size_t i) {
    const fs::path file = folder.path() / "photographs" / report.photographs[i].file;
    cv::Mat picture;
    cv::cvtColor(read_picture(file), picture, cv::COLOR_RGBA2RGB);
    const cv::Rect box = cv::boundingRect(cv::Mat(report.photographs[i].mask >= kSeenAlpha));
    const cv::Rect behind(box.x - 4, box.y + 2, 44, 24);
    cv::Mat backdrop;
    cv::inRange(picture(behind), kBackdrop, kBackdrop, backdrop);
    picture(behind).setTo(cv::Scalar(30, 200, 60), backdrop);
    write_png(file, picture);
    cut_out(i);
    write_walkaround_set(report, crops, references());
  }
  std::optional<FirstLook> found() const { return first_look(references()); }
  std::optional<FirstLook> look() { return look_again(report, crops, listed, segmenter, references(), found()); }
  fs::path references() const { return folder.path() / "references"; }
  std::string file(const std::string& name) const { return read_file(references() / name); }

  test::TemporaryFolder folder;
  LazySegmenter segmenter;
  Photographs listed;
  WalkaroundReport report;
  std::vector<cv::Mat> crops;
};

TEST(SecondLook, MendsAMaskThatContradictsTheOthers) {
  Walk walk;
  const int before = walk.crops[3].rows;
  const std::vector<cv::Mat> kept = walk.crops;
  const auto found = walk.look();
  EXPECT_GT(walk.crops[3].rows, before * 3 / 2);
  EXPECT_GT(cv::countNonZero(walk.report.photographs[3].mask), 3 * before * before / 2);
  EXPECT_NE(walk.report.photographs[3].why.find("made again"), std::string::npos);
  for (const std::size_t i : {0, 1, 2, 4, 5, 6, 7}) {
    EXPECT_EQ(walk.crops[i].data, kept[i].data) << i;
    EXPECT_TRUE(walk.report.photographs[i].why.empty()) << i;
  }
  // What it found is what completing finds.
  const ViewSet set = read_references(walk.references());
  const Stabilisation estimate = stabilise_set(set);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->estimate.views.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i)
    EXPECT_EQ(found->estimate.views[i].camera.vehicle_from_camera, estimate.views[i].camera.vehicle_from_camera) << i;
  EXPECT_EQ(found->odd.size(), 8U);
  EXPECT_TRUE(std::ranges::none_of(found->odd[3], is_of_mask));
  // What lies in the folder is what is kept.
  const std::string written = walk.file("3.png");
  write_walkaround_set(walk.report, walk.crops, walk.references());
  EXPECT_EQ(walk.file("3.png"), written);
}

// What is read here is read again, and told, when the spin is completed.
TEST(SecondLook, TellsNothingOfTheSet) {
  Walk walk(Blind::always);
  walk.report.photographs[2].azimuth_deg = 101;
  PhotographReport& more = walk.report.photographs.emplace_back(walk.report.photographs[4]);
  more.azimuth_deg = 170;
  more.reference = "more.png";
  more.fate = PhotographFate::further;
  walk.crops.push_back(walk.crops[4]);
  write_walkaround_set(walk.report, walk.crops, walk.references());
  testing::internal::CaptureStderr();
  walk.look();
  const std::string said = testing::internal::GetCapturedStderr();
  for (const char* line : {"nearest primary views", "further photographs"})
    EXPECT_EQ(said.find(line), std::string::npos) << said;
}

TEST(SecondLook, LeavesWhatNoLookMends) {
  Walk walk(Blind::always);
  const std::string before = walk.file("3.png");
  const uchar* crop = walk.crops[3].data;
  walk.look();
  EXPECT_EQ(walk.crops[3].data, crop);
  EXPECT_EQ(walk.file("3.png"), before);
  EXPECT_TRUE(walk.report.photographs[3].why.empty());
}

TEST(SecondLook, LeavesPhotographsThatCameCutOut) {
  Walk walk;
  cv::Mat rgba;
  cv::cvtColor(read_picture(walk.folder.path() / "photographs" / "3.png"), rgba, cv::COLOR_RGBA2RGB);
  cv::cvtColor(rgba, rgba, cv::COLOR_RGB2RGBA);
  rgba.at<cv::Vec4b>(0, 239)[3] = 0;
  write_png(walk.folder.path() / "photographs" / "3.png", rgba);
  const std::string before = walk.file("3.png");
  walk.look();
  EXPECT_EQ(walk.file("3.png"), before);
}

TEST(Strays, AreTakenAwayFromCropFolderAndPage) {
  Walk walk(Blind::never);
  const std::vector<cv::Mat> kept = walk.crops;
  const cv::Mat mask = walk.report.photographs[5].mask.clone();
  walk.park_behind(5);
  const int added = cv::countNonZero(walk.report.photographs[5].mask) - cv::countNonZero(mask);
  ASSERT_GT(added, 200);
  testing::internal::CaptureStderr();
  const auto found = take_strays_away(walk.report, walk.crops, walk.listed, walk.references(), walk.found());
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("5.png: no other photograph shows "), std::string::npos) << said;
  EXPECT_NE(walk.report.photographs[5].why.find("taken away"), std::string::npos);
  // On the page it is about what it was; what is as near as the others' masks can tell stays.
  const cv::Mat now = walk.report.photographs[5].mask >= kSeenAlpha;
  EXPECT_LT(cv::countNonZero(now & ~mask), 0.6 * added);
  EXPECT_LT(cv::countNonZero(mask & ~now), 20);
  for (const std::size_t i : {0, 1, 2, 3, 4, 6, 7}) EXPECT_EQ(walk.crops[i].data, kept[i].data) << i;
  // What it found is of what lies in the folder now.
  const Stabilisation estimate = stabilise_set(read_references(walk.references()));
  ASSERT_TRUE(found);
  for (std::size_t i = 0; i < 8; ++i)
    EXPECT_EQ(found->estimate.views[i].camera.vehicle_from_camera, estimate.views[i].camera.vehicle_from_camera) << i;
  const std::string written = walk.file("5.png");
  write_walkaround_set(walk.report, walk.crops, walk.references());
  EXPECT_EQ(walk.file("5.png"), written);
}

TEST(Strays, ArePartsOfPhotographsThatCameCutOut) {
  Walk walk(Blind::never);
  walk.park_behind(5);
  const fs::path file = walk.folder.path() / "photographs" / "5.png";
  cv::Mat rgba;
  cv::cvtColor(read_picture(file), rgba, cv::COLOR_RGBA2RGB);
  cv::cvtColor(rgba, rgba, cv::COLOR_RGB2RGBA);
  cv::insertChannel(walk.report.photographs[5].mask, rgba, 3);
  write_png(file, rgba);
  const std::string before = walk.file("5.png");
  take_strays_away(walk.report, walk.crops, walk.listed, walk.references(), walk.found());
  EXPECT_EQ(walk.file("5.png"), before);
  EXPECT_TRUE(walk.report.photographs[5].why.empty());
}

TEST(MaskLook, AreOfThePhotographsOwnPlaces) {
  cv::Mat photograph(120, 200, CV_8UC3, kBackdrop);
  const cv::Rect vehicle(20, 30, 90, 50);
  cv::rectangle(photograph, vehicle, cv::Scalar(20, 60, 90), cv::FILLED);
  const BlindSegmenter segmenter(false);
  const cv::Rect first = vehicle_mask(segmenter, photograph).box;
  for (const auto& [look, name] : kNamesOf<MaskLook>) {
    const VehicleMask mask = vehicle_mask(segmenter, photograph, look, first);
    EXPECT_EQ(mask.alpha.size(), photograph.size()) << name;
    EXPECT_GT((mask.box & vehicle).area(), 0.97 * (mask.box | vehicle).area()) << name;
    EXPECT_FALSE(mask.cut_off) << name;
    EXPECT_TRUE(vehicle_mask(segmenter, photograph, look, {}).box.empty()) << name;
  }
}

}  // namespace
}  // namespace spinfill
