// SPDX-License-Identifier: Apache-2.0
#include "support/tiny_set.h"
#include "core/files/json.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <Eigen/LU>

#include "core/files/files.h"
#include "core/random.h"
#include "core/tensors/safetensors.h"
#include "data/batches/batch.h"
#include "data/pictures/normal_picture.h"
#include "data/pictures/picture.h"
#include "data/sets/categories.h"
#include "data/sets/view_set_writer.h"

namespace spinfill::test {
namespace {

const Eigen::Array3d kSemiAxes(0.5, 0.22, 0.17);
constexpr int kSubPixels = 4;  // per side

Eigen::Array3d colour_at(const Eigen::Array3d& point, const Eigen::Array3d& paint) {
  const Eigen::Array3d unit = point / kSemiAxes;
  Eigen::Array3d colour = paint;
  if (unit.z() > 0.35 && unit.z() < 0.75) colour = {0.1, 0.12, 0.15};  // windows
  if (unit.x() > 0.9) colour = {0.95, 0.95, 0.8};                      // front lights
  if (unit.x() < -0.9) colour = {0.8, 0.05, 0.05};                     // rear lights
  if (unit.y() > 0 && (unit.head<2>() - Eigen::Array2d(0.3, 0.9)).matrix().norm() < 0.2) colour = {0.1, 0.5, 0.9};
  return colour * (0.75 + 0.25 * unit.z());
}

}  // namespace

Turntable tiny_turntable(const TinySetOptions& options) {
  Random random(options.seed, 0, Stream::test);
  Turntable turntable;
  turntable.elevation_deg = random.uniform(4, 12);
  turntable.distance = random.uniform(3.2, 3.6);
  return turntable;
}

cv::Mat render_tiny_vehicle(const Camera& camera, std::uint64_t seed) {
  Random random(seed, 1, Stream::test);
  const Eigen::Array3d paint(random.uniform(0.2, 1), random.uniform(0.2, 1), random.uniform(0.2, 1));
  const Eigen::Array3d origin = camera.vehicle_from_camera.block<3, 1>(0, 3).array() / kSemiAxes;
  cv::Mat picture(camera.height, camera.width, CV_8UC4);
  for (int v = 0; v < camera.height; ++v) {
    for (int u = 0; u < camera.width; ++u) {
      Eigen::Array3d sum(0, 0, 0);
      int hits = 0;
      for (int s = 0; s < kSubPixels * kSubPixels; ++s) {
        const double x = u + (s % kSubPixels + 0.5) / kSubPixels, y = v + (s / kSubPixels + 0.5) / kSubPixels;
        const Eigen::Vector3d in_camera((x - camera.cx) / camera.fl_x, -(y - camera.cy) / camera.fl_y, -1);
        const Eigen::Array3d ray = (camera.vehicle_from_camera.topLeftCorner<3, 3>() * in_camera).array() / kSemiAxes;
        // |origin + t·ray| = 1 on the unit sphere that the ellipsoid is scaled to.
        const double a = (ray * ray).sum(), b = (ray * origin).sum(), c = (origin * origin).sum() - 1;
        const double discriminant = b * b - a * c;
        if (discriminant < 0) continue;
        sum += colour_at((origin + ray * ((-b - std::sqrt(discriminant)) / a)) * kSemiAxes, paint);
        ++hits;
      }
      auto& pixel = picture.at<cv::Vec4b>(v, u);
      const auto byte = [](double value) {
        return static_cast<unsigned char>(std::lround(255 * std::clamp(value, 0.0, 1.0)));
      };
      for (int c = 0; c < 3; ++c) pixel[c] = hits > 0 ? byte(sum[c] / hits) : 0;
      pixel[3] = byte(static_cast<double>(hits) / (kSubPixels * kSubPixels));
    }
  }
  return picture;
}

cv::Mat tiny_normals(const Camera& camera) {
  const Eigen::Array3d origin = camera.vehicle_from_camera.block<3, 1>(0, 3).array() / kSemiAxes;
  cv::Mat normals(camera.height, camera.width, CV_32FC3, cv::Scalar::all(0));
  for (int v = 0; v < camera.height; ++v) {
    for (int u = 0; u < camera.width; ++u) {
      const Eigen::Vector3d in_camera((u + 0.5 - camera.cx) / camera.fl_x, -(v + 0.5 - camera.cy) / camera.fl_y, -1);
      const Eigen::Array3d ray = (camera.vehicle_from_camera.topLeftCorner<3, 3>() * in_camera).array() / kSemiAxes;
      const double a = (ray * ray).sum(), b = (ray * origin).sum(), c = (origin * origin).sum() - 1;
      if (b * b - a * c < 0) continue;
      const Eigen::Array3d on_sphere = origin + ray * ((-b - std::sqrt(b * b - a * c)) / a);
      const Eigen::Vector3f n = (on_sphere / kSemiAxes).matrix().normalized().cast<float>();
      normals.at<cv::Vec3f>(v, u) = {n.x(), n.y(), n.z()};
    }
  }
  return normals;
}

ViewSet write_tiny_set(const std::filesystem::path& folder, const TinySetOptions& options) {
  make_folder(folder);
  ViewSet set;
  set.folder = folder;
  set.id = options.id;
  set.category = options.category;
  set.source = "analytic ellipsoid";
  set.licence = "CC0-1.0";
  set.width = options.width;
  set.height = options.height;
  for (const int slot : options.slots) {
    Frame frame;
    frame.file_path = fmt::format("{:03}.png", azimuth_of(slot));
    frame.azimuth_deg = azimuth_of(slot);
    frame.camera = turntable_camera(tiny_turntable(options), frame.azimuth_deg, options.width, options.height);
    write_png(folder / frame.file_path, render_tiny_vehicle(*frame.camera, options.seed));
    if (options.normals) {
      frame.normal_file_path = fmt::format("normal-{:03}.png", azimuth_of(slot));
      write_file_atomic(folder / frame.normal_file_path, encode_normals(tiny_normals(*frame.camera)));
    }
    if (!options.cameras) frame.camera.reset();
    set.frames.push_back(frame);
  }
  if (!options.identity.empty()) {
    set.identity_file_path = "identity.safetensors";
    write_safetensors(folder / set.identity_file_path, {{"identity", at::tensor(options.identity)}});
  }
  write_transforms(set);
  return set;
}

void write_tiny_data_set(const std::filesystem::path& folder, int count, const TinySetOptions& options) {
  Json splits = {{"train", Json::array()}, {"val", Json::array()}, {"test", Json::array()}};
  for (int i = 0; i < count; ++i) {
    TinySetOptions own = options;
    own.id = fmt::format("tiny-{:02}", i);
    own.category = kCategories[static_cast<std::size_t>(i) % kCategories.size()];
    own.seed = options.seed + static_cast<std::uint64_t>(i);
    write_tiny_set(folder / own.id, own);
    splits[i == count - 1 ? "test" : i == count - 2 ? "val" : "train"].push_back(own.id);
  }
  write_json_atomic(folder / "splits.json", splits);
}

}  // namespace spinfill::test
