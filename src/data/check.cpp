// SPDX-License-Identifier: Apache-2.0
#include "data/check.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "core/error.h"
#include "data/data_set.h"
#include "data/picture.h"
#include "data/samples.h"

namespace spinfill {
namespace {

constexpr double kMaxDirectionError = 10;  // degrees between azimuth_deg and the camera
constexpr double kSameAzimuth = 0.5;       // degrees
constexpr unsigned char kCovered = 128;    // alpha from which a pixel counts as vehicle

std::string name_of(const fs::path& folder) {
  return fs::weakly_canonical(folder).filename().string();
}

// An error's message without the file's path, which the problem's place already says.
std::string without_path(const std::string& message, const fs::path& path) {
  if (!message.starts_with(path.string())) return message;
  const std::string rest = message.substr(path.string().size());
  if (rest.starts_with(": ")) return rest.substr(2);
  return rest.starts_with(":") ? "line " + rest.substr(1) : message;
}

struct CheckedSet {
  ViewSet set;
  std::int64_t pictures = 0;
  std::int64_t identity_length = 0;           // 0: none
  std::map<std::string, std::string> hashes;  // sha256 of a picture's bytes → its path
  std::vector<DataProblem> problems;
};

class SetCheck {
 public:
  SetCheck(const fs::path& folder, const DataCheckOptions& options) : folder_(folder), options_(options) {}

  CheckedSet run() {
    try {
      out_.set = parse_view_set(
          folder_, [&](const auto& where, const auto& what, const auto& advice) { add(where, what, advice); });
    } catch (const Error& error) {
      add("transforms.json", without_path(error.what(), folder_ / "transforms.json"), "correct the file");
      out_.set.folder = folder_;
      out_.set.id = name_of(folder_);  // so that the splits are not said to name an unknown vehicle
      return std::move(out_);
    }
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
    out_.problems.push_back({name_of(folder_), frame, problem, advice});
  }

  // A denser spin (more than eight pictures) has several pictures per slot, but never one azimuth twice.
  void check_azimuths() {
    const auto& frames = out_.set.frames;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const double apart = std::abs(std::remainder(frames[i].azimuth_deg - frames[j].azimuth_deg, 360.0));
        if (apart < kSameAzimuth) {
          add(frames[i].file_path,
              fmt::format("duplicate azimuth {} (also {})", frames[i].azimuth_deg, frames[j].file_path),
              "remove one picture or correct azimuth_deg");
        } else if (frames.size() <= 8 && frames[i].slot() == frames[j].slot()) {
          add(frames[i].file_path,
              fmt::format("duplicate view: azimuth {} is nearest to {} like {}", frames[i].azimuth_deg,
                          45 * frames[i].slot(), frames[j].file_path),
              "remove one picture or correct azimuth_deg");
        }
      }
    }
    if (options_.allow_missing_views || frames.empty()) return;
    for (int slot = 0; slot < 8; ++slot) {
      if (out_.set.frame_at(slot) == nullptr) {
        add(fmt::format("{:03}", 45 * slot), "missing frame: no picture of this view",
            "add it, or pass --allow-missing for a set to be completed");
      }
    }
  }

  void check_picture(const Frame& frame) {
    const fs::path path = folder_ / frame.file_path;
    cv::Mat picture;
    try {
      const std::string bytes = read_file(path, std::uint64_t{1} << 30);
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
      check_mask(frame, mask, 0);
    } else {
      check_mask(frame, picture, 3);
    }
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
      cv::Mat picture = read_picture(path);
      if (same_size(file, picture.cols, picture.rows)) return picture;
    } catch (const Error& error) {
      add(file, "unreadable picture: " + without_path(error.what(), path), "replace it");
    }
    return {};
  }

  void check_mask(const Frame& frame, const cv::Mat& picture, int channel) {
    bool any = false, all = true;
    std::set<std::string> sides;
    for (int y = 0; y < picture.rows; ++y) {
      const auto* row = picture.ptr<cv::Vec4b>(y);
      for (int x = 0; x < picture.cols; ++x) {
        const bool covered = row[x][channel] >= kCovered;
        any = any || covered;
        all = all && row[x][channel] == 255;
        if (!covered) continue;
        if (x == 0) sides.insert("left");
        if (x == picture.cols - 1) sides.insert("right");
        if (y == 0) sides.insert("upper");
        if (y == picture.rows - 1) sides.insert("lower");
      }
    }
    if (!any) {
      add(frame.file_path, "empty mask: no pixel is covered", "cut the vehicle out again");
    } else if (all) {
      add(frame.file_path, "no mask: every pixel is opaque", "cut the vehicle out (alpha channel or mask_file_path)");
    } else if (!sides.empty()) {
      add(frame.file_path, fmt::format("the vehicle touches the {} border", fmt::join(sides, " and ")),
          "take or render the picture with room around the vehicle");
    }
  }

  void check_camera(const Frame& frame) {
    const Camera& camera = *frame.camera;
    const Direction direction = viewing_direction(camera);
    const double apart = std::abs(std::remainder(direction.azimuth_deg - frame.azimuth_deg, 360.0));
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

  const fs::path folder_;
  const DataCheckOptions& options_;
  CheckedSet out_;
};

