// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/files/links.h"
#include "data/sets/view_set.h"

namespace spinfill {

// Where the azimuths of a folder's pictures come from.
struct PictureAzimuths {
  enum class From { names, list, counter_clockwise, clockwise };
  From from = From::names;
  std::vector<double> list = {};  // degrees, one per picture in the order of their names
};
// "", "0,45,90", "counter-clockwise" or "clockwise" (evenly round the vehicle from the front on); exit 2 otherwise.
PictureAzimuths parse_azimuths(const std::string& text);

struct PhotographOptions {
  Links links = Links::stay_inside;
  PictureAzimuths azimuths = {};
  bool skip_unread = false;  // pictures that are not read are passed over with a warning; else they are an error
  bool fit_sizes = false;    // pictures of other sizes than most are fitted into that (Frame::fitted); else an error
  std::vector<std::int64_t> hidden = {};  // primary azimuths, degrees: the pictures nearest to them have no part in it
};

// A folder of pictures alone, named by azimuth: 000.png, 045.JPG, … (PNG, JPEG, WebP, HEIC or AVIF, all of one size
// unless these are fitted), their masks beside them (045_mask.png, mask/045.png); no cameras, category unknown. What
// else lies there is named in a warning. Exit 3 names what does not belong: a picture that is not read, frame numbers
// instead of azimuths, two pictures or masks for one azimuth, another size.
ViewSet view_set_from_pictures(const fs::path& folder, const PhotographOptions& options = {});

// The set that a folder's transforms.json describes, else its pictures. Exit 2: azimuths are given for a set whose
// transforms.json states them.
ViewSet read_photographs(const fs::path& folder, const PhotographOptions& options = {});

}  // namespace spinfill
