// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

#include "core/random.h"

namespace spinfill {

// What cameras make of a picture, drawn at random, for training on rendered vehicles. rgb: 8-bit, changed in place.

// Common brightness, contrast, saturation, hue; then a gamma; in three of ten noise.
void recolour(cv::Mat& rgb, Random& random);
// A photograph is softer, or was stored smaller.
void soften(cv::Mat& rgb, Random& random);
// Stored as JPEG of a quality of 30 to 95 and read again.
void store_as_jpeg(cv::Mat& rgb, Random& random);

}  // namespace spinfill
