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
// Errors (exit 3) name the picture: two pictures for one primary view, two azimuths of different ones, sizes that
// differ, one that would not be read.
ViewSet read_references(const std::filesystem::path& input, const PhotographOptions& options = {});

// Their pictures with the frames' masks as alpha, those at `hidden` azimuths (multiples of 45) left out. A picture
// without a mask, or with an empty one, is an error (exit 3); what else data check would find is a warning.
SlotPictures read_reference_pictures(const ViewSet& set, const std::vector<std::int64_t>& hidden);

}  // namespace spinfill
