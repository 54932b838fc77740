// SPDX-License-Identifier: Apache-2.0
#include "data/scenes/colmap_parts.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <Eigen/Geometry>

#include "core/error.h"
#include "data/pictures/picture.h"
#include "data/scenes/scene.h"

namespace spinfill {
namespace {

constexpr std::array<ColmapLensModel, 6> kRead = {{{0, "SIMPLE_PINHOLE", 3},
                                                   {1, "PINHOLE", 4},
                                                   {2, "SIMPLE_RADIAL", 4},
                                                   {3, "RADIAL", 5},
                                                   {4, "OPENCV", 8},
                                                   {6, "FULL_OPENCV", 12}}};
// Known by name alone.
constexpr std::array<const char*, 18> kNames = {"SIMPLE_PINHOLE",
                                                "PINHOLE",
                                                "SIMPLE_RADIAL",
                                                "RADIAL",
                                                "OPENCV",
                                                "OPENCV_FISHEYE",
                                                "FULL_OPENCV",
                                                "FOV",
                                                "SIMPLE_RADIAL_FISHEYE",
                                                "RADIAL_FISHEYE",
                                                "THIN_PRISM_FISHEYE",
                                                "RAD_TAN_THIN_PRISM_FISHEYE",
                                                "SIMPLE_DIVISION",
                                                "DIVISION",
                                                "SIMPLE_FISHEYE",
                                                "FISHEYE",
                                                "EUCM",
                                                "EQUIRECTANGULAR"};
constexpr double kMaxFocal = 1e6, kMaxTerm = 1e6;  // px; of distortion

[[noreturn]] void refuse_model(const std::string& name, const std::string& where) {
  fail(
      "{}: camera model {} is not supported: undistort the pictures (colmap image_undistorter) and import what that "
      "writes",
      where, name);
}

}  // namespace

const ColmapLensModel& colmap_lens_model(int id, const std::string& where) {
  const auto* const found = std::ranges::find(kRead, id, &ColmapLensModel::id);
  if (found != kRead.end()) return *found;
  if (id >= 0 && id < std::ssize(kNames)) refuse_model(kNames[static_cast<std::size_t>(id)], where);
  refuse_model(fmt::format("number {}", id), where);
}

const ColmapLensModel& colmap_lens_model(std::string_view name, const std::string& where) {
  const auto* const found = std::ranges::find(kRead, name, &ColmapLensModel::name);
  if (found != kRead.end()) return *found;
  refuse_model("'" + std::string(name.substr(0, 40)) + "'", where);
}

ColmapCamera colmap_camera(const ColmapLensModel& model, std::uint64_t width, std::uint64_t height,
                           const std::vector<double>& parameters, const std::string& where) {
  if (width < 1 || height < 1 || width > kMaxPictureSide || height > kMaxPictureSide ||
      width * height > static_cast<std::uint64_t>(kMaxPicturePixels))
    fail("{}: a camera of {}x{} px is no picture that can be read (at most {} a side)", where, width, height,
         kMaxPictureSide);
  const std::string name = model.name;
  const bool one_focal = name.starts_with("SIMPLE") || name == "RADIAL";
  ColmapCamera out;
  out.lens.width = static_cast<int>(width);
  out.lens.height = static_cast<int>(height);
  out.lens.fl_x = parameters[0];
  out.lens.fl_y = parameters[one_focal ? 0 : 1];
  const std::size_t middle = one_focal ? 1 : 2, terms = middle + 2;
  out.lens.cx = parameters[middle];
  out.lens.cy = parameters[middle + 1];
  std::copy(parameters.begin() + static_cast<std::ptrdiff_t>(terms), parameters.end(), out.distortion.begin());
  const auto is_focal = [](double f) { return f > 0 && f <= kMaxFocal; };
  const auto is_term = [](double term) { return std::abs(term) <= kMaxTerm; };
  if (!is_focal(out.lens.fl_x) || !is_focal(out.lens.fl_y) || !is_term(out.lens.cx) || !is_term(out.lens.cy) ||
      !std::ranges::all_of(out.distortion, is_term))
    fail("{}: a camera's focal length, principal point or distortion is not finite, or absurd: reconstruct it again",
         where);
  return out;
}

Eigen::Matrix4d colmap_pose(const std::array<double, 7>& numbers, const std::string& where) {
  const Eigen::Quaterniond turn(numbers[0], numbers[1], numbers[2], numbers[3]);
  const Eigen::Vector3d shift(numbers[4], numbers[5], numbers[6]);
  if (!(std::abs(turn.norm() - 1) < 1e-2)) fail("{}: an image's quaternion is not of length 1", where);
  if (!(shift.cwiseAbs().maxCoeff() <= kMaxSceneCoordinate))
    fail("{}: an image's position is not finite, or absurd", where);
  const Eigen::Matrix3d world_from_camera = turn.normalized().toRotationMatrix().transpose();
  Eigen::Matrix4d out = Eigen::Matrix4d::Identity();
  out.topLeftCorner<3, 3>() = world_from_camera * Eigen::Vector3d(1, -1, -1).asDiagonal();
  out.topRightCorner<3, 1>() = -world_from_camera * shift;
  return out;
}

}  // namespace spinfill
