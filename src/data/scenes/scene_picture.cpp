// SPDX-License-Identifier: Apache-2.0
#include "data/scenes/scene_picture.h"

#include <algorithm>
#include <cmath>

#include <opencv2/calib3d.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/exif.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/picture.h"
#include "data/sets/set_paths.h"
#include "data/sets/set_pictures.h"
#include "data/walkaround/vehicle_mask.h"

namespace spinfill {
namespace {

constexpr double kLeastRadius = 0.5;  // of a straight picture, in those of the picture as it is
constexpr double kMostGrowth = 0.5;   // of the picture's size, on each side, that undistortion may add

cv::Mat decoded(const Scene& scene, const std::string& file, const Camera& lens, Colours colours) {
  ViewSet folder;  // whose rule for links and paths holds
  folder.folder = scene.folder;
  folder.links = scene.links;
  const std::string bytes = read_set_file(folder, file, kMaxPictureFileBytes), where = (scene.folder / file).string();
  const PictureSize size = picture_size(bytes, where);
  // A tool that does not obey EXIF knows the file's rows as they are stored.
  const bool stored = size.width != lens.width && size.width == lens.height && size.height == lens.width &&
                      is_turned_sideways(size.orientation);
  if (!stored && (size.width != lens.width || size.height != lens.height))
    fail("{}: is {}x{} px, but its camera was made for {}x{} px: take the pictures that the tool read", where,
         size.width, size.height, lens.width, lens.height);
  const cv::Mat picture = decode_picture(bytes, where, colours);
  if (!stored) return picture;
  // The turns that undo 6 and 8 are each other; the mirrored ones (5, 7) undo themselves.
  const int undo = size.orientation == 6 ? 8 : size.orientation == 8 ? 6 : size.orientation;
  return upright(picture, undo);
}

cv::Mat matrix_of(const Camera& lens, double shift_x = 0, double shift_y = 0) {
  // OpenCV's pixel centres lie at whole numbers.
  return (cv::Mat_<double>(3, 3) << lens.fl_x, 0, lens.cx - 0.5 + shift_x, 0, lens.fl_y, lens.cy - 0.5 + shift_y, 0, 0,
          1);
}

// Rays along the picture's border must keep their order: beyond the radius at which a distortion turns back it says
// nothing.
void require_unfolded(const SceneView& view, const std::string& where) {
  const Distortion& k = view.distortion;
  const Camera& c = view.lens;
  const double x = std::max(c.cx, c.width - c.cx) / c.fl_x, y = std::max(c.cy, c.height - c.cy) / c.fl_y;
  const double most = std::hypot(x, y);
  constexpr int kSteps = 200;
  double last = 0;
  for (int i = 1; i <= kSteps; ++i) {
    // The undistorted radius is larger than the picture's where the lens draws in.
    const double r = 1.25 * most * i / kSteps, r2 = r * r;
    const double radial = r * (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])));
    if (last >= most && r >= kLeastRadius * most) return;
    if (last >= most || radial <= last)
      fail(
          "{}: its lens's distortion (k1 {:g}, k2 {:g}) folds the picture, or is absurd: calibrate it again, or "
          "undistort by the tool",
          where, k[0], k[1]);
    last = radial;
  }
}

