// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// Pictures as pages and grids show them: 8-bit RGB.

// What `box` cuts out of an RGBA (straight) or RGB picture, on white, at most `widest` px wide.
cv::Mat shown_picture(const cv::Mat& picture, const cv::Rect& box, int widest);

// |a − b|, mean over the channels, in the inferno colours; kErrorScale (of [0,1]) and more is the brightest.
inline constexpr double kErrorScale = 0.25;
cv::Mat error_map(const cv::Mat& a, const cv::Mat& b);
std::string error_note();  // what it shows, in a sentence

// What the pixels of a picture (straight RGBA) are from, by their shares (metrics/evidence_errors.h), in
// kEvidenceColours: straight RGBA of the picture's own coverage.
cv::Mat evidence_map(const cv::Mat& shares, const cv::Mat& rgba);

// An address that holds the picture itself: WebP, without loss up to 128×128 px, of quality 85 above.
std::string picture_address(const cv::Mat& rgb);

}  // namespace spinfill
