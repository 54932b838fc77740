// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/pictures/dynamic_range.h"
#include "data/walkaround/photographs.h"

namespace spinfill {

// Photographs out of a film of a walk round a vehicle.

struct FilmFrameOptions {
  int most = 24;                                                          // frames of one film
  int widest = 2000;                                                      // px, of a frame
  std::function<void(std::int64_t done, std::int64_t of)> progress = {};  // pictures looked at; of: 0 where not known
};

// What was taken from a film.
struct FilmFrames {
  std::string file;
  double seconds = 0;                           // of the film
  std::int64_t pictures = 0;                    // in it
  std::vector<std::int64_t> chosen;             // their numbers, ascending
  DynamicRange range = DynamicRange::standard;  // of its first picture; what is not standard was brought to it
};

// The frames to take: the film is parted into `most` stretches over which the picture moves equally far, so that
// standing still counts for nothing, and the sharpest of each is taken. How far it moves is the mean displacement of
// points that are followed (Lucas and Kanade 1981, in pyramids) from one looked-at picture to the next; sharpness the
// mean square of the Laplacian at 640 px. Exit 3: no film that can be read (data/films/film_reader.h).
FilmFrames choose_film_frames(const std::filesystem::path& film, const FilmFrameOptions& options = {});

// Writes those of every film among the photographs into `folder`, which exists, as pictures, and adds them to
// `photographs` as files; films that cannot be read go to left_out.
std::vector<FilmFrames> take_film_frames(Photographs& photographs, const std::filesystem::path& folder,
                                         const FilmFrameOptions& options = {});

}  // namespace spinfill
