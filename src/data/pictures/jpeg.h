// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// What libjpeg, which decodes it too, reads of a JPEG up to its first scan, wherever that lies. Exit 3 for damage, for
// kinds of JPEG that libjpeg cannot decode.
struct JpegHeader {
  std::uint32_t width, height;  // px as stored, up to 65500
  int orientation;              // data/pictures/exif.h
  bool cmyk;                    // the inks of printing instead of red, green, blue
  std::string icc_profile;      // empty where there is none
};
JpegHeader jpeg_header(std::string_view bytes, const std::string& where);

// A JPEG of this size as it is stored: RGBA of 8 bits, or CMYK (0: no ink). Exit 3 for damage anywhere, and for more
// scans than a photograph has.
cv::Mat decode_jpeg(std::string_view bytes, int width, int height, const std::string& where);

}  // namespace spinfill