// By how much the undistorted picture reaches beyond the stored one: left, top, right, bottom, whole px.
std::array<int, 4> growth(const SceneView& view) {
  const Camera& lens = view.lens;
  const cv::Mat matrix = matrix_of(lens);
  std::vector<cv::Point2d> border, straight_border;
  constexpr int kSteps = 64;
  for (int i = 0; i <= kSteps; ++i) {
    const double x = lens.width * static_cast<double>(i) / kSteps - 0.5,
                 y = lens.height * static_cast<double>(i) / kSteps - 0.5;
    for (const cv::Point2d& point : {cv::Point2d(x, -0.5), cv::Point2d(x, lens.height - 0.5), cv::Point2d(-0.5, y),
                                     cv::Point2d(lens.width - 0.5, y)})
      border.push_back(point);
  }
  cv::undistortPoints(border, straight_border, matrix, view.distortion, cv::noArray(), matrix);
  std::array<double, 4> beyond{};
  for (const cv::Point2d& point : straight_border) {
    beyond[0] = std::max(beyond[0], -0.5 - point.x);
    beyond[1] = std::max(beyond[1], -0.5 - point.y);
    beyond[2] = std::max(beyond[2], point.x - (lens.width - 0.5));
    beyond[3] = std::max(beyond[3], point.y - (lens.height - 0.5));
  }
  std::array<int, 4> out{};
  for (std::size_t i = 0; i < 4; ++i)
    out[i] = static_cast<int>(std::ceil(std::min(beyond[i], kMostGrowth * (i % 2 == 0 ? lens.width : lens.height))));
  return out;
}

void undistort(const SceneView& view, ScenePicture& picture) {
  const auto [left, top, right, bottom] = growth(view);
  Camera& camera = picture.camera;
  camera.width += left + right;
  camera.height += top + bottom;
  camera.cx += left;
  camera.cy += top;
  const cv::Size size(camera.width, camera.height);
  cv::Mat map_x, map_y;
  cv::initUndistortRectifyMap(matrix_of(view.lens), view.distortion, cv::noArray(), matrix_of(camera), size, CV_32FC1,
                              map_x, map_y);
  if (picture.masked) {
    cv::Mat moved;
    cv::remap(premultiplied(picture.rgba), moved, map_x, map_y, cv::INTER_LINEAR, cv::BORDER_CONSTANT);
    picture.rgba = straight(moved);
    return;
  }
  cv::Mat moved;  // the segmenter sees no edge where the picture ends
  cv::remap(picture.rgba, moved, map_x, map_y, cv::INTER_CUBIC, cv::BORDER_REPLICATE);
  const cv::Mat all(picture.rgba.size(), CV_8U, cv::Scalar(255));
  cv::remap(all, picture.seen, map_x, map_y, cv::INTER_LINEAR, cv::BORDER_CONSTANT);
  picture.rgba = moved;
}

// A quarter clockwise: pixel (u, v) comes to (h − v, u), what was up in the picture is right.
Camera quarter_turned(const Camera& camera) {
  Camera out = camera;
  std::swap(out.width, out.height);
  std::swap(out.fl_x, out.fl_y);
  out.cx = camera.height - camera.cy;
  out.cy = camera.cx;
  out.vehicle_from_camera.col(0) = camera.vehicle_from_camera.col(1);
  out.vehicle_from_camera.col(1) = -camera.vehicle_from_camera.col(0);
  return out;
}

}  // namespace

ScenePicture read_scene_picture(const Scene& scene, const SceneView& view) {
  ScenePicture out;
  out.rgba = decoded(scene, view.file, view.lens, Colours::srgb);
  if (!view.mask_file.empty()) put_mask(out.rgba, decoded(scene, view.mask_file, view.lens, Colours::as_stored));
  out.masked = !view.mask_file.empty() || is_cut_out(out.rgba);
  out.camera = view.lens;
  out.camera.vehicle_from_camera = view.world_from_camera;
  if (std::ranges::all_of(view.distortion, [](double term) { return term == 0; })) return out;
  require_unfolded(view, (scene.folder / view.file).string());
  undistort(view, out);
  return out;
}

ScenePicture turned_upright(ScenePicture picture, const Eigen::Vector3d& world_up) {
  for (int quarter = 0; quarter < 3; ++quarter) {
    const Eigen::Vector3d in_camera = picture.camera.vehicle_from_camera.topLeftCorner<3, 3>().transpose() * world_up;
    if (in_camera.y() >= std::abs(in_camera.x())) break;
    picture.camera = quarter_turned(picture.camera);
    for (cv::Mat* one : {&picture.rgba, &picture.seen})
      if (!one->empty()) cv::rotate(*one, *one, cv::ROTATE_90_CLOCKWISE);
  }
  return picture;
}

}  // namespace spinfill
