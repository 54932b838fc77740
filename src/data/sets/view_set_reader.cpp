// SPDX-License-Identifier: Apache-2.0
#include "data/sets/view_set_reader.h"

#include <Eigen/LU>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/text.h"
#include "data/pictures/picture.h"

namespace spinfill {
namespace {

constexpr double kRigidTolerance = 1e-3;  // files keep four decimals or more
constexpr double kMaxCoordinate = 1e4;    // vehicle lengths
constexpr double kMaxFocal = 1e6;         // px

// The start of a text from a file, fit for a message of one line.
std::string shown(const std::string& text) {
  std::string out = text.substr(0, 60);
  std::ranges::replace_if(out, is_control, '?');
  return out;
}

struct Intrinsics {
  double fl_x = 0, fl_y = 0, cx = 0, cy = 0;
  bool complete() const { return fl_x > 0 && fl_y > 0; }
};

class Reader {
 public:
  Reader(const fs::path& folder, std::shared_ptr<const SetFiles> files, const ReportProblem& report) : report_(report) {
    set_.folder = folder;
    set_.files = std::move(files);
  }

  ViewSet read(const Json& root) {
    if (!root.is_object()) {
      report_("transforms.json", "is not a JSON object", "write it as docs/data.md shows");
      return set_;
    }
    read_set(root);
    const auto frames = root.find("frames");
    if (frames == root.end() || !frames->is_array() || frames->empty() || frames->size() > kMaxFrames) {
      report_("frames", fmt::format("is not a list of 1 to {} frames", kMaxFrames), "list the set's pictures there");
      return set_;
    }
    for (std::size_t i = 0; i < frames->size(); ++i) {
      const std::string place = fmt::format("frames[{}]", i);
      if ((*frames)[i].is_object() && !(*frames)[i].contains("file_path"))
        report_(place + ".file_path", "is missing", "name the frame's picture");
      if (auto frame = read_frame((*frames)[i], place)) set_.frames.push_back(std::move(*frame));
    }
    read_missing(root);
    set_.cameras_estimated = tells_of_an_estimate(root);
    for (std::size_t i = 0; i < set_.frames.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!set_.frames[i].file_path.empty() && set_.frames[i].file_path == set_.frames[j].file_path) {
          report_(set_.frames[i].file_path, "is listed twice", "name each picture once");
        }
      }
    }
    return set_;
  }

 private:
  // By `data stabilise` or `complete`, in whatever they wrote of it.
  bool tells_of_an_estimate(const Json& root) const {
    if (root.contains("stabilisation") || root.value("cameras", Json()) == "estimated") return true;
    return std::ranges::any_of(set_.frames, [](const Frame& frame) { return frame.stated_azimuth_deg.has_value(); });
  }

  void read_set(const Json& root) {
    fs::path folder = set_.folder.lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    if (folder.filename() == "." || folder.filename() == "..") folder = fs::weakly_canonical(folder);
    set_.id = text(root, "id", folder.filename().string(), "");
    if (!is_valid_id(set_.id)) {
      report_("id", fmt::format("'{}' cannot be a vehicle's id", shown(set_.id)),
              "use 1 to 128 printable characters without '/', not starting with a dot");
    }
    set_.category = text(root, "category", "unknown", "");
    // Any name is a category; those that a model was not made for get no category token (data/sets/categories.h).
    if (!is_valid_category(set_.category)) {
      report_("category", fmt::format("'{}' cannot be a category's name", shown(set_.category)),
              "use 1 to 64 lower-case letters, digits, '-' and '_', such as sedan, or unknown");
      set_.category = "unknown";
    }
    set_.source = text(root, "source", "", "");
    set_.licence = text(root, "licence", "", "");
    set_.identity_file_path = file_path(root, "identity_file_path", "");
    set_.width = side(root, "w");
    set_.height = side(root, "h");
    if (std::int64_t{set_.width} * set_.height > kMaxPicturePixels) {
      report_("w", fmt::format("{}x{} px is too large", set_.width, set_.height), "scale the pictures down");
    }
    const std::string model = text(root, "camera_model", "PINHOLE", "");
    if (model != "PINHOLE" && model != "SIMPLE_PINHOLE" && model != "OPENCV") {
      report_("camera_model", fmt::format("'{}' is not supported", shown(model)),
              "undistort the pictures and use PINHOLE or OPENCV");
    }
    refuse_distortion(root, "");
    shared_ = intrinsics(root, {}, "");
  }

