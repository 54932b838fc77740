// SPDX-License-Identifier: Apache-2.0
#include "infer/studio/turntable_film.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "data/pictures/xmp.h"

namespace spinfill {
namespace {

constexpr int kMp4Width = 1920, kGifWidth = 640;  // px, at most unless asked for

}  // namespace

void check_film_options(const TurntableFilmOptions& o) {
  if (!(o.seconds >= 0.5 && o.seconds <= 120))
    fail_usage("--film-seconds {}: give a number from 0.5 to 120", o.seconds);
  if (o.pictures_per_second < 1 || o.pictures_per_second > 60)
    fail_usage("--film-fps {}: give a number from 1 to 60", o.pictures_per_second);
  if (o.width != 0 && (o.width < 32 || o.width > kMaxFilmSide))
    fail_usage("--film-width {}: from 32 to {} px", o.width, kMaxFilmSide);
  if (std::set(o.formats.begin(), o.formats.end()).size() != o.formats.size()) fail_usage("--film: names one twice");
}

TurntableFilms::TurntableFilms(const TurntableFilmOptions& options, int width, int height) : options_(options) {
  for (const FilmFormat format : options.formats) {
    const int most = format == FilmFormat::mp4 ? kMp4Width : kGifWidth;
    writers_.push_back(std::make_unique<FilmWriter>(
        FilmOptions{format, width, height, options.width > 0 ? options.width : std::min(width, most), options.seconds,
                    options.pictures_per_second}));
  }
}

void TurntableFilms::add(const cv::Mat& rgba, double until) {
  for (const auto& writer : writers_) writer->add(rgba, until * options_.seconds);
}

std::vector<std::string> TurntableFilms::write(const fs::path& folder, bool marked) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < writers_.size(); ++i) {
    const std::string film = writers_[i]->finish();
    names.push_back("spin." + std::string(name_of(options_.formats[i])));
    write_file_atomic(folder / names.back(), marked ? with_xmp(film, machine_made_xmp()) : film);
  }
  return names;
}

}  // namespace spinfill
