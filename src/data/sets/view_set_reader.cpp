// SPDX-License-Identifier: Apache-2.0
#include "data/sets/view_set_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <tuple>

#include "core/error.h"
#include "data/pictures/picture.h"
#include "data/sets/lens.h"
#include "data/sets/listed_file.h"
#include "data/sets/pose.h"
#include "data/sets/scene_frame.h"

namespace spinfill {
namespace {

constexpr const char* kAsDocumented = "write it as docs/data.md shows";
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// A frame of one of the lists while it is read.
struct FrameRead {
  TransformsFields fields;
  Frame frame = {};
  Lens lens = {};
};

class Reader {
 public:
  Reader(const fs::path& folder, std::shared_ptr<const SetFiles> files, Links links) {
    set_.folder = folder;
    set_.links = links;
    set_.files = std::move(files);
    fs::path name = folder.lexically_normal();
    if (!name.has_filename()) name = name.parent_path();
    if (name.filename() == "." || name.filename() == "..") name = fs::weakly_canonical(name);
    set_.id = name.filename().string();
  }

  ViewSet read(const Json& root) {
    if (!root.is_object()) {
      problems_.add("transforms.json", "is not a JSON object", kAsDocumented);
      return set_;
    }
    TransformsFields fields(root, problems_);
    read_set(fields);
    std::vector<FrameRead> frames = read_list(root, "frames"), missing = read_list(root, "missing_frames");
    for (FrameRead& read : frames) read_files(read);
    std::vector<FrameRead*> all;
    for (auto* list : {&frames, &missing}) {
      for (FrameRead& read : *list) all.push_back(&read);
    }
    settle_size(fields, all);
    if (set_.width > 0) check_lens(fields, lens_, set_.width, set_.height);
    for (FrameRead* read : all) read_camera(*read);
    place_frames(root, fields, frames);
    for (FrameRead& read : frames) set_.frames.push_back(std::move(read.frame));
    for (std::size_t i = 0; i < unreadable_; ++i) set_.frames.emplace_back().azimuth_deg = kUnknown;
    for (FrameRead& read : missing) take_missing(read);
    // As `data stabilise` and `complete` write it; only the former writes cues.
    const auto has_cue = [](const FrameRead& read) { return read.fields.has("cue"); };
    set_.cameras_estimated = root.contains("stabilisation") || root.value("cameras", Json()) == "estimated" ||
                             std::ranges::any_of(frames, has_cue);
    return set_;
  }

  const SetProblems& problems() const { return problems_; }

 private:
  void read_set(TransformsFields& fields) {
    if (const auto id = fields.text("id")) set_.id = *id;
    if (!is_valid_id(set_.id)) {
      fields.wrong("id", "'{}' cannot be a vehicle's id",
                   "use 1 to 128 printable characters (UTF-8) without '/', not starting with a dot", shown(set_.id));
    }
    set_.category = read_category(fields).value_or("unknown");
    set_.source = fields.text("source").value_or("");
    set_.licence = fields.text("licence").value_or("");
    set_.depth_scale = fields.number("depth_scale", 1e-9, 1e9).value_or(0);
    set_.identity_file_path = listed_file(fields, "identity_file_path", set_, ListedAs::other);
    lens_ = read_lens(fields, {});
  }

  // Any name is a category; those that a model was not made for get no category token (data/sets/categories.h).
  std::optional<std::string> read_category(TransformsFields& fields) {
    const auto category = fields.text("category");
    if (!category || is_valid_category(*category)) return category;
    fields.wrong("category", "'{}' cannot be a category's name",
                 "use 1 to 64 lower-case letters, digits, '-' and '_', such as sedan, or unknown", shown(*category));
    return std::nullopt;
  }

