// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <opencv2/core/mat.hpp>

#include "core/config/named.h"

namespace spinfill {

enum class StudioFormat { png, webp, jpeg, avif };
template <>
inline constexpr Named<StudioFormat> kNamesOf<StudioFormat>[] = {{StudioFormat::png, "png"},
                                                                 {StudioFormat::webp, "webp"},
                                                                 {StudioFormat::jpeg, "jpeg"},
                                                                 {StudioFormat::avif, "avif"}};

// A picture's file of 8-bit straight RGBA. quality: 1 to 100, not of PNG; packet: XMP (data/pictures/xmp.h), or empty.
std::string encoded(const cv::Mat& rgba, StudioFormat format, int quality, bool with_alpha, const std::string& packet);

std::string ending_of(StudioFormat format);  // ".jpg"

}  // namespace spinfill
