// SPDX-License-Identifier: Apache-2.0
#include "data/sets/set_pictures.h"

#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/links.h"
#include "data/pictures/exif.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/normal_picture.h"
#include "data/pictures/picture.h"
#include "data/pictures/visible_box.h"
#include "data/sets/set_paths.h"

namespace spinfill {

std::string read_set_file(const ViewSet& set, const std::string& name, std::uint64_t max_bytes) {
  if (set.files) return set.files->read(name, max_bytes);
  const fs::path path = set_path(set, name);
  std::error_code error;
  if (fs::status(path, error).type() == fs::file_type::not_found)
    fail("{}: there is no such file{}", path.string(), why_absent(path));
  return read_file(path, max_bytes);
}

PictureFiles read_picture_files(const ViewSet& set, const Frame& frame) {
  PictureFiles files{read_set_file(set, frame.file_path, kMaxPictureFileBytes), {}};
  if (!frame.mask_file_path.empty()) files.mask = read_set_file(set, frame.mask_file_path, kMaxPictureFileBytes);
  return files;
}

std::string size_advice(const ViewSet& set, int width, int height) {
  const double scale = static_cast<double>(width) / set.width;
  if (std::abs(scale * set.height - height) > 1) return "give all pictures of a set one size";
  return fmt::format("take the pictures at full size, or multiply w, h, fl_x, fl_y, cx and cy by {:.4g}", scale);
}

void put_mask(cv::Mat& rgba, const cv::Mat& mask) {
  cv::Mat coverage;
  cv::extractChannel(mask, coverage, 0);
  double most = 0;
  cv::minMaxLoc(coverage, nullptr, &most);
  if (most == 1) coverage *= 255;
  cv::insertChannel(coverage, rgba, 3);
}

cv::Mat fitted_to_set(const ViewSet& set, const cv::Mat& rgba) {
  return straight(resample(premultiplied(rgba), fit(rgba.cols, rgba.rows, set.width, set.height)));
}

cv::Mat decode_masked_picture(const ViewSet& set, const Frame& frame, const PictureFiles& files) {
  const auto decode = [&](const std::string& bytes, const std::string& file, Colours colours) {
    const fs::path path = set.folder / file;
    cv::Mat picture = decode_picture(bytes, path.string(), colours);
    if (!frame.fitted && (picture.cols != set.width || picture.rows != set.height)) {
      const int orientation = picture_size(bytes, path.string()).orientation;
      fail("{}: is {}x{} px{}, but its set says {}x{} px: {}", path.string(), picture.cols, picture.rows,
           is_turned_sideways(orientation) ? fmt::format(" upright (EXIF orientation {})", orientation) : "", set.width,
           set.height, size_advice(set, picture.cols, picture.rows));
    }
    return picture;
  };
  cv::Mat rgba = decode(files.picture, frame.file_path, Colours::srgb);
  if (!frame.mask_file_path.empty()) {
    const cv::Mat mask = decode(files.mask, frame.mask_file_path, Colours::as_stored);
    if (mask.size() != rgba.size())
      fail("{}: is {}x{} px, but {} is {}x{} px: give both one size", (set.folder / frame.mask_file_path).string(),
           mask.cols, mask.rows, frame.file_path, rgba.cols, rgba.rows);
    put_mask(rgba, mask);
  }
  return frame.fitted ? fitted_to_set(set, rgba) : rgba;
}

cv::Mat read_masked_picture(const ViewSet& set, const Frame& frame) {
  return decode_masked_picture(set, frame, read_picture_files(set, frame));
}

void require_depth(const ViewSet& set, const Frame& frame) {
  if (frame.depth_file_path.empty() || set.depth_scale <= 0) {
    fail("{}: {} has no {}: render the set with its geometry, or switch data.depth off", set.folder.string(),
         frame.file_path, frame.depth_file_path.empty() ? "depth_file_path" : "depth_scale of the set");
  }
}

namespace {

// A picture of values, not colours, in 16 bits and of the set's size, as OpenCV reads it.
cv::Mat read_values(const ViewSet& set, const std::string& file, int type, const char* kind) {
  const std::string where = (set.folder / file).string();
  const std::string bytes = read_set_file(set, file, kMaxPictureFileBytes);
  decode_picture(bytes, where, Colours::as_stored);  // what is damaged is told in one line
  const cv::Mat raw(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
  const cv::Mat values = cv::imdecode(raw, cv::IMREAD_UNCHANGED);
  if (values.type() != type) fail("{}: is not {}", where, kind);
  if (values.cols != set.width || values.rows != set.height) {
    fail("{}: is {}x{} px, but its set says {}x{} px: {}", where, values.cols, values.rows, set.width, set.height,
         size_advice(set, values.cols, values.rows));
  }
  return values;
}

}  // namespace

cv::Mat read_depth(const ViewSet& set, const Frame& frame) {
  require_depth(set, frame);
  const cv::Mat values =
      read_values(set, frame.depth_file_path, CV_16UC1, "a grey picture of 16 bits: write depth as such");
  cv::Mat depth;
  values.convertTo(depth, CV_32F, 1 / set.depth_scale);
  return depth;
}

void require_normals(const ViewSet& set, const Frame& frame) {
  if (!frame.normal_file_path.empty()) return;
  fail(
      "{}: {} has no normal_file_path: render the set with its geometry, or set model.normals and data.normals, for "
      "scores alone evaluation.normals, to false",
      set.folder.string(), frame.file_path);
}

cv::Mat read_normals(const ViewSet& set, const Frame& frame) {
  require_normals(set, frame);
  const cv::Mat values =
      read_values(set, frame.normal_file_path, CV_16UC3, "an RGB picture of 16 bits: write normals as such");
  return normals_as_colours(values);
}

cv::Mat read_cut_out_picture(const ViewSet& set, const Frame& frame) {
  const fs::path path = set.folder / frame.file_path;
  const cv::Mat rgba = read_masked_picture(set, frame);
  const VisibleBox box = visible_box(rgba);
  if (!box.has_alpha) {
    fail(
        "{}: has no mask (alpha is opaque everywhere): cut the vehicle out, lay its mask beside it ({}_mask.png) or "
        "name a mask_file_path in transforms.json",
        path.string(), path.stem().string());
  }
  if (box.right <= box.left) fail("{}: its mask is empty: cut the vehicle out again", path.string());
  return rgba;
}

}  // namespace spinfill
