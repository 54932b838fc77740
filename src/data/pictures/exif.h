// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// How a picture is to be turned before it is shown: tag 0x0112 of Exif 2.32, §4.6.4, 1 (as it is stored) to 8. As in
// browsers Exif alone decides, not XMP, and where it has no such tag, or is damaged, the picture is upright as stored.
int exif_orientation(std::string_view exif);        // a TIFF block, with or without "Exif\0\0" before it
int png_orientation(std::string_view whole_file);   // of its eXIf chunk, else of the text "Raw profile type exif"
int webp_orientation(std::string_view whole_file);  // of its EXIF chunk

// Whether the orientation swaps width and height.
inline bool is_turned_sideways(int orientation) {
  return orientation >= 5;
}

// The stored picture as it is to be shown.
cv::Mat upright(const cv::Mat& stored, int orientation);

}  // namespace spinfill
