// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/files.h"

namespace spinfill {

// The one rule for what the names in a folder of pictures say. What a file really is, its first bytes say
// (data/pictures/picture.h).

bool has_picture_ending(const fs::path& file);  // .png, .jpg, .jpeg, .webp, .heic, .heif or .avif, in capitals too

// "045" → 45, "22.5" → 22.5: digits alone, below 360. None for anything else ("045 copy", "front", "45deg").
std::optional<double> azimuth_of_name(std::string_view stem);

// "045_mask", "045-mask", "045.mask" and "mask_045" → "045": the stem of the picture that a mask belongs to.
std::optional<std::string> masked_stem(const std::string& stem);

// What a folder holds, each list in the order that people count in (2.png before 10.png). Left out: hidden files and
// what systems put there by themselves (.DS_Store, ._045.png, Thumbs.db, desktop.ini, __MACOSX, @eaDir).
struct FolderListing {
  std::vector<std::string> pictures;       // by their endings
  std::vector<std::string> other_formats;  // pictures that cannot be read (045.tif)
  std::vector<std::string> other_endings;  // pictures that could be read if their names said so ("045", "045.png.bak")
  std::vector<std::string> folders, others;
};
FolderListing list_pictures(const fs::path& folder);  // exit 3: cannot be listed

// "a.png, b.png, c.png, d.png and 3 more".
std::string first_names(const std::vector<std::string>& names, std::size_t shown = 4);

// The numbers of files whose names differ in one number alone (img_0001.png, img_0002.png …), in their order; empty
// where there is no such number.
std::vector<double> running_numbers(const std::vector<std::string>& files);

// Whether numbers are frame numbers rather than azimuths: they follow each other (01 … 08, gaps allowed).
bool are_frame_numbers(std::vector<double> numbers);

}  // namespace spinfill
