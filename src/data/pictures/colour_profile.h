// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// ICC profiles (ICC.1:2022), applied by Little CMS: relative colorimetric with black point compensation, as browsers
// and phones show pictures. 8 bits.

// In place: RGBA whose colours are of the profile → sRGB; alpha stays. A profile for greys is applied where r = g = b.
// Pixels of sRGB's own profiles, whoever wrote them, stay as they are to the bit. False, and nothing done: the profile
// is damaged or for other colours.
[[nodiscard]] bool to_srgb(cv::Mat& rgba, std::string_view icc_profile);

// CMYK, 0 = no ink, 255 = full ink → opaque RGBA in sRGB. Without a profile, or with one that is not for CMYK, by
// (1−C)·(1−K) …, as browsers do.
cv::Mat cmyk_to_srgb(const cv::Mat& cmyk, std::string_view icc_profile);

// A profile with white D65. gamma 0: sRGB's curve.
enum class Primaries { srgb, display_p3, bt2020 };
std::string rgb_profile(Primaries primaries, double gamma);

}  // namespace spinfill
