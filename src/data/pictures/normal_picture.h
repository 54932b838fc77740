// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// Normals as pictures: RGB of 16 bits, n = (value − 32768) / 32767 for x, y, z in the vehicle's frame; 0, 0, 0 where no
// surface is.

// CV_32FC3 of unit normals, 0 where none is → 16-bit pixels in OpenCV's order, B G R, for a PNG.
cv::Mat normal_picture(const cv::Mat& normals);
std::string encode_normals(const cv::Mat& normals);  // the PNG

// 16-bit pixels in OpenCV's order → what resample() takes (data/pictures/letterbox.h): CV_32FC4 of (n + 1)/2 and 1, all
// zero where no surface is, like premultiplied colours and coverage.
cv::Mat normals_as_colours(const cv::Mat& picture);
// The way back: the mean normal over each pixel, 0 where none is, shorter than 1 at outlines: CV_32FC3.
cv::Mat normals_of_colours(const cv::Mat& colours);

}  // namespace spinfill