  void read_missing(const Json& root) {
    const auto missing = root.find("missing_frames");
    if (missing == root.end()) return;
    if (!missing->is_array() || missing->size() > kMaxFrames) {
      report_("missing_frames", fmt::format("is not a list of at most {} frames", kMaxFrames), "remove it");
      return;
    }
    for (std::size_t i = 0; i < missing->size(); ++i) {
      const std::string place = fmt::format("missing_frames[{}]", i);
      auto frame = read_frame((*missing)[i], place);
      if (!frame) continue;
      if (!frame->file_path.empty()) report_(place + ".file_path", "names a picture", "list it among the frames");
      if (!frame->camera) report_(place + ".transform_matrix", "is missing", "state the camera or remove the frame");
      if (set_.missing_at(frame->slot()) != nullptr)
        report_(place + ".azimuth_deg", "stands for a view that is listed before", "list each missing view once");
      if (frame->camera) set_.missing.push_back(std::move(*frame));
    }
  }

  std::optional<Frame> read_frame(const Json& value, const std::string& place) {
    if (!value.is_object()) {
      report_(place, "is not a JSON object", "write it as docs/data.md shows");
      return std::nullopt;
    }
    Frame frame;
    frame.file_path = file_path(value, "file_path", place);
    frame.depth_file_path = file_path(value, "depth_file_path", place);
    frame.normal_file_path = file_path(value, "normal_file_path", place);
    frame.mask_file_path = file_path(value, "mask_file_path", place);
    for (const auto& [name, expected] : {std::pair{"w", set_.width}, std::pair{"h", set_.height}}) {
      if (number(value, name, expected, 1, kMaxPictureSide, place) != expected) {
        report_(place + "." + name, fmt::format("differs from the set's {} px", expected),
                "give all pictures of a set one size");
      }
    }
    refuse_distortion(value, place);
    const Intrinsics own = intrinsics(value, shared_, place);
    if (value.contains("transform_matrix")) frame.camera = camera(value["transform_matrix"], own, place);
    if (value.contains("azimuth_deg")) {
      frame.azimuth_deg = wrapped_deg(number(value, "azimuth_deg", 0, -360, 360, place));
    } else if (frame.camera) {
      frame.azimuth_deg = viewing_direction(*frame.camera).azimuth_deg;
    } else {
      report_(place + ".azimuth_deg", "is missing", "give the picture's azimuth (0 front, 90 left side)");
    }
    if (value.contains("stated_azimuth_deg"))
      frame.stated_azimuth_deg = wrapped_deg(number(value, "stated_azimuth_deg", 0, -360, 360, place));
    return frame;
  }

  std::optional<Camera> camera(const Json& rows, const Intrinsics& own, const std::string& place) {
    const std::string where = place + ".transform_matrix";
    Camera out;
    bool well_formed = rows.is_array() && rows.size() == 4;
    for (int r = 0; well_formed && r < 4; ++r) {
      const Json& row = rows[static_cast<std::size_t>(r)];
      well_formed = row.is_array() && row.size() == 4;
      for (int c = 0; well_formed && c < 4; ++c) {
        const Json& entry = row[static_cast<std::size_t>(c)];
        well_formed = entry.is_number() && std::abs(entry.get<double>()) <= kMaxCoordinate;
        if (well_formed) out.vehicle_from_camera(r, c) = entry.get<double>();
      }
    }
    if (!well_formed) {
      report_(where, fmt::format("is not 4x4 finite numbers within ±{}", kMaxCoordinate),
              "write the camera-to-vehicle matrix by rows");
      return std::nullopt;
    }
    const Eigen::Matrix3d rotation = out.vehicle_from_camera.topLeftCorner<3, 3>();
    const double error = (rotation.transpose() * rotation - Eigen::Matrix3d::Identity()).cwiseAbs().maxCoeff();
    const bool affine = (out.vehicle_from_camera.row(3) - Eigen::RowVector4d(0, 0, 0, 1)).cwiseAbs().maxCoeff() < 1e-9;
    if (error > kRigidTolerance || rotation.determinant() < 0 || !affine) {
      report_(where, "is not a rigid motion", "give a rotation (determinant +1), a position and the row 0 0 0 1");
      return std::nullopt;
    }
    if (!own.complete()) {
      report_(place, "has a transform_matrix but no focal length", "add fl_x and fl_y to the frame or the set");
      return std::nullopt;
    }
    out.fl_x = own.fl_x;
    out.fl_y = own.fl_y;
    out.cx = own.cx;
    out.cy = own.cy;
    out.width = set_.width;
    out.height = set_.height;
    return out;
  }

