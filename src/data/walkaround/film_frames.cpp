// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/film_frames.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/video/tracking.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "data/films/film_reader.h"

namespace spinfill {
namespace {

constexpr double kLookedAt = 0.08;                    // seconds between pictures that are looked at
constexpr int kSharpWidth = 640, kMotionWidth = 240;  // px
constexpr int kPoints = 150;
constexpr double kFarthest = 0.2;  // of the width: more is an error of following
constexpr double kUnknown = 0.01;  // where nothing can be followed
constexpr int kJpegQuality = 97;

// A picture that was looked at.
struct Look {
  std::int64_t index = 0;
  double sharpness = 0;
  double moved = 0;  // since the first, widths
};

double sharpness_of(const cv::Mat& grey) {
  cv::Mat edges;
  cv::Laplacian(grey, edges, CV_32F);
  return cv::mean(edges.mul(edges))[0];
}

// Mean displacement from one picture to the next, widths.
double motion(const cv::Mat& before, const cv::Mat& now) {
  std::vector<cv::Point2f> from, to;
  cv::goodFeaturesToTrack(before, from, kPoints, 0.01, 5);
  if (from.empty()) return kUnknown;
  std::vector<uchar> found;
  std::vector<float> errors;
  cv::calcOpticalFlowPyrLK(before, now, from, to, found, errors);
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (found[i] == 0) continue;
    sum += std::min(kFarthest, double(std::hypot(to[i].x - from[i].x, to[i].y - from[i].y)) / now.cols);
    ++count;
  }
  return count > 0 ? sum / count : kUnknown;
}

// The sharpest of each of `most` stretches of equal motion.
std::vector<std::int64_t> spread(const std::vector<Look>& looks, int most) {
  std::vector<std::int64_t> out;
  const double all = looks.back().moved;
  const auto stretch = [&](std::size_t i) {
    const double along = all > 0 ? looks[i].moved / all : double(i) / static_cast<double>(looks.size());
    return std::min(most - 1, static_cast<int>(along * most));
  };
  std::size_t best = 0;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    if (stretch(i) == stretch(best)) {
      if (looks[i].sharpness > looks[best].sharpness) best = i;
      continue;
    }
    out.push_back(looks[best].index);
    best = i;
  }
  out.push_back(looks[best].index);
  return out;
}

std::string frame_name(const std::string& film, std::int64_t index) {
  return fmt::format("{} picture {:05}.jpg", film, index);
}

void write_chosen(const fs::path& film, const FilmFrames& frames, const fs::path& folder, int widest,
                  Photographs& photographs) {
  FilmReader reader(film);
  std::int64_t index = 0;
  for (const std::int64_t wanted : frames.chosen) {
    while (index <= wanted && reader.next()) ++index;
    cv::Mat bgr;
    cv::cvtColor(reader.picture(widest), bgr, cv::COLOR_RGB2BGR);
    std::vector<uchar> bytes;
    if (!cv::imencode(".jpg", bgr, bytes, {cv::IMWRITE_JPEG_QUALITY, kJpegQuality}))
      fail("{}: a picture of it cannot be encoded", film.string());
    const std::string name = frame_name(frames.file, wanted);
    write_file_atomic(folder / name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    photographs.files.push_back(name);
    photographs.elsewhere[name] = folder / name;
  }
}

}  // namespace

FilmFrames choose_film_frames(const fs::path& film, const FilmFrameOptions& options) {
  FilmReader reader(film);
  FilmFrames out;
  out.file = film.filename().string();
  std::vector<Look> looks;
  cv::Mat before;
  double next = -1;
  while (reader.next()) {
    if (out.pictures == 0) out.range = reader.dynamic_range();
    const std::int64_t index = out.pictures++;
    out.seconds = reader.seconds();
    if (out.seconds < next) continue;
    next = out.seconds + kLookedAt;
    cv::Mat grey, small;
    cv::cvtColor(reader.picture(kSharpWidth), grey, cv::COLOR_RGB2GRAY);
    cv::resize(grey, small, {kMotionWidth, std::max(16, kMotionWidth * grey.rows / grey.cols)}, 0, 0, cv::INTER_AREA);
    const double moved = before.empty() ? 0 : looks.back().moved + motion(before, small);
    looks.push_back({index, sharpness_of(grey), moved});
    before = small;
    if (options.progress) options.progress(out.pictures, reader.expected());
  }
  out.chosen = spread(looks, options.most);
  return out;
}

std::vector<FilmFrames> take_film_frames(Photographs& photographs, const fs::path& folder,
                                         const FilmFrameOptions& options) {
  std::vector<FilmFrames> out;
  for (const std::string& film : photographs.films) {
    const fs::path path = photographs.folder / film;
    try {
      FilmFrames frames = choose_film_frames(path, options);
      write_chosen(path, frames, folder, options.widest, photographs);
      out.push_back(std::move(frames));
    } catch (const Error& error) {
      photographs.left_out.push_back({film, why_unread(error, path)});
    }
  }
  photographs.films.clear();
  if (photographs.files.empty())
    fail("{}: {}", (photographs.folder / photographs.left_out.back().file).string(), photographs.left_out.back().why);
  return out;
}

}  // namespace spinfill
