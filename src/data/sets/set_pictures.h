// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include <opencv2/core/mat.hpp>

#include "data/sets/view_set.h"

namespace spinfill {

using SlotPictures = std::array<cv::Mat, kSlots>;  // 8-bit straight RGBA; empty where a slot has none

// A file that the set's description names, whole. Exit 3 names it: missing, damaged, out of the folder, too large.
std::string read_set_file(const ViewSet& set, const std::string& name, std::uint64_t max_bytes);

// The files of a frame's picture, as they lie on disk.
struct PictureFiles {
  std::string picture, mask;  // bytes; mask: empty where the frame has none
};
PictureFiles read_picture_files(const ViewSet& set, const Frame& frame);
// What to do about a picture that has not its set's size: scaled versions (images_2) are recognised.
std::string size_advice(const ViewSet& set, int width, int height);
// Alpha becomes the mask's red channel; 0 and 1 (as many tools write masks) mean 0 and 255. Both of one size.
void put_mask(cv::Mat& rgba, const cv::Mat& mask);
// A picture of any size scaled into the set's, 8-bit straight RGBA, transparent beside it.
cv::Mat fitted_to_set(const ViewSet& set, const cv::Mat& rgba);
// The frame's picture with its mask, if it has one, as alpha: 8-bit RGBA. Fails where a size is not the set's and the
// frame not a fitted one.
cv::Mat decode_masked_picture(const ViewSet& set, const Frame& frame, const PictureFiles& files);
cv::Mat read_masked_picture(const ViewSet& set, const Frame& frame);  // reads the files, too
// Exit 3 where the frame's depth picture or the set's depth_scale is not stated.
void require_depth(const ViewSet& set, const Frame& frame);
// The frame's depth picture: float32 [h,w] along each pixel's ray, vehicle lengths, 0 where nothing is seen. Exit 3
// where it, or the set's depth_scale, is missing, or it is not 16-bit grey of the set's size.
cv::Mat read_depth(const ViewSet& set, const Frame& frame);
// Exit 3 where the frame's normal picture is not stated.
void require_normals(const ViewSet& set, const Frame& frame);
// The frame's normal picture as one that resample() takes: CV_32FC4 of (n + 1)/2 in the vehicle's frame and 1, all zero
// where nothing is seen. Exit 3 where it is missing, or not 16-bit RGB of the set's size.
cv::Mat read_normals(const ViewSet& set, const Frame& frame);
// The same of a picture from which the vehicle is cut out: exit 3 where it has no mask or an empty one.
cv::Mat read_cut_out_picture(const ViewSet& set, const Frame& frame);

}  // namespace spinfill