  Intrinsics intrinsics(const Json& value, Intrinsics fallback, const std::string& place) {
    if (place.empty()) fallback = {0, 0, set_.width / 2.0, set_.height / 2.0};
    Intrinsics out;
    out.fl_x = number(value, "fl_x", fallback.fl_x, 1e-3, kMaxFocal, place);
    out.fl_y = number(value, "fl_y", value.contains("fl_x") ? out.fl_x : fallback.fl_y, 1e-3, kMaxFocal, place);
    out.cx = number(value, "cx", fallback.cx, -kMaxFocal, kMaxFocal, place);
    out.cy = number(value, "cy", fallback.cy, -kMaxFocal, kMaxFocal, place);
    return out;
  }

  void refuse_distortion(const Json& value, const std::string& place) {
    for (const char* name : {"k1", "k2", "k3", "k4", "p1", "p2"}) {
      if (value.contains(name) && number(value, name, 0, -1e6, 1e6, place) != 0) {
        report_(join(place, name), "lens distortion is not supported", "undistort the pictures and remove it");
      }
    }
  }

  int side(const Json& root, const char* name) {
    if (!root.contains(name)) {
      report_(name, "is missing", "give the pictures' size in px");
      return 0;
    }
    const double value = number(root, name, 0, 1, kMaxPictureSide, "");
    if (value != std::floor(value)) report_(name, "is not a whole number", "give the pictures' size in px");
    return static_cast<int>(value);
  }

  // The default where the field is absent or wrong.
  double number(const Json& object, const char* name, double fallback, double low, double high,
                const std::string& place) {
    const auto found = object.find(name);
    if (found == object.end()) return fallback;
    if (found->is_number()) {
      const double value = found->get<double>();
      if (value >= low && value <= high) return value;
    }
    report_(join(place, name), fmt::format("is not a number from {} to {}", low, high), "correct it");
    return fallback;
  }

  std::string text(const Json& object, const char* name, const std::string& fallback, const std::string& place) {
    const auto found = object.find(name);
    if (found == object.end()) return fallback;
    if (found->is_string()) return found->get<std::string>();
    report_(join(place, name), "is not a text", "put it in quotes");
    return fallback;
  }

  std::string file_path(const Json& object, const char* name, const std::string& place) {
    std::string path = text(object, name, "", place);
    if (!object.contains(name)) return path;
    if (set_.files) {
      if (set_.files->holds(path)) return path;
      report_(join(place, name), fmt::format("'{}' is no file of the set", shown(path)),
              "name a field of its sample, such as 000.png");
      return "";
    }
    try {
      if (std::ranges::any_of(path, is_control)) fail("control characters");
      path_inside(set_.folder, path, join(place, name));
    } catch (const Error&) {
      report_(join(place, name), fmt::format("'{}' is not a path inside the set's folder", shown(path)),
              "move the file into the folder and name it relative to it");
      return "";
    }
    return path;
  }

  static std::string join(const std::string& place, const char* name) {
    return place.empty() ? name : place + "." + name;
  }

  const ReportProblem& report_;
  ViewSet set_;
  Intrinsics shared_;
};

}  // namespace

ViewSet parse_view_set(const fs::path& folder, const ReportProblem& report) {
  return parse_view_set(read_json(folder / "transforms.json", kMaxTransformsBytes), folder, nullptr, report);
}

ViewSet parse_view_set(const Json& description, const fs::path& folder, std::shared_ptr<const SetFiles> files,
                       const ReportProblem& report) {
  return Reader(folder, std::move(files), report).read(description);
}

ViewSet read_view_set(const fs::path& folder) {
  return parse_view_set(folder, [&](const std::string& where, const std::string& what, const std::string& advice) {
    fail("{}: {} {}: {}", (folder / "transforms.json").string(), where, what, advice);
  });
}

}  // namespace spinfill
