// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// decode_picture() (data/pictures/picture.h) of a JPEG that is to have this size: RGBA of 8 bits. Exit 3 for damage
// anywhere, for CMYK, and for more scans than a photograph has.
cv::Mat decode_jpeg(std::string_view bytes, int width, int height, const std::string& where);

}  // namespace spinfill
