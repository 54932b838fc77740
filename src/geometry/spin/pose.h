// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include <Eigen/Core>

namespace spinfill {

// Lengths and frame as in SpinCameras.

// A view's pinhole camera with any number type.
template <class T>
struct Pose {
  T eye[3], right[3], up[3], backward[3];
  T focal, u, v;  // shares of the width
};

// shared: elevation, closeness, axis u, axis y; view: as ViewCorrection.
template <class T>
Pose<T> pose_of(const T* shared, const T* view, double azimuth, double scale, double axis_v) {
  using std::cos, std::exp, std::sin;
  const T theta = view[4] + azimuth, phi = shared[0] + view[5];
  const T ct = cos(theta), st = sin(theta), cp = cos(phi), sp = sin(phi), cr = cos(view[3]), sr = sin(view[3]);
  const T right[3] = {-st, ct, T(0.0)}, up[3] = {-sp * ct, -sp * st, cp};
  Pose<T> pose;
  const T distance = 1.0 / shared[1];
  for (int i = 0; i < 3; ++i) {
    pose.right[i] = cr * right[i] - sr * up[i];
    pose.up[i] = sr * right[i] + cr * up[i];
  }
  pose.backward[0] = cp * ct, pose.backward[1] = cp * st, pose.backward[2] = sp;
  for (int i = 0; i < 3; ++i) pose.eye[i] = distance * pose.backward[i];
  pose.eye[1] += shared[3];
  pose.focal = exp(view[0]) * scale * distance;
  pose.u = shared[2] + view[1];
  pose.v = view[2] + axis_v;
  return pose;
}

// The point that a picture point shows at a depth `towards` in front of the axis.
template <class T>
void point_at(const Pose<T>& pose, const T& distance, const Eigen::Vector2d& picture, double towards, T* point) {
  const T z = distance - towards;
  const T x = (picture.x() - pose.u) / pose.focal, y = (pose.v - picture.y()) / pose.focal;
  for (int i = 0; i < 3; ++i) point[i] = pose.eye[i] + z * (x * pose.right[i] + y * pose.up[i] - pose.backward[i]);
}

template <class T>
void picture_of(const Pose<T>& pose, const T* point, T& u, T& v) {
  T x = T(0.0), y = T(0.0), z = T(0.0);
  for (int i = 0; i < 3; ++i) {
    const T d = point[i] - pose.eye[i];
    x += d * pose.right[i];
    y += d * pose.up[i];
    z -= d * pose.backward[i];
  }
  u = pose.u + pose.focal * x / z;
  v = pose.v - pose.focal * y / z;
}

}  // namespace spinfill
