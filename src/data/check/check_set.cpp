// SPDX-License-Identifier: Apache-2.0
#include "data/check/check_set.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "core/error.h"
#include "core/files/links.h"
#include "core/files/sha256.h"
#include "data/check/check_picture.h"
#include "data/check/vehicle_scale.h"
#include "data/pictures/picture.h"
#include "data/sets/identity.h"
#include "data/sets/picture_names.h"
#include "data/sets/set_folders.h"
#include "data/sets/set_pictures.h"
#include "data/sets/set_problems.h"

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
      out_.set = to_check_.parse([&](const auto& where, const auto& what, const auto& advice) {
        out_.problems.push_back({name_, where, what, advice});
      });
    } catch (const Error& error) {
      const bool alone = to_check_.pictures_alone;
      const fs::path read = alone ? folder_ : folder_ / to_check_.description;
      out_.problems.push_back({name_, to_check_.description, without_path(error.what(), read),
                               alone ? "mend the folder" : "correct the file"});
      out_.set.folder = folder_;
      out_.set.id = name_;  // else the splits would seem to name an unknown vehicle
      return std::move(out_);
    }
    folder_ = out_.set.folder;
    check_azimuths();
    for (const Frame& frame : out_.set.frames) {
      if (!frame.file_path.empty()) check_picture(frame);
      if (frame.camera && !std::isnan(frame.azimuth_deg)) check_camera(frame);
    }
    check_scale();
    check_identity();
    for (SetProblems::Problem& problem : found_.list("")) {
      if (problem.frames.size() < 2) problem.frames.clear();
      out_.problems.push_back({name_, problem.where, problem.what, problem.advice, std::move(problem.frames)});
    }
    return std::move(out_);
  }

 private:
  // Equal problems of several pictures are one; `example` stands for {} in it.
  void add(const std::string& picture, const std::string& problem, const std::string& advice,
           const std::optional<std::string>& example = {}) {
    found_.add(picture, problem, advice, {"", picture, example});
  }

  // A denser spin (more than eight pictures) has several pictures per slot, but never one azimuth twice. Azimuths that
  // could not be read say nothing.
  void check_azimuths() {
    std::vector<const Frame*> known;
    std::map<int, const Frame*> shown;
    for (const Frame& frame : out_.set.frames) {
      if (std::isnan(frame.azimuth_deg)) continue;
      const auto twin = std::ranges::find_if(
          known, [&](const Frame* other) { return apart_deg(frame.azimuth_deg, other->azimuth_deg) < kSameAzimuth; });
      const auto [view, fresh] = shown.emplace(frame.slot(), &frame);
      if (twin != known.end()) {
        add(frame.file_path, "duplicate azimuth {}", "remove one picture or correct azimuth_deg",
            fmt::format("{} (also {})", frame.azimuth_deg, (*twin)->file_path));
      } else if (!fresh && out_.set.frames.size() <= kSlots) {
        add(frame.file_path, "duplicate view: azimuth {}", "remove one picture or correct azimuth_deg",
            fmt::format("{} is nearest to {} like {}", frame.azimuth_deg, azimuth_of(frame.slot()),
                        view->second->file_path));
      }
      known.push_back(&frame);
    }
    if (options_.allow_missing_views || to_check_.pictures_alone || known.empty() ||
        known.size() < out_.set.frames.size())
      return;
    for (int slot = 0; slot < kSlots; ++slot) {
      if (shown.contains(slot)) continue;
      add(fmt::format("{:03}", azimuth_of(slot)), "missing frame: no picture of this view",
          "add it, or pass --allow-missing for a set to be completed");
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
      add_unreadable(frame.file_path, error, "replace it");
      return;
    }
    ++out_.pictures;
    if (!same_size(frame.file_path, picture.cols, picture.rows, "")) return;
    cv::Mat mask;
    if (!frame.mask_file_path.empty()) {
      mask = companion(frame.mask_file_path, "");
      if (mask.empty()) return;
      put_mask(picture, mask);
    }
    const std::vector<PictureProblem> faults = pictures_.add(frame.file_path, picture, mask);
    for (const PictureProblem& fault : faults) add(frame.file_path, fault.problem, fault.advice);
    if (faults.empty() && frame.camera) {
      scales_.push_back(vehicle_scale(*frame.camera, picture));
    }
    check_values(frame.depth_file_path, "data.depth needs depth", [&] {
      if (out_.set.depth_scale > 0) read_depth(out_.set, frame);
    });
    check_values(frame.normal_file_path, "model.normals needs normals", [&] { read_normals(out_.set, frame); });
  }

  void add_unreadable(const std::string& file, const Error& error, const std::string& advice) {
    const fs::path path = folder_ / file;
    const std::string why = "unreadable picture: " + without_path(error.what(), path);
    const std::string absent = why_absent(path);  // differs by the picture's name alone
    const auto at = absent.empty() ? std::string::npos : why.find(absent);
    if (at == std::string::npos) return add(file, why, advice);
    add(file, why.substr(0, at) + "{}" + why.substr(at + absent.size()), advice, absent);
  }

  // Where the set's own size could not be read, every size will do.
  bool same_size(const std::string& file, int width, int height, const std::string& or_else) {
    if (out_.set.width == 0 || (width == out_.set.width && height == out_.set.height)) return true;
    add(file,
        fmt::format("unequal size: {}x{} px, but the set says {}x{}", width, height, out_.set.width, out_.set.height),
        size_advice(out_.set, width, height) + or_else);
    return false;
  }

  // A readable mask, depth or normal picture of the right size, or an empty one and a problem noted.
  cv::Mat companion(const std::string& file, const std::string& or_else) {
    const fs::path path = folder_ / file;
    try {
      cv::Mat picture = decode_picture(read_set_file(out_.set, file, kMaxPictureFileBytes), path.string());
      if (same_size(file, picture.cols, picture.rows, or_else)) return picture;
    } catch (const Error& error) {
      add_unreadable(file, error, "replace it" + or_else);
    }
    return {};
  }

  // A picture of 16-bit values, as `read` reads it.
  void check_values(const std::string& file, const char* needs, const std::function<void()>& read) {
    if (file.empty()) return;
    const std::string or_else = fmt::format(", or do not name it in transforms.json: only {}", needs);
    if (companion(file, or_else).empty() || out_.set.width == 0) return;
    try {
      read();
    } catch (const Error& error) {
      add(file, without_path(error.what(), folder_ / file), "replace it" + or_else);
    }
  }

  // Cameras that are further off, or do not see the vehicle, are no cameras for the reader either.
  void check_camera(const Frame& frame) {
    const double stands = viewing_direction(*frame.camera).azimuth_deg;
    if (!(apart_deg(stands, frame.azimuth_deg) > kMaxDirectionError)) return;  // an unknown azimuth is NaN
    add(frame.file_path, "wrong matrix: the camera stands at azimuth {}",
        "use the vehicle frame (X forward, Y left, Z up) and OpenGL camera axes",
        fmt::format("{:.1f}, but azimuth_deg is {:.1f}", stands, frame.azimuth_deg));
  }

  void check_scale() {
    const std::string wrong = wrong_scale(scales_);
    if (wrong.empty()) return;
    out_.problems.push_back({name_, "transform_matrix", "wrong scale: " + wrong,
                             "divide the cameras' positions by its length (the longest side of its bounding box)"});
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
  SetProblems found_;           // in pictures
  std::vector<double> scales_;  // of the vehicle, by each picture
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

std::vector<SetToCheck> sets_to_check(const fs::path& folder, const ShardSets* shards,
                                      const PhotographOptions& options) {
  std::vector<SetToCheck> out;
  if (shards == nullptr && set_folder_or_folders(folder).empty()) {
    const FolderListing listing = list_pictures(folder);
    if (listing.pictures.empty() && listing.other_formats.empty()) return out;
    out.push_back({folder, "", [&](const ReportProblem&) { return view_set_from_pictures(folder, options); }, true});
    return out;
  }
  if (options.azimuths.from != PictureAzimuths::From::names)
    fail_usage("--given-azimuths: {} holds view sets, which state their azimuths: correct them there", folder.string());
  if (shards != nullptr) {
    for (std::int64_t i = 0; i < shards->size(); ++i) {
      out.push_back({shards->shard_of(i) / shards->id(i), kDescriptionField,
                     [shards, i](const ReportProblem& report) { return shards->parse(i, report); }});
    }
    return out;
  }
  for (const fs::path& path : set_folder_or_folders(folder)) {
    out.push_back({path, "transforms.json", [path, links = options.links](const ReportProblem& report) {
                     return parse_view_set(path, report, links);
                   }});
  }
  return out;
}

CheckedSet check_set(const SetToCheck& set, const DataCheckOptions& options) {
  return SetCheck(set, options).run();
}

}  // namespace spinfill
