// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <opencv2/core/mat.hpp>

#include "core/config/named.h"

namespace spinfill {

// Films of pictures, by ffmpeg's libraries (libavfilter, libavcodec, libavformat).

enum class FilmFormat {
  mp4,  // H.264 of 4:2:0, its index before the pictures: plays while it loads, in every browser
  gif,  // one palette made of all pictures, error diffusion; plays for ever
};
template <>
inline constexpr Named<FilmFormat> kNamesOf<FilmFormat>[] = {{FilmFormat::mp4, "mp4"}, {FilmFormat::gif, "gif"}};

inline constexpr int kMaxFilmSide = 4096;  // px, what browsers decode

struct FilmOptions {
  FilmFormat format = FilmFormat::mp4;
  int width = 0, height = 0;         // px of what is added
  int film_width = 0;                // px; the height follows. MP4 is even, either way
  double seconds = 0;                // of the whole film, at least
  int pictures_per_second = 25;      // of MP4; a GIF holds each picture once
  double constant_rate_factor = 18;  // of H.264: the quality, 0 (best) to 51
};

// Same pictures, same bytes: no dates, one thread.
class FilmWriter {
 public:
  // Exit 3: this machine's libavcodec has no such encoder; a size that is not held.
  explicit FilmWriter(const FilmOptions& options);
  ~FilmWriter();
  FilmWriter(const FilmWriter&) = delete;
  FilmWriter& operator=(const FilmWriter&) = delete;
  // An opaque picture, 8-bit RGBA, that is seen up to `until` seconds from the film's begin. A GIF keeps it in memory,
  // of the film's size.
  void add(const cv::Mat& rgba, double until);
  std::string finish();  // the file's bytes

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spinfill
