// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <opencv2/core/mat.hpp>

#include "data/pictures/dynamic_range.h"

namespace spinfill {

// HEIC and AVIF, what phones save: decoded by libheif.

// Whether bytes begin like one; twelve of them are enough.
bool is_heif(std::string_view bytes);

struct HeifHeader {
  std::int64_t width = 0, height = 0;  // px, upright: the file's own turns are part of the format
  std::string icc_profile;             // its own or one made of its code points (ITU-T H.273); empty: sRGB's
  // PQ or HLG by its code points, which then count before a profile.
  DynamicRange range = DynamicRange::standard;
  Primaries primaries = Primaries::srgb;  // of a picture of high dynamic range
  bool unknown_colours = false;           // its code points are no numbers of H.273
};

// Of the primary picture. Exit 3: damaged or a film.
HeifHeader heif_header(std::string_view bytes, const std::string& where);

// 8-bit RGBA, straight alpha, upright, in the colours of the profile; of high dynamic range its code values, 16-bit
// RGBA, 65535 the code value 1. width and height are the header's.
cv::Mat decode_heif(std::string_view bytes, int width, int height, const std::string& where);

// An AVIF of 8-bit straight RGBA in sRGB. quality: 1 to 100. xmp: a packet of metadata, or empty. Exit 3 where libheif
// has no AV1 encoder.
std::string encode_avif(const cv::Mat& rgba, int quality, bool with_alpha, std::string_view xmp);

}  // namespace spinfill
