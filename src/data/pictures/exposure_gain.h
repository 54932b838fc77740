// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// Brighter by so many stops, per channel (r, g, b), in linear light.
using StopsGain = std::array<double, 3>;
inline constexpr StopsGain kNoGain = {0, 0, 0};

// sRGB's curve (IEC 61966-2-1), [0,1] both.
double linear_of_srgb(double encoded);
double srgb_of_linear(double linear);

// A picture under another exposure and white balance: 8-bit straight RGBA, alpha as it is. Linear light x becomes g·x
// for the gain g = 2^stops up to where the picture or the result reaches k = 0.8; from there, x₁ = k/max(g, 1), on
//     1 − (1 − g·x₁)·(1 − t)^p,  t = (x − x₁)/(1 − x₁),  p = g·(1 − x₁)/(1 − g·x₁),
// the power that goes on with the same slope and ends at 1: black stays black, white white, and nothing is clipped.
// No gain leaves every byte as it is.
cv::Mat with_gain(const cv::Mat& rgba, const StopsGain& stops);

}  // namespace spinfill
