// SPDX-License-Identifier: Apache-2.0
#include "infer/view_cameras.h"

#include <opencv2/imgproc.hpp>

#include "data/pictures/picture.h"
#include "data/sets/picture_folder.h"
#include "support/support.h"

namespace spinfill {
namespace {

// Pictures named by azimuth, without cameras: a vehicle's rough outline, or nothing but vehicle.
ViewSet photographs(const std::filesystem::path& folder, bool masked) {
  std::filesystem::create_directories(folder);
  for (const int azimuth : {0, 90, 135}) {
    cv::Mat rgba(64, 96, CV_8UC4, cv::Scalar(90, 60, 30, masked ? 0 : 255));
    const int half = azimuth == 0 ? 15 : 34;
    cv::rectangle(rgba, {48 - half, 20}, {48 + half, 44}, cv::Scalar(90, 60, 30, 255), cv::FILLED);
    write_png(folder / (fmt::format("{:03}.png", azimuth)), rgba);
  }
  return view_set_from_pictures(folder);
}

TEST(ViewCameras, AutomaticEstimatesWhatIsNotStated) {
  const test::TemporaryFolder folder;
  const ViewCameras found = choose_cameras(photographs(folder / "set", true), std::nullopt, {});
  EXPECT_EQ(found.source, CameraSource::estimated);
  EXPECT_TRUE(found.estimate.has_value());
  EXPECT_EQ(found.set.missing.size(), 5U);
}

// Without a mask nothing can be estimated: automatic says why and takes the turntable, an order to estimate fails.
TEST(ViewCameras, AutomaticFallsBackToTheTurntable) {
  const test::TemporaryFolder folder;
  const ViewSet set = photographs(folder / "set", false);
  testing::internal::CaptureStderr();
  const ViewCameras found = choose_cameras(set, std::nullopt, {});
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(found.source, CameraSource::turntable);
  EXPECT_FALSE(found.estimate.has_value());
  EXPECT_NE(said.find("no mask"), std::string::npos) << said;
  EXPECT_NE(said.find("turntable is used instead"), std::string::npos) << said;
  test::expect_error(ExitCode::runtime, {"000.png", "no mask"},
                     [&] { choose_cameras(set, CameraSource::estimated, {}); });
}

// Masks that fit together badly are told of, with the one to look at first; not where a pixel is as much.
TEST(ViewCameras, DoubtsMasksThatDoNotFitTogether) {
  const test::TemporaryFolder folder;
  const ViewSet set = photographs(folder / "set", true);
  Stabilisation estimate;
  estimate.width = 1000;
  estimate.turntable.scale = 0.6;
  for (const double miss : {0.004, 0.03, 0.002}) {
    StabilisedView& view = estimate.views.emplace_back();
    view.miss = miss;
    view.trusted = miss < 0.01;
  }
  estimate.miss = 0.0042;
  EXPECT_FALSE(doubt_of(set, estimate));
  estimate.miss = 0.0056;
  const auto doubt = doubt_of(set, estimate);
  ASSERT_TRUE(doubt);
  EXPECT_EQ(doubt->worst, set.frames[0].file_path) << "another takes no part";
  const std::string with = told_in_words(*doubt, "mine.jpg", true), without = told_in_words(*doubt, "mine.jpg", false);
  EXPECT_NE(with.find("residual 0.0056"), std::string::npos) << with;
  EXPECT_NE(with.find("generated views may be torn or bent: look at them, and at the masks, first at that of mine.jpg"),
            std::string::npos)
      << with;
  EXPECT_EQ(without.find("generated"), std::string::npos) << without;
  EXPECT_NE(without.find("look at the masks, first at that of mine.jpg"), std::string::npos) << without;
  estimate.width = 100;
  EXPECT_FALSE(doubt_of(set, estimate));
}

TEST(ViewCameras, WrongRequestsAreOneLine) {
  const test::TemporaryFolder folder;
  const ViewSet set = photographs(folder / "set", true);
  test::expect_error(ExitCode::usage, {"'guessed'", "auto"}, [] { parse_camera_choice("guessed"); });
  test::expect_error(ExitCode::usage, {"no view at 45 degrees"}, [&] { choose_cameras(set, std::nullopt, {45}); });
  test::expect_error(ExitCode::usage, {"every view is hidden"}, [&] {
    choose_cameras(set, std::nullopt, {0, 90, 135});
  });
}

}  // namespace
}  // namespace spinfill
