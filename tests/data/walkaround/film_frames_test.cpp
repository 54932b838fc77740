// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/film_frames.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "core/random.h"
#include "data/films/film_writer.h"
#include "data/pictures/picture.h"
#include "support/support.h"

namespace spinfill {
namespace {

constexpr int kWidth = 240, kHeight = 160, kStill = 30, kMoving = 60;

// A window that stands still over a long picture of blocks, then glides over it; every third picture is blurred.
std::string glide(int still = kStill) {
  cv::Mat scene(kHeight, 1200, CV_8UC4, cv::Scalar(120, 130, 140, 255));
  Random random(7, 0, Stream::test);
  for (int i = 0; i < 150; ++i)
    scene(cv::Rect(static_cast<int>(random.uniform(0, 1180)), static_cast<int>(random.uniform(0, 140)), 20, 20))
        .setTo(cv::Scalar(random.uniform(0, 255), random.uniform(0, 255), random.uniform(0, 255), 255));
  FilmWriter writer(FilmOptions{FilmFormat::mp4, kWidth, kHeight, 0, (still + kMoving) / 10.0, 10});
  for (int i = 0; i < still + kMoving; ++i) {
    cv::Mat view = scene(cv::Rect(std::max(0, i - still) * 900 / kMoving, 0, kWidth, kHeight)).clone();
    if (i % 3 != 1) cv::GaussianBlur(view, view, {}, 2);
    writer.add(view, (i + 1) / 10.0);
  }
  return writer.finish();
}

TEST(FilmFrames, AreSharpAndSpreadOverTheMotion) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "walk.mp4", glide());
  FilmFrameOptions options;
  options.most = 12;
  std::int64_t told = 0;
  options.progress = [&](std::int64_t done, std::int64_t of) {
    EXPECT_EQ(of, kStill + kMoving);
    told = done;
  };
  const FilmFrames found = choose_film_frames(folder / "walk.mp4", options);
  EXPECT_EQ(told, kStill + kMoving);
  EXPECT_EQ(found.pictures, kStill + kMoving);
  EXPECT_NEAR(found.seconds, 8.9, 0.05);
  ASSERT_EQ(found.chosen.size(), 12U);
  int early = 0;
  for (std::size_t i = 0; i < found.chosen.size(); ++i) {
    EXPECT_EQ(found.chosen[i] % 3, 1) << "sharp";
    early += found.chosen[i] < kStill;
    if (i > 1) EXPECT_LE(found.chosen[i] - found.chosen[i - 1], 9) << "no gap";
  }
  EXPECT_LE(early, 2) << "standing still counts for nothing";
}

TEST(FilmFrames, BecomePhotographsBesideOthers) {
  const test::TemporaryFolder folder;
  const fs::path photos = folder / "photos", taken = folder / "taken";
  make_folder(photos);
  make_folder(taken);
  write_file_atomic(photos / "walk.MOV", glide(0));
  write_file_atomic(photos / "short.mp4", glide(0).substr(0, 2000));
  write_png(photos / "front.png", cv::Mat(64, 96, CV_8UC3, cv::Scalar(1, 2, 3)));
  Photographs listed = list_photographs(photos);
  EXPECT_EQ(listed.files, (std::vector<std::string>{"front.png"}));
  EXPECT_EQ(listed.films.size(), 2U);
  FilmFrameOptions options;
  options.most = 5;
  options.widest = 120;
  const std::vector<FilmFrames> films = take_film_frames(listed, taken, options);
  ASSERT_EQ(films.size(), 1U);
  EXPECT_EQ(films[0].file, "walk.MOV");
  ASSERT_EQ(listed.files.size(), 6U);
  EXPECT_EQ(read_picture(listed.path(listed.files[1])).size(), cv::Size(120, 80));
  EXPECT_EQ(listed.path("front.png"), photos / "front.png");
  ASSERT_EQ(listed.left_out.size(), 1U);
  EXPECT_EQ(listed.left_out[0].file, "short.mp4");
}

TEST(FilmFrames, AFilmAloneThatCannotBeReadIsOneLine) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "walk.mp4", glide(0).substr(0, 2000));
  Photographs listed = list_photographs(folder / "walk.mp4");
  EXPECT_EQ(listed.films, (std::vector<std::string>{"walk.mp4"}));
  test::expect_error(ExitCode::runtime, {"walk.mp4"}, [&] { take_film_frames(listed, folder.path()); });
  write_file_atomic(folder / "notes.txt", "neither folder nor film");
  test::expect_error(ExitCode::usage, {"notes.txt", "MP4"}, [&] { list_photographs(folder / "notes.txt"); });
}

}  // namespace
}  // namespace spinfill
