// SPDX-License-Identifier: Apache-2.0
#include "data/sets/lens.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "data/pictures/picture.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr double kMaxFocal = 1e6;         // px
constexpr double kMinFocalShare = 0.05;   // of the picture's width: 169 degrees across
constexpr double kFocalTolerance = 0.01;  // between fl_x and camera_angle_x
constexpr double kMaxDistortionTerm = 1e6;

// Models that are a pinhole where all distortion terms are zero (COLMAP's names, which nerfstudio uses too).
constexpr std::array kPinholes = {"PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV"};
constexpr std::array kDistortions = {"k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"};  // in Distortion's order
// instant-ngp's switches for other lenses.
constexpr std::array kOtherLenses = {"is_fisheye", "latlong", "equirectangular", "orthographic", "ftheta_p0"};

constexpr const char* kUndistort =
    "undistort the pictures (colmap image_undistorter, or OpenCV's undistort) and state the pinhole that this gives";

bool is_set(const Json& value) {
  return value.is_boolean() ? value.get<bool>() : !value.is_number() || value.get<double>() != 0;
}

bool check_model(TransformsFields& fields) {
  const auto model = fields.text("camera_model");
  if (model && std::ranges::find(kPinholes, *model) == kPinholes.end())
    fields.wrong("camera_model", "'{}' is not supported", kUndistort, shown(*model));
  if (fields.is_wrong("camera_model")) return false;
  for (const char* name : kOtherLenses) {
    const Json* value = fields.find(name);
    if (value == nullptr || !is_set(*value)) continue;
    fields.wrong(name, "says that the lens is no pinhole, which is not supported", kUndistort);
    return false;
  }
  return true;
}

// The terms that are stated replace those of the set.
bool read_distortion(TransformsFields& fields, DistortedLenses distorted, Distortion& to) {
  std::vector<std::string> terms;
  bool sound = true;
  for (std::size_t i = 0; i < kDistortions.size(); ++i) {
    const char* name = kDistortions[i];
    const auto term = fields.number(name, -kMaxDistortionTerm, kMaxDistortionTerm);
    sound = sound && !fields.is_wrong(name);
    if (distorted == DistortedLenses::read)
      to[i] = term.value_or(to[i]);
    else if (term.value_or(0) != 0)
      terms.emplace_back(name);
  }
  if (const Json* list = fields.find("distortion_params"); list != nullptr && list->is_array()) {
    if (std::ranges::any_of(*list, [](const Json& term) { return is_set(term); }))
      terms.emplace_back("distortion_params");
  }
  if (terms.empty()) return sound;
  fields.wrong(terms.front().c_str(),
               fmt::format("lens distortion is not supported ({} not 0)", fmt::join(terms, ", ")), kUndistort);
  return false;
}

std::optional<double> side(TransformsFields& fields, const char* name) {
  const auto value = fields.number(name, 1, kMaxPictureSide, "give the picture's size in px");
  if (!value || *value == std::floor(*value)) return value;
  fields.wrong(name, "is not a whole number", "give the picture's size in px");
  return std::nullopt;
}

std::optional<double> angle(TransformsFields& fields, const char* radians, const char* degrees) {
  const double whole = std::numbers::pi;
  if (const auto value = fields.number(radians, 1e-3, whole - 1e-3, "give the angle of view in radians")) return value;
  if (const auto value = fields.number(degrees, 0.05, 179.9, "give the angle of view in degrees"))
    return *value * kDegree;
  return std::nullopt;
}

double focal(double fov, int size) {
  return size / 2.0 / std::tan(fov / 2);
}

}  // namespace

Lens read_lens(TransformsFields& fields, const Lens& of_set, DistortedLenses distorted) {
  Lens out = of_set;
  const auto take = [](std::optional<double>& to, std::optional<double> stated) {
    if (stated) to = stated;
  };
  take(out.width, side(fields, "w"));
  take(out.height, side(fields, "h"));
  const auto fl_x = fields.number("fl_x", 1e-3, kMaxFocal), fl_y = fields.number("fl_y", 1e-3, kMaxFocal);
  const auto fov_x = angle(fields, "camera_angle_x", "x_fov"), fov_y = angle(fields, "camera_angle_y", "y_fov");
  if (fl_x || fov_x) {  // another lens than the set's, whose fl_y does not belong to it
    out.fl_x = fl_x;
    out.fov_x = fov_x;
  }
  if (fl_x || fov_x || fl_y || fov_y) {
    out.fl_y = fl_y;
    out.fov_y = fov_y;
  }
  take(out.cx, fields.number("cx", -kMaxFocal, kMaxFocal));
  take(out.cy, fields.number("cy", -kMaxFocal, kMaxFocal));
  const bool pinhole = check_model(fields) && read_distortion(fields, distorted, out.distortion);
  for (const char* name :
       {"w", "h", "fl_x", "fl_y", "cx", "cy", "camera_angle_x", "camera_angle_y", "x_fov", "y_fov"}) {
    out.usable = out.usable && !fields.is_wrong(name);
  }
  out.usable = out.usable && pinhole;
  return out;
}

void check_lens(TransformsFields& fields, Lens& lens, int width, int height) {
  if (!lens.usable) return;
  const auto agree = [&](const char* name, const char* angle_name, const std::optional<double>& stated,
                         const std::optional<double>& fov, int size) {
    if (!fields.has(name) || !stated || !fov || std::abs(focal(*fov, size) / *stated - 1) <= kFocalTolerance) return;
    fields.wrong(name, "{}", "keep the one that is right for the pictures as they are (fl_x and fl_y are px of w x h)",
                 fmt::format("is {:.6g} px, but by {} it is {:.6g} px", *stated, angle_name, focal(*fov, size)));
    lens.usable = false;
  };
  agree("fl_x", "camera_angle_x", lens.fl_x, lens.fov_x, width);
  agree("fl_y", "camera_angle_y", lens.fl_y, lens.fov_y, height);
  if (fields.has("fl_x") && lens.fl_x && *lens.fl_x < kMinFocalShare * width) {
    fields.wrong("fl_x", "{}", "give focal length and principal point in px, not as shares of the picture's size",
                 fmt::format("is {:.6g} px for pictures {} px wide", *lens.fl_x, width));
    lens.usable = false;
  }
  if (fields.has("cx") && lens.cx && lens.cy && *lens.cx > 0 && *lens.cx <= 1 && *lens.cy > 0 && *lens.cy <= 1 &&
      std::min(width, height) > 8) {
    fields.wrong("cx", "{}", "give focal length and principal point in px, not as shares of the picture's size",
                 fmt::format("is {:.6g} px for pictures {} px wide", *lens.cx, width));
    lens.usable = false;
  }
}

std::optional<Camera> pinhole(const Lens& lens, int width, int height) {
  std::optional<double> x = lens.fl_x, y = lens.fl_y;
  if (!x && lens.fov_x) x = focal(*lens.fov_x, width);
  if (!y && lens.fov_y) y = focal(*lens.fov_y, height);
  if (!x && !y) return std::nullopt;
  Camera camera;
  camera.fl_x = x ? *x : *y;
  camera.fl_y = y ? *y : *x;
  camera.cx = lens.cx.value_or(width / 2.0);
  camera.cy = lens.cy.value_or(height / 2.0);
  camera.width = width;
  camera.height = height;
  return camera;
}

}  // namespace spinfill
