// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "data/films/film_reader.h"
#include "data/films/film_writer.h"
#include "data/pictures/xmp.h"
#include "support/mutate.h"
#include "support/support.h"

namespace spinfill {
namespace {

constexpr int kWidth = 160, kHeight = 96;

// A white square on a colour, at a place that tells which picture it is.
cv::Mat picture(int i) {
  cv::Mat out(kHeight, kWidth, CV_8UC4, cv::Scalar(200, 60 + 20 * i, 30, 255));
  out(cv::Rect(10 + 15 * i, 20, 12, 30)).setTo(cv::Scalar(250, 250, 250, 255));
  return out;
}

std::string film(FilmFormat format, int width = 0, int pictures = 6) {
  FilmOptions options{format, kWidth, kHeight, width, 0.4 * pictures, 25};
  FilmWriter writer(options);
  for (int i = 0; i < pictures; ++i) writer.add(picture(i), 0.4 * (i + 1));
  return writer.finish();
}

TEST(Film, AnMp4IsReadBackAsItWasWritten) {
  const test::TemporaryFolder folder;
  const std::string bytes = film(FilmFormat::mp4);
  EXPECT_LT(bytes.find("moov"), bytes.find("mdat")) << "plays while it loads";
  EXPECT_EQ(bytes, film(FilmFormat::mp4)) << "same pictures, same bytes";
  EXPECT_TRUE(is_film(bytes));
  write_file_atomic(folder / "film.mp4", bytes);
  EXPECT_TRUE(is_film_file(folder / "film.mp4"));
  FilmReader reader(folder / "film.mp4");
  EXPECT_EQ(reader.width(), kWidth);
  EXPECT_EQ(reader.expected(), 60);
  EXPECT_EQ(reader.height(), kHeight);
  int count = 0;
  for (; reader.next(); ++count) {
    const cv::Mat rgb = reader.picture();
    EXPECT_NEAR(reader.seconds(), count / 25.0, 1e-3);
    cv::Mat wanted;
    cv::cvtColor(picture(count / 10), wanted, cv::COLOR_RGBA2RGB);
    EXPECT_LT(cv::norm(rgb, wanted, cv::NORM_L1) / static_cast<double>(wanted.total() * 3), 4) << count;
  }
  EXPECT_EQ(count, 60);
}

TEST(Film, AGifLoopsWithTheTimesOfItsPictures) {
  const std::string bytes = film(FilmFormat::gif, 80);
  EXPECT_EQ(bytes.substr(0, 6), "GIF89a");
  EXPECT_EQ(bytes, film(FilmFormat::gif, 80));
  EXPECT_NE(bytes.find(std::string("NETSCAPE2.0\x03\x01\0\0", 15)), bytes.npos) << "for ever";
  int pictures = 0;
  const std::string control("\x21\xF9\x04", 3);
  for (std::size_t at = bytes.find(control); at != bytes.npos; at = bytes.find(control, at + 1), ++pictures)
    EXPECT_EQ(static_cast<unsigned char>(bytes[at + 4]), 40) << "hundredths of a second";
  EXPECT_EQ(pictures, 6);
}

TEST(Film, HoldsMetadata) {
  const test::TemporaryFolder folder;
  for (const FilmFormat format : {FilmFormat::mp4, FilmFormat::gif}) {
    const std::string bytes = film(format), marked = with_xmp(bytes, machine_made_xmp());
    EXPECT_EQ(xmp_of(bytes), "");
    EXPECT_EQ(xmp_of(marked), machine_made_xmp()) << name_of(format);
  }
  write_file_atomic(folder / "film.mp4", with_xmp(film(FilmFormat::mp4), machine_made_xmp()));
  FilmReader reader(folder / "film.mp4");
  int count = 0;
  while (reader.next()) ++count;
  EXPECT_EQ(count, 60);
}

TEST(Film, IsTurnedUprightAsItAsksFor) {
  const test::TemporaryFolder folder;
  std::string bytes = film(FilmFormat::mp4);
  // The matrix of the track's header, ISO/IEC 14496-12 §8.3.2: a quarter turn clockwise.
  const std::size_t matrix = bytes.find("tkhd") + 4 + 40;
  const std::string one("\0\1\0\0", 4), none(4, '\0'), minus("\xFF\xFF\0\0", 4);
  bytes.replace(matrix, 24, none + one + none + minus + none + none);
  write_file_atomic(folder / "film.mov", bytes);
  FilmReader reader(folder / "film.mov");
  EXPECT_EQ(reader.width(), kHeight);
  EXPECT_EQ(reader.height(), kWidth);
  ASSERT_TRUE(reader.next());
  const cv::Mat rgb = reader.picture();
  cv::Mat wanted;
  cv::cvtColor(picture(0), wanted, cv::COLOR_RGBA2RGB);
  cv::rotate(wanted, wanted, cv::ROTATE_90_CLOCKWISE);
  ASSERT_EQ(rgb.size(), wanted.size());
  EXPECT_LT(cv::norm(rgb, wanted, cv::NORM_L1) / static_cast<double>(wanted.total() * 3), 4);
  EXPECT_EQ(reader.picture(48).size(), cv::Size(48, 80));
}

TEST(Film, BadFilesAreOneLine) {
  const test::TemporaryFolder folder;
  const auto refuse = [&](const std::string& bytes, const std::vector<std::string>& texts) {
    write_file_atomic(folder / "bad.mp4", bytes);
    test::expect_error(ExitCode::runtime, texts, [&] {
      FilmReader reader(folder / "bad.mp4");
      while (reader.next()) {
      }
    });
  };
  const std::string whole = film(FilmFormat::mp4);
  refuse("no film", {"bad.mp4", "no MP4"});
  refuse(whole.substr(0, 300), {"bad.mp4"});
  refuse(whole.substr(0, whole.find("mdat") + (whole.size() - whole.find("mdat")) / 2), {"bad.mp4", "cut short"});
  refuse(film(FilmFormat::gif), {"bad.mp4"});
  std::string long_film = whole;  // of 40 days
  long_film.replace(long_film.find("mvhd") + 4 + 16, 4, "\x7F\xFF\xFF\xFF");
  refuse(long_film, {"bad.mp4"});
  std::string sound = whole;
  sound.replace(sound.find("vide"), 4, "soun");
  refuse(sound, {"bad.mp4", "no pictures"});
  test::expect_error(ExitCode::runtime, {"8x8"}, [] { FilmWriter({FilmFormat::mp4, 8, 8, 0, 1}); });
}

TEST(Film, DamagedFilesNeverCrash) {
  const test::TemporaryFolder folder;
  test::mutate_and_try(film(FilmFormat::mp4, 48, 2), [&](std::string_view bytes) {
    write_file_atomic(folder / "film.mp4", bytes);
    FilmReader reader(folder / "film.mp4");
    for (int i = 0; i < 60 && reader.next(); ++i) reader.picture(32);
  });
}

}  // namespace
}  // namespace spinfill
