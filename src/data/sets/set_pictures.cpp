// SPDX-License-Identifier: Apache-2.0
#include "data/sets/set_pictures.h"

#include <opencv2/core.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "data/sets/set_paths.h"

namespace spinfill {

std::string read_set_file(const ViewSet& set, const std::string& name, std::uint64_t max_bytes) {
  if (set.files) return set.files->read(name, max_bytes);
  return read_file(set_path(set, name), max_bytes);
}

PictureFiles read_picture_files(const ViewSet& set, const Frame& frame) {
  PictureFiles files{read_set_file(set, frame.file_path, kMaxPictureFileBytes), {}};
  if (!frame.mask_file_path.empty()) files.mask = read_set_file(set, frame.mask_file_path, kMaxPictureFileBytes);
  return files;
}

cv::Mat decode_masked_picture(const ViewSet& set, const Frame& frame, const PictureFiles& files) {
  const auto decode = [&](const std::string& bytes, const std::string& file) {
    const fs::path path = set.folder / file;
    cv::Mat picture = decode_picture(bytes, path.string());
    if (picture.cols != set.width || picture.rows != set.height) {
      fail("{}: is {}x{} px, but its set says {}x{} px: give all pictures of a set one size", path.string(),
           picture.cols, picture.rows, set.width, set.height);
    }
    return picture;
  };
  cv::Mat rgba = decode(files.picture, frame.file_path);
  if (!frame.mask_file_path.empty()) cv::mixChannels({decode(files.mask, frame.mask_file_path)}, {rgba}, {0, 3});
  return rgba;
}

cv::Mat read_masked_picture(const ViewSet& set, const Frame& frame) {
  return decode_masked_picture(set, frame, read_picture_files(set, frame));
}

}  // namespace spinfill
