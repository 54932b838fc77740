// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/sets/picture_folder.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set.h"

namespace spinfill {

// The references that a folder holds: its transforms.json, or pictures named by azimuth (data/sets/picture_folder.h).
// Of several for one primary view the nearest stands for it, the others are further ones, of which at most 16 and 40
// megapixels are kept, those that lie farthest from each other. Errors (exit 3) name the picture: two pictures of one
// azimuth, two azimuths of different primary views, sizes that differ, one that would not be read.
// `quiet`: what is left out or stands for another view is not told.
ViewSet read_references(const std::filesystem::path& input, const PhotographOptions& options = {}, bool quiet = false);

// Their pictures with the frames' masks as alpha, those of views at `hidden` azimuths (multiples of 45) left out. A
// picture without a mask, or with an empty one, is an error (exit 3); what else data check would find
// is a warning unless `quiet`.
struct ReferencePictures {
  SlotPictures frames;
  std::vector<cv::Mat> further;  // in their order
};
ReferencePictures read_reference_pictures(const ViewSet& set, const std::vector<std::int64_t>& hidden,
                                          bool quiet = false);

}  // namespace spinfill