  // The objects of a list, with what they state of their lens.
  std::vector<FrameRead> read_list(const Json& root, const std::string& name) {
    std::vector<FrameRead> out;
    const auto list = root.find(name);
    const bool needed = name == "frames";
    if (list == root.end() && !needed) return out;
    if (list == root.end() || !list->is_array() || (needed && list->empty()) || list->size() > kMaxFrames) {
      const bool many = list != root.end() && list->is_array() && list->size() > kMaxFrames;
      problems_.add(name,
                    fmt::format("is not a list of {} to {} frames{}", needed ? 1 : 0, kMaxFrames,
                                many ? fmt::format(", but of {}", list->size()) : ""),
                    needed ? "list the set's pictures there, of one vehicle, evenly round it" : "remove it");
      return out;
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
      FrameRead read{{(*list)[i], problems_, name, i}};
      if ((*list)[i].is_object()) {
        read_texts(read.fields);
        read.lens = read_lens(read.fields, lens_);
        out.push_back(std::move(read));
      } else {
        read.fields.wrong("", "is not a JSON object", kAsDocumented);
        if (needed) ++unreadable_;
      }
    }
    return out;
  }

  // What belongs to the set is checked in a frame, too.
  void read_texts(TransformsFields& fields) {
    for (const char* name : {"source", "licence"}) fields.text(name);
    if (const auto category = read_category(fields); category && *category != set_.category) {
      fields.wrong("category", "'{}' is not the set's", "state one category for the set: it is of one vehicle",
                   shown(*category));
    }
  }

  void read_files(FrameRead& read) {
    TransformsFields& fields = read.fields;
    Frame& frame = read.frame;
    if (!fields.has("file_path")) fields.wrong("file_path", "is missing", "name the frame's picture");
    frame.file_path = listed_file(fields, "file_path", set_, ListedAs::picture);
    frame.depth_file_path = listed_file(fields, "depth_file_path", set_, ListedAs::picture);
    frame.normal_file_path = listed_file(fields, "normal_file_path", set_, ListedAs::picture);
    frame.mask_file_path = listed_file(fields, "mask_file_path", "mask_path", set_);
    if (frame.file_path.empty()) return;
    if (!listed_.insert(fs::path(frame.file_path).lexically_normal()).second)
      fields.wrong("file_path", "'{}' is listed twice", "name each picture once", shown(frame.file_path));
  }

  // The one size of all pictures: of the set or its frames, else of the first picture that can be read.
  void settle_size(TransformsFields& fields, const std::vector<FrameRead*>& frames) {
    for (const auto& [name, side, of_lens] :
         {std::tuple{"w", &set_.width, &Lens::width}, std::tuple{"h", &set_.height, &Lens::height}}) {
      for (FrameRead* read : frames) {
        const auto& stated = read->lens.*of_lens;
        if (read->fields.is_wrong(name) || !stated) continue;
        if (*side == 0) *side = static_cast<int>(*stated);
        if (*stated == *side) continue;
        read->fields.wrong(name, fmt::format("differs from the set's {} px", *side),
                           "give all pictures of a set one size");
        read->lens.usable = false;
      }
    }
    const auto wrong_in = [](const TransformsFields& of) { return of.is_wrong("w") || of.is_wrong("h"); };
    const bool wrong =
        wrong_in(fields) || std::ranges::any_of(frames, [&](const FrameRead* read) { return wrong_in(read->fields); });
    if (set_.width == 0 && set_.height == 0 && !wrong && !frames.empty()) size_from_pictures(fields, frames);
    if (set_.width > 0 && set_.height > 0) {
      if (std::int64_t{set_.width} * set_.height <= kMaxPicturePixels) return;
      fields.wrong("w", "{} px is too large", "scale the pictures down", fmt::format("{}x{}", set_.width, set_.height));
    } else if (set_.width + set_.height > 0 && !wrong) {
      fields.wrong(set_.width == 0 ? "w" : "h", "is missing", "give the pictures' size in px");
    }
    set_.width = set_.height = 0;
  }

  void size_from_pictures(TransformsFields& fields, const std::vector<FrameRead*>& frames) {
    std::string reason;
    for (const FrameRead* read : frames) {
      const std::string& file = read->frame.file_path;
      if (file.empty()) continue;
      const fs::path path = set_.folder / file;
      try {
        const PictureSize size =
            set_.files ? picture_size(set_.files->read(file, kMaxPictureFileBytes), path.string()) : picture_size(path);
        set_.width = size.width;
        set_.height = size.height;
        return;
      } catch (const Error& error) {
        if (reason.empty()) reason = error.what();
      }
    }
    if (!reason.empty())
      fields.wrong("w", "is missing, and no picture could be read to know it ({})", "state w and h", reason);
  }

