// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/report.h"

#include <gtest/gtest.h>

#include <utility>

#include <opencv2/imgproc.hpp>

#include "data/walkaround/common_frame.h"

namespace spinfill {
namespace {

WalkaroundReport report_of(const std::vector<double>& azimuths_deg) {
  WalkaroundReport report;
  for (const double azimuth : azimuths_deg) {
    PhotographReport one;
    one.file = std::to_string(report.photographs.size());
    one.fate = PhotographFate::spare;
    one.azimuth_deg = azimuth;
    one.confidence = 0.9;
    one.quality = 1 - std::abs(std::remainder(azimuth, 45)) / 45;
    report.photographs.push_back(one);
  }
  choose_views(report, /*with_further=*/true);
  return report;
}

TEST(WalkaroundReport, TheBestOfEachPrimaryViewIsUsed) {
  WalkaroundReport report = report_of({30, 44, 350, 1, 100, 180});
  EXPECT_EQ(report.used_deg(), (std::vector<double>{1, 44, 100, 180}));
  EXPECT_EQ(report.photographs[0].fate, PhotographFate::further);
  EXPECT_EQ(report.photographs[0].why, "");
  choose_views(report);
  EXPECT_EQ(report.photographs[0].fate, PhotographFate::spare);
  report.photographs[0].why.clear();
  report.photographs[0].confidence = 0.6;
  choose_views(report, true);
  EXPECT_EQ(report.photographs[0].fate, PhotographFate::spare);
  EXPECT_EQ(report.photographs[0].why, "1 shows the view at 45 degrees better");
  report.photographs[0].confidence = 0.9;
  report.photographs[0].verdict = PhotographVerdict::retake;
  choose_views(report, true);
  EXPECT_EQ(report.photographs[0].fate, PhotographFate::spare);
  EXPECT_EQ(report_of({42, 45}).photographs[0].fate, PhotographFate::spare) << "nearly the same view";
  EXPECT_EQ(to_json(report)["photographs"][2]["fate"], "further");
}

// Phones take several from one place: those beside the chosen ones must not show the same, to the bit even.
TEST(WalkaroundReport, FurtherOnesShowSomethingElseThanEachOther) {
  WalkaroundReport report = report_of({0, 9.317, 9.317, 12, 16, 90, 180});
  using enum PhotographFate;
  std::vector<PhotographFate> fates;
  for (const PhotographReport& one : report.photographs) fates.push_back(one.fate);
  EXPECT_EQ(fates, (std::vector{used, further, spare, spare, further, used, used}));
  EXPECT_EQ(report.photographs[2].why, "1 shows nearly the same");
  report.photographs[2].quality = report.photographs[1].quality + 1;
  choose_views(report, true);
  EXPECT_EQ(report.photographs[1].fate, spare);
  EXPECT_EQ(report.photographs[2].fate, further);
}

// Of two that can be relied upon the nearer one stands for the primary view and the other one is not lost; a doubtful
// one, or one that should be taken again, stands for it only where there is no other.
TEST(WalkaroundReport, TheNearestGoodOneStandsForItsPrimaryView) {
  WalkaroundReport report = report_of({57, 37, 190});
  const auto choose_with = [&](double far, double near, PhotographVerdict nearest = PhotographVerdict::ok) {
    const double confidences[] = {far, near, 0.9};
    for (std::size_t i = 0; i < 3; ++i) {
      report.photographs[i].confidence = confidences[i];
      report.photographs[i].quality = confidences[i] - (i == 0 ? 12 : 8) / 45.0;
    }
    report.photographs[1].verdict = nearest;
    choose_views(report, true);
    return std::pair(report.photographs[0].fate, report.photographs[1].fate);
  };
  using enum PhotographFate;
  EXPECT_EQ(choose_with(0.99, 0.88), std::pair(further, used));
  EXPECT_EQ(choose_with(0.99, 0.65), std::pair(used, spare));
  EXPECT_EQ(choose_with(0.99, 0.88, PhotographVerdict::retake), std::pair(used, spare));
  EXPECT_EQ(choose_with(0.55, 0.65), std::pair(spare, used));
  EXPECT_EQ(choose_with(0.69, 0.55), std::pair(used, spare));
}

// What stands for a view though it should be taken again is a warning; of others it is said by the way.
TEST(WalkaroundReport, WarnsOfWhatShouldBeTakenAgainAndIsUsed) {
  WalkaroundReport report = report_of({0, 90, 91, 180});
  for (const std::size_t i : {1U, 2U}) {
    report.photographs[i].verdict = PhotographVerdict::retake;
    report.photographs[i].why = "the vehicle reaches the border";
  }
  choose_views(report, true);
  testing::internal::CaptureStderr();
  tell(report);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("warning: 1: 90 degrees, confidence 0.90, used for want of a better one: the vehicle reaches"),
            std::string::npos)
      << said;
  EXPECT_EQ(said.find("warning: 2"), std::string::npos) << said;
}

TEST(WalkaroundReport, GapsGoRoundTheVehicle) {
  EXPECT_EQ(widest_gap({10, 350}), 340);
  EXPECT_EQ(widest_gap({0, 90, 180, 270}), 90);
  EXPECT_EQ(widest_gap({350, 100, 200}), 150);
  EXPECT_EQ(widest_gap({5}), 360);
}

TEST(WalkaroundReport, SaysWhyNoSpinCanBeMade) {
  EXPECT_FALSE(why_no_spin(report_of({0, 90, 180, 270}), 3));
  EXPECT_FALSE(why_no_spin(report_of({0, 90, 180}), 3));
  EXPECT_NE(why_no_spin(report_of({45, 90, 135}), 3)->find("one side"), std::string::npos);
  EXPECT_NE(why_no_spin(report_of({0, 180}), 3)->find("3 are needed"), std::string::npos);
  EXPECT_NE(why_no_spin(report_of({}), 3)->find("no vehicle"), std::string::npos);
}

TEST(WalkaroundReport, TellsInteriorsAndTwoVehiclesFromTooFewViews) {
  const auto spoil = [](WalkaroundReport report, std::size_t count, Trouble trouble, double confidence) {
    for (std::size_t i = 0; i < report.photographs.size(); ++i) {
      PhotographReport& one = report.photographs[i];
      one.confidence = confidence;
      if (i >= count) continue;
      one.fate = PhotographFate::refused;
      one.verdict = PhotographVerdict::ignored;
      one.trouble = trouble;
    }
    choose_views(report);
    return why_no_spin(report, 3).value_or("");
  };
  const WalkaroundReport all = report_of({0, 45, 90, 135, 180, 225, 270, 315});
  EXPECT_NE(spoil(all, 2, Trouble::other_vehicle, 0.9).find("two vehicles, or more, are mixed: 2 of 8"),
            std::string::npos);
  EXPECT_NE(spoil(all, 2, Trouble::other_vehicle, 0.9).find("(0, 1)"), std::string::npos);
  EXPECT_EQ(spoil(all, 1, Trouble::other_vehicle, 0.9), "");
  const std::string inside = spoil(all, 5, Trouble::no_vehicle, 0.9);
  EXPECT_NE(inside.find("5 of 8 photographs (5 × no vehicle): interiors and details make no spin"), std::string::npos)
      << inside;
  EXPECT_EQ(spoil(all, 3, Trouble::blurred, 0.9), "");  // sure of the others
  EXPECT_NE(spoil(all, 3, Trouble::not_told, 0.6).find("interiors"), std::string::npos);
}

TEST(CommonFrames, TheVehicleIsEverywhereAsHighAndInTheMiddle) {
  std::vector<cv::Mat> crops;
  const std::vector<cv::Size> sizes = {{300, 100}, {80, 60}, {210, 160}};
  for (const cv::Size& size : sizes) {
    cv::Mat rgba(400, 500, CV_8UC4, cv::Scalar(10, 20, 30, 0));
    const cv::Rect box(cv::Point(30, 70), size);
    rgba(box).setTo(cv::Scalar(200, 100, 50, 255));
    crops.push_back(vehicle_crop(rgba, box));
    EXPECT_LT(crops.back().cols, size.width + 40);
  }
  const std::vector<cv::Mat> frames = common_frames(crops);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ASSERT_EQ(frames[i].size(), frames[0].size());
    cv::Mat alpha;
    cv::extractChannel(frames[i], alpha, 3);
    const cv::Rect box = cv::boundingRect(cv::Mat(alpha >= 128));
    EXPECT_NEAR(box.height, 100, 2.5);  // the median's
    EXPECT_NEAR(box.width, 100.0 * sizes[i].width / sizes[i].height, 3);
    EXPECT_NEAR(box.x + box.width / 2.0, frames[i].cols / 2.0, 1.5);
    EXPECT_NEAR(box.y + box.height / 2.0, frames[i].rows / 2.0, 1.5);
  }
}

}  // namespace
}  // namespace spinfill
