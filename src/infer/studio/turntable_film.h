// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/files/files.h"
#include "data/films/film_writer.h"

namespace spinfill {

struct TurntableFilmOptions {
  std::vector<FilmFormat> formats;  // of films that are made beside the pictures
  double seconds = 6;               // of one turn
  int pictures_per_second = 25;     // of MP4
  int width = 0;                    // px; 0: the pictures', at most 1920 of MP4, 640 of GIF
};
// Exit 2: out of range.
void check_film_options(const TurntableFilmOptions& options);

// One turn of a spin, at the same pace however its views lie.
class TurntableFilms {
 public:
  TurntableFilms(const TurntableFilmOptions& options, int width, int height);
  // Views in their order: 8-bit opaque RGBA, seen until this share of the turn.
  void add(const cv::Mat& rgba, double until);
  // spin.mp4, spin.gif; with the mark of machine-made pictures where `marked`. Their names.
  std::vector<std::string> write(const fs::path& folder, bool marked);

 private:
  TurntableFilmOptions options_;
  std::vector<std::unique_ptr<FilmWriter>> writers_;  // by format
};

}  // namespace spinfill
