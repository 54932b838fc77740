// SPDX-License-Identifier: Apache-2.0
#include "data/check/check_set.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

#include "core/error.h"
#include "core/files/sha256.h"
#include "data/check/check_picture.h"
#include "data/pictures/picture.h"
#include "data/sets/identity.h"
#include "data/sets/set_folders.h"
#include "data/sets/set_pictures.h"

namespace spinfill {
namespace {

constexpr double kMaxDirectionError = 10;  // degrees between azimuth_deg and the camera
constexpr double kSameAzimuth = 0.5;       // degrees

class SetCheck {
 public:
  SetCheck(const SetToCheck& set, const DataCheckOptions& options)
      : to_check_(set), name_(name_of(set.folder)), folder_(set.folder), options_(options) {}

  CheckedSet run() {
    try {
      out_.set =
          to_check_.parse([&](const auto& where, const auto& what, const auto& advice) { add(where, what, advice); });
    } catch (const Error& error) {
      add(to_check_.description, without_path(error.what(), folder_ / to_check_.description), "correct the file");
      out_.set.folder = folder_;
      out_.set.id = name_;  // else the splits would seem to name an unknown vehicle
      return std::move(out_);
    }
    folder_ = out_.set.folder;
    check_azimuths();
    for (const Frame& frame : out_.set.frames) {
      if (!frame.file_path.empty()) check_picture(frame);
      if (frame.camera) check_camera(frame);
    }
    check_identity();
    return std::move(out_);
  }

 private:
  void add(const std::string& frame, const std::string& problem, const std::string& advice) {
    out_.problems.push_back({name_, frame, problem, advice});
  }

  // A denser spin (more than eight pictures) has several pictures per slot, but never one azimuth twice.
  void check_azimuths() {
    const auto& frames = out_.set.frames;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const double apart = apart_deg(frames[i].azimuth_deg, frames[j].azimuth_deg);
        if (apart < kSameAzimuth) {
          add(frames[i].file_path,
              fmt::format("duplicate azimuth {} (also {})", frames[i].azimuth_deg, frames[j].file_path),
              "remove one picture or correct azimuth_deg");
        } else if (frames.size() <= kSlots && frames[i].slot() == frames[j].slot()) {
          add(frames[i].file_path,
              fmt::format("duplicate view: azimuth {} is nearest to {} like {}", frames[i].azimuth_deg,
                          azimuth_of(frames[i].slot()), frames[j].file_path),
              "remove one picture or correct azimuth_deg");
        }
      }
    }
    if (options_.allow_missing_views || frames.empty()) return;
    for (int slot = 0; slot < kSlots; ++slot) {
      if (out_.set.frame_at(slot) == nullptr) {
        add(fmt::format("{:03}", azimuth_of(slot)), "missing frame: no picture of this view",
            "add it, or pass --allow-missing for a set to be completed");
      }
    }
  }

  void check_picture(const Frame& frame) {
    const fs::path path = folder_ / frame.file_path;
    cv::Mat picture;
    try {
      const std::string bytes = read_set_file(out_.set, frame.file_path, kMaxPictureFileBytes);
      picture = decode_picture(bytes, path.string());
      out_.hashes.emplace(sha256_hex(bytes), frame.file_path);
    } catch (const Error& error) {
      add(frame.file_path, "unreadable picture: " + without_path(error.what(), path), "replace it");
      return;
    }
    ++out_.pictures;
    if (!same_size(frame.file_path, picture.cols, picture.rows)) return;
    if (!frame.mask_file_path.empty()) {
      const cv::Mat mask = companion(frame.mask_file_path);
      if (mask.empty()) return;
      cv::mixChannels({mask}, {picture}, {0, 3});
    }
    for (const PictureProblem& found : pictures_.add(frame.file_path, picture))
      add(frame.file_path, found.problem, found.advice);
    for (const std::string& file : {frame.depth_file_path, frame.normal_file_path}) {
      if (!file.empty()) companion(file);
    }
  }

