// SPDX-License-Identifier: Apache-2.0
#include "infer/studio/background.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/picture.h"

namespace spinfill {
namespace {

// "#RRGGBB"
bool is_colour(const std::string& text) {
  return text.size() == 7 && text[0] == '#' && text.find_first_not_of("0123456789abcdefABCDEF", 1) == text.npos;
}

cv::Scalar colour_of(const std::string& text) {
  const auto part = [&](std::size_t at) { return std::stoi(text.substr(at, 2), nullptr, 16) / 255.0; };
  return {part(1), part(3), part(5)};
}

// Scaled so that it covers the size, its middle kept.
cv::Mat covering(const cv::Mat& rgba, int width, int height) {
  const double scale = std::max(width / static_cast<double>(rgba.cols), height / static_cast<double>(rgba.rows));
  const cv::Size size(std::max(width, static_cast<int>(std::lround(rgba.cols * scale))),
                      std::max(height, static_cast<int>(std::lround(rgba.rows * scale))));
  const cv::Mat whole = on_plain_ground(rgba, size, cv::Scalar::all(255));
  cv::Mat out;
  whole(cv::Rect((size.width - width) / 2, (size.height - height) / 2, width, height))
      .convertTo(out, CV_32FC3, 1 / 255.0);
  return out;
}

// The row of what is infinitely far at the camera's own height.
double horizon(const Camera& camera) {
  const Eigen::Matrix3d turn = camera.vehicle_from_camera.topLeftCorner<3, 3>();
  // Rays (0, y, −1) of the middle column that do not rise: turn's third row · ray = 0.
  const double y = std::abs(turn(2, 1)) < 1e-9 ? 0 : turn(2, 2) / turn(2, 1);
  return camera.cy - y * camera.fl_y;
}

constexpr double kWall = 0.965, kBend = 0.93, kFloor = 0.86;  // light of the sweep, from top to bottom

}  // namespace

StudioBackground::StudioBackground(const std::string& name, int width, int height) {
  if (name == "transparent") {
    transparent_ = true;
  } else if (name == "studio") {
    sweep_ = true;
  } else if (name == "white") {
    colour_ = cv::Scalar::all(1);
  } else if (is_colour(name)) {
    colour_ = colour_of(name);
  } else if (fs::is_regular_file(name)) {
    file_ = covering(read_picture(name), width, height);
  } else {
    fail_usage(
        "--background {}: neither studio, white nor transparent, nor a colour such as #f0f0f0, nor a picture's "
        "file",
        name);
  }
}

cv::Mat StudioBackground::picture(const Camera& camera) const {
  if (!file_.empty()) return file_.clone();
  cv::Mat out(camera.height, camera.width, CV_32FC3, colour_);
  if (!sweep_) return out;
  const double bend = std::clamp(horizon(camera) / camera.height, 0.1, 0.9);
  for (int y = 0; y < out.rows; ++y) {
    const double at = (y + 0.5) / out.rows;
    const double along = at < bend ? at / bend : (at - bend) / (1 - bend);
    const double eased = along * along * (3 - 2 * along);
    const double light = at < bend ? kWall + (kBend - kWall) * eased : kBend + (kFloor - kBend) * eased;
    out.row(y) = cv::Scalar(light, light, light * 1.005);
  }
  return out;
}

}  // namespace spinfill