  void read_camera(FrameRead& read) {
    TransformsFields& fields = read.fields;
    Frame& frame = read.frame;
    const auto pose = read_pose(fields);
    const bool sized = set_.width > 0;
    if (sized) check_lens(fields, read.lens, set_.width, set_.height);
    if (pose && sized && lens_.usable && read.lens.usable) {
      frame.camera = pinhole(read.lens, set_.width, set_.height);
      if (frame.camera) frame.camera->vehicle_from_camera = *pose;
      if (!frame.camera) {
        fields.wrong("", "has a transform_matrix but no focal length",
                     "add fl_x and fl_y (or camera_angle_x) to the frame or the set");
      }
    }
    const auto azimuth = fields.number("azimuth_deg", -360, 360),
               stated = fields.number("stated_azimuth_deg", -360, 360);
    frame.azimuth_deg = azimuth ? wrapped_deg(*azimuth) : kUnknown;
    if (stated) frame.stated_azimuth_deg = wrapped_deg(*stated);
  }

  // Two azimuths of one picture may lie on both sides of a border between primary views, but not a view apart.
  void check_stated(TransformsFields& fields, const Frame& frame) {
    if (!frame.stated_azimuth_deg || std::isnan(frame.azimuth_deg)) return;
    const double azimuth = frame.azimuth_deg, stated = *frame.stated_azimuth_deg;
    if (nearest_slot(stated) == frame.slot() || apart_deg(azimuth, stated) <= kSlotStepDeg / 2.0) return;
    fields.wrong("stated_azimuth_deg", "is of another primary view than azimuth_deg ({})",
                 "correct one of them, or remove stated_azimuth_deg", fmt::format("{} and {}", stated, azimuth));
  }

  void place_frames(const Json& root, TransformsFields& fields, std::vector<FrameRead>& frames) {
    std::vector<PlacedFrame> placed;
    for (FrameRead& read : frames) placed.push_back({&read.frame, &read.fields, read.fields.has("azimuth_deg")});
    refuse_other_axes(fields, placed);
    if (!placed.empty()) settle_azimuths(root, placed);
    refuse_other_frames(placed);
    for (FrameRead& read : frames) check_stated(read.fields, read.frame);
  }

  void take_missing(FrameRead& read) {
    TransformsFields& fields = read.fields;
    Frame& frame = read.frame;
    if (fields.has("file_path")) fields.wrong("file_path", "names a picture", "list it among the frames");
    if (!fields.has("transform_matrix"))
      fields.wrong("transform_matrix", "is missing", "state the camera or remove the frame");
    if (!frame.camera || fields.is_wrong("azimuth_deg")) return;
    if (!fields.has("azimuth_deg")) frame.azimuth_deg = viewing_direction(*frame.camera).azimuth_deg;
    const auto same = [&](const Frame& other) {
      return apart_deg(other.azimuth_deg, frame.azimuth_deg) < kSameViewDeg;
    };
    if (std::ranges::any_of(set_.missing, same))
      fields.wrong("azimuth_deg", "is that of a missing view that is listed before", "list each missing view once");
    set_.missing.push_back(std::move(frame));
  }

  SetProblems problems_;
  ViewSet set_;
  Lens lens_;                   // of the set
  std::set<fs::path> listed_;   // pictures so far
  std::size_t unreadable_ = 0;  // frames that are no objects
};

}  // namespace

ViewSet parse_view_set(const fs::path& folder, const ReportProblem& report, Links links) {
  return parse_view_set(read_json(folder / "transforms.json", kMaxTransformsBytes), folder, nullptr, report, links);
}

ViewSet parse_view_set(const Json& description, const fs::path& folder, std::shared_ptr<const SetFiles> files,
                       const ReportProblem& report, Links links) {
  Reader reader(folder, std::move(files), links);
  ViewSet set = reader.read(description);
  for (const auto& problem : reader.problems().list("frames ")) report(problem.where, problem.what, problem.advice);
  return set;
}

ViewSet read_view_set(const fs::path& folder, Links links) {
  const ReportProblem report = [&](const std::string& where, const std::string& what, const std::string& advice) {
    fail("{}: {} {}: {}", (folder / "transforms.json").string(), where, what, advice);
  };
  return parse_view_set(folder, report, links);
}

}  // namespace spinfill