void check_together(const fs::path& folder, const std::vector<CheckedSet>& sets, std::vector<DataProblem>& problems) {
  std::map<std::string, std::string> folder_of_id;
  const CheckedSet* first_identity = nullptr;
  for (const CheckedSet& checked : sets) {
    const std::string name = name_of(checked.set.folder);
    const auto [other, fresh] = folder_of_id.emplace(checked.set.id, name);
    if (!fresh) {
      problems.push_back(
          {name, "id", fmt::format("duplicate id '{}' (also {})", checked.set.id, other->second), "rename one"});
    }
    if (checked.identity_length == 0) continue;
    if (first_identity == nullptr) first_identity = &checked;
    if (checked.identity_length != first_identity->identity_length) {
      problems.push_back({name, checked.set.identity_file_path,
                          fmt::format("{} numbers, but {} has {}", checked.identity_length,
                                      name_of(first_identity->set.folder), first_identity->identity_length),
                          "make all identity vectors with one network"});
    }
  }
  std::optional<Splits> splits;
  try {
    splits = read_splits(folder, [&](const auto& where, const auto& what, const auto& advice) {
      problems.push_back({"", where, what, advice});
    });
  } catch (const Error& error) {
    problems.push_back({"", "splits.json", without_path(error.what(), folder / "splits.json"), "correct the file"});
  }
  if (!splits) return;
  std::map<std::string, std::string> split_of;
  for (const auto& [split, ids] : *splits) {
    for (const std::string& id : ids) {
      split_of[id] = split;
      if (!folder_of_id.contains(id)) {
        problems.push_back(
            {"", "splits.json: " + split, fmt::format("unknown vehicle '{}'", id), "remove it or add its folder"});
      }
    }
  }
  // One vehicle under two ids shows by a picture that is equal to the byte.
  std::map<std::string, const CheckedSet*> owner;
  std::set<std::pair<std::string, std::string>> told;
  for (const CheckedSet& checked : sets) {
    for (const auto& [hash, file] : checked.hashes) {
      const auto [other, fresh] = owner.emplace(hash, &checked);
      const std::string &own_id = checked.set.id, &other_id = other->second->set.id;
      if (fresh || own_id == other_id || !split_of.contains(own_id) || !split_of.contains(other_id)) continue;
      if (split_of[own_id] == split_of[other_id] || !told.emplace(own_id, other_id).second) continue;
      problems.push_back({name_of(checked.set.folder), file,
                          fmt::format("split '{}' shares this very picture with '{}' in split '{}'", split_of[own_id],
                                      other_id, split_of[other_id]),
                          "leave each vehicle in one split"});
    }
  }
}

}  // namespace

std::string to_line(const DataProblem& problem) {
  std::string place = problem.set;
  if (!place.empty() && !problem.frame.empty()) place += "/";
  std::string line = fmt::format("{}{}: {}: {}", place, problem.frame, problem.problem, problem.advice);
  std::ranges::replace_if(
      line, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');  // names are foreign
  return line;
}

Json to_json(const DataCheck& check) {
  Json problems = Json::array();
  for (const DataProblem& p : check.problems) {
    problems.push_back({{"set", p.set}, {"frame", p.frame}, {"problem", p.problem}, {"advice", p.advice}});
  }
  return {{"sets", check.sets}, {"pictures", check.pictures}, {"problems", problems}};
}

DataCheck check_data(const fs::path& folder, const DataCheckOptions& options) {
  if (!fs::is_directory(folder)) fail("{}: there is no such folder", folder.string());
  const bool single = fs::exists(folder / "transforms.json");
  const std::vector<fs::path> folders = single ? std::vector<fs::path>{folder} : set_folders(folder);
  if (folders.empty()) {
    fail("{}: holds no view sets (folders with a transforms.json, see docs/data.md)", folder.string());
  }
  std::vector<CheckedSet> sets(folders.size());
  std::atomic<std::size_t> next{0};
  std::int64_t done = 0;
  std::mutex mutex;
  std::exception_ptr broken;
  const auto work = [&] {
    for (std::size_t i = next++; i < folders.size(); i = next++) {
      try {
        sets[i] = SetCheck(folders[i], options).run();
      } catch (...) {
        const std::lock_guard lock(mutex);
        broken = std::current_exception();
        next = folders.size();
        return;
      }
      const std::lock_guard lock(mutex);
      ++done;
      if (options.progress) options.progress(done, static_cast<std::int64_t>(folders.size()));
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 1; i < options.threads; ++i) threads.emplace_back(work);
    work();
  }
  if (broken) std::rethrow_exception(broken);
  DataCheck check;
  check.sets = static_cast<std::int64_t>(sets.size());
  for (const CheckedSet& set : sets) {
    check.pictures += set.pictures;
    check.problems.insert(check.problems.end(), set.problems.begin(), set.problems.end());
  }
  if (!single) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (entry.is_directory() && !name.starts_with(".") && !fs::exists(entry.path() / "transforms.json")) {
        check.problems.push_back({name, "transforms.json", "there is no such file", "add it or remove the folder"});
      }
    }
    check_together(folder, sets, check.problems);
  }
  std::ranges::stable_sort(check.problems, {}, &DataProblem::set);
  return check;
}

}  // namespace spinfill
