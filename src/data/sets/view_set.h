// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/batches/subsets.h"
#include "data/sets/set_files.h"
#include "geometry/camera.h"

namespace spinfill {

// One picture of a set, as transforms.json lists it.
struct Frame {
  std::string file_path;                          // relative to the set's folder
  double azimuth_deg = 0;                         // the picture's true azimuth, [0, 360)
  std::optional<double> stated_azimuth_deg = {};  // what was stated before a stabilisation corrected it
  std::optional<Camera> camera;                   // from transform_matrix and fl_x …; absent: the canonical turntable
  std::string depth_file_path, normal_file_path, mask_file_path;  // optional
  int slot() const;                                               // nearest primary view, 0…7 (azimuth 45·slot)
};

// A vehicle's views on disk (DESIGN: nerfstudio-style transforms.json). Pictures are read on demand.
struct ViewSet {
  std::filesystem::path folder;  // of a set in a shard: SHARD.tar/KEY, for messages
  std::string id, category, source, licence;
  std::string identity_file_path;  // optional float32 vector
  int width = 0, height = 0;       // px, of every picture
  std::vector<Frame> frames;       // in the file's order
  // Cameras predicted for views that nobody photographed (missing_frames): no picture, at most one per slot.
  std::vector<Frame> missing = {};
  std::shared_ptr<const SetFiles> files = {};  // none: they lie in the folder
  Slots slots() const;                         // views that have a picture
  const Frame* frame_at(int slot) const;       // nullptr: missing
  const Frame* missing_at(int slot) const;     // nullptr: nothing is predicted
};

ViewSet read_view_set(const std::filesystem::path& folder);  // every field checked; exit 3 names file and field
// A folder of pictures alone, named by azimuth: 000.png, 045.jpg, … (PNG, JPEG or WebP, all of one size); no cameras,
// category unknown.
ViewSet view_set_from_pictures(const std::filesystem::path& folder);
void write_transforms(const ViewSet& set);  // folder/transforms.json, atomic
cv::Mat read_picture(
    const std::filesystem::path& path);  // 8-bit RGBA (alpha 255 where the file has none); checked size and depth
// A file that the set's description names, whole. Exit 3 names it: missing, damaged, out of the folder, too large.
std::string read_set_file(const ViewSet& set, const std::string& name, std::uint64_t max_bytes);
// The files of a frame's picture, as they lie on disk.
struct PictureFiles {
  std::string picture, mask;  // bytes; mask: empty where the frame has none
};
PictureFiles read_picture_files(const ViewSet& set, const Frame& frame);
// The frame's picture with its mask, if it has one, as alpha; fails where a size is not the set's.
cv::Mat decode_masked_picture(const ViewSet& set, const Frame& frame, const PictureFiles& files);
cv::Mat read_masked_picture(const ViewSet& set, const Frame& frame);            // both
void write_png(const std::filesystem::path& path, const cv::Mat& rgba_or_rgb);  // 8-bit, RGB(A) order, atomic

}  // namespace spinfill