  bool same_size(const std::string& file, int width, int height) {
    if (width == out_.set.width && height == out_.set.height) return true;
    add(file,
        fmt::format("unequal size: {}x{} px, but the set says {}x{}", width, height, out_.set.width, out_.set.height),
        "give all pictures of a set the size w x h");
    return false;
  }

  // A readable mask, depth or normal picture of the right size, or an empty one and a problem noted.
  cv::Mat companion(const std::string& file) {
    const fs::path path = folder_ / file;
    try {
      cv::Mat picture = decode_picture(read_set_file(out_.set, file, kMaxPictureFileBytes), path.string());
      if (same_size(file, picture.cols, picture.rows)) return picture;
    } catch (const Error& error) {
      add(file, "unreadable picture: " + without_path(error.what(), path), "replace it");
    }
    return {};
  }

  void check_camera(const Frame& frame) {
    const Camera& camera = *frame.camera;
    const Direction direction = viewing_direction(camera);
    const double apart = apart_deg(direction.azimuth_deg, frame.azimuth_deg);
    if (apart > kMaxDirectionError) {
      add(frame.file_path,
          fmt::format("wrong matrix: the camera stands at azimuth {:.1f}, but azimuth_deg is {:.1f}",
                      direction.azimuth_deg, frame.azimuth_deg),
          "use the vehicle frame (X forward, Y left, Z up) and OpenGL camera axes");
    }
    // The vehicle's centre in the camera's frame: −Rᵀt.
    const Eigen::Matrix3d rotation = camera.vehicle_from_camera.topLeftCorner<3, 3>();
    const Eigen::Vector3d position = camera.vehicle_from_camera.topRightCorner<3, 1>();
    const Eigen::Vector3d centre = -(rotation.transpose() * position);
    const double x = camera.cx + camera.fl_x * centre.x() / -centre.z(),
                 y = camera.cy - camera.fl_y * centre.y() / -centre.z();
    if (centre.z() >= 0 || x < 0 || y < 0 || x > camera.width || y > camera.height) {
      add(frame.file_path, "wrong matrix: the camera does not see the vehicle's centre",
          "use camera-to-vehicle matrices in OpenGL axes (−Z forward)");
    }
  }

  void check_identity() {
    if (out_.set.identity_file_path.empty()) return;
    try {
      out_.identity_length = read_identity(out_.set).numel();
    } catch (const std::exception& error) {
      add(out_.set.identity_file_path, without_path(error.what(), folder_ / out_.set.identity_file_path),
          "write a safetensors file with one float32 vector 'identity'");
    }
  }

  const SetToCheck& to_check_;
  const std::string name_;
  fs::path folder_;
  const DataCheckOptions& options_;
  PictureCheck pictures_;
  CheckedSet out_;
};

}  // namespace

std::string name_of(const fs::path& folder) {
  return fs::weakly_canonical(folder).filename().string();
}

std::string without_path(const std::string& message, const fs::path& path) {
  if (!message.starts_with(path.string())) return message;
  const std::string rest = message.substr(path.string().size());
  if (rest.starts_with(": ")) return rest.substr(2);
  return rest.starts_with(":") ? "line " + rest.substr(1) : message;
}

std::vector<SetToCheck> sets_to_check(const fs::path& folder, const ShardSets* shards, Links links) {
  std::vector<SetToCheck> out;
  if (shards != nullptr) {
    for (std::int64_t i = 0; i < shards->size(); ++i) {
      out.push_back({shards->shard_of(i) / shards->id(i), kDescriptionField,
                     [shards, i](const ReportProblem& report) { return shards->parse(i, report); }});
    }
    return out;
  }
  for (const fs::path& path : set_folder_or_folders(folder)) {
    out.push_back({path, "transforms.json",
                   [path, links](const ReportProblem& report) { return parse_view_set(path, report, links); }});
  }
  return out;
}

CheckedSet check_set(const SetToCheck& set, const DataCheckOptions& options) {
  return SetCheck(set, options).run();
}

}  // namespace spinfill
