// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include <opencv2/core/mat.hpp>

#include "data/pictures/dynamic_range.h"

namespace spinfill {

inline constexpr double kLongestFilm = 600;  // seconds
inline constexpr std::int64_t kMostFilmPictures = 40000;
inline constexpr std::int64_t kMostFilmPixels = 40'000'000;  // of a picture: more than 8K

// Whether a file begins as MP4 or MOV do, and not as HEIC and AVIF.
bool is_film(std::string_view bytes);
bool is_film_file(const std::filesystem::path& file);

// The pictures of an MP4 or MOV, one after another, decoded by ffmpeg's libraries. What the file says of other files is
// not followed.
class FilmReader {
 public:
  // Exit 3, one line: no film, damaged, without pictures, of a size, length or kind that is not read (Dolby Vision
  // without a picture for other players).
  explicit FilmReader(const std::filesystem::path& file);
  ~FilmReader();
  FilmReader(const FilmReader&) = delete;
  FilmReader& operator=(const FilmReader&) = delete;

  int width() const;  // px, upright as the file asks for
  int height() const;
  std::int64_t expected() const;  // pictures that the file says it has; 0: it does not
  // Goes to the next picture; false at the end. Exit 3 where the film is cut short or damaged.
  bool next();
  // The picture, upright, at most `most_width` px wide (0: as it is): 8-bit RGB in sRGB. Of high dynamic range it is
  // converted from 16 bits (data/pictures/dynamic_range.h), of standard range its values are taken as sRGB's.
  cv::Mat picture(int most_width = 0);
  // As the file says of it (ISO/IEC 14496-12, "colr"), or else its stream.
  DynamicRange dynamic_range() const;
  double seconds() const;  // when it is seen

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spinfill
