// SPDX-License-Identifier: Apache-2.0
#include "data/batches/augment.h"

#include <cmath>
#include <numbers>

#include <Eigen/Core>
#include <Eigen/Geometry>

#include "core/random.h"
#include "geometry/angles.h"

namespace spinfill {

namespace {
// Errors that remain after estimation on perturbed photographs (experiments/stabilisation): standard deviations.
constexpr double kScaleError = 0.007, kShiftError = 0.004, kRollError = 0.5 * kDegree, kAzimuthError = 1.1 * kDegree,
                 kElevationError = 0.6 * kDegree;
}  // namespace

ColourMap colour_map(double brightness, double contrast, double saturation, double hue_turns) {
  const Eigen::Vector3d luma(0.299, 0.587, 0.114);
  const Eigen::Matrix3d grey = Eigen::Vector3d::Ones() * luma.transpose();
  const Eigen::Matrix3d saturate = saturation * Eigen::Matrix3d::Identity() + (1 - saturation) * grey;
  const Eigen::Matrix3d turn =
      Eigen::AngleAxisd(2 * std::numbers::pi * hue_turns, Eigen::Vector3d::Ones().normalized()).toRotationMatrix();
  // Grey is a fixed point of saturation and hue, so the shift passes through them unchanged.
  const Eigen::Matrix3d matrix = turn * saturate * (brightness * contrast);
  const double shift = 0.5 * (1 - contrast);
  ColourMap out{};
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c)
      out[static_cast<std::size_t>(r)][static_cast<std::size_t>(c)] = static_cast<float>(matrix(r, c));
    out[static_cast<std::size_t>(r)][3] = static_cast<float>(shift);
  }
  return out;
}

Augmentation draw_augmentation(const AugmentConfig& config, std::uint64_t seed, std::uint64_t sample) {
  Random random(seed, sample, Stream::augmentation);
  Augmentation out;
  out.mirror = random.uniform() < config.mirror;
  const bool plain = random.uniform() < config.plain_background;
  std::array<float, 3> background{};
  for (float& channel : background) channel = static_cast<float>(random.uniform());
  if (plain) out.background = background;
  const auto around_one = [&](double most) { return 1 + most * random.uniform(-1, 1); };
  const double brightness = around_one(config.brightness), contrast = around_one(config.contrast);
  const double saturation = around_one(config.saturation), hue = config.hue * random.uniform(-1, 1);
  if (config.brightness > 0 || config.contrast > 0 || config.saturation > 0 || config.hue > 0) {
    out.colour = colour_map(brightness, contrast, saturation, hue);
  }
  if (config.camera_noise > 0) {
    auto& errors = out.camera_errors.emplace();
    for (ViewCorrection& error : errors) {
      error.log_scale = kScaleError * config.camera_noise * random.normal();
      error.shift_x = kShiftError * config.camera_noise * random.normal();
      error.shift_y = kShiftError * config.camera_noise * random.normal();
      error.roll = kRollError * config.camera_noise * random.normal();
      error.azimuth = kAzimuthError * config.camera_noise * random.normal();
      error.elevation = kElevationError * config.camera_noise * random.normal();
    }
  }
  return out;
}

}  // namespace spinfill
