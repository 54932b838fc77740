// SPDX-License-Identifier: Apache-2.0
#include "data/spins/stabilise.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/statistics.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_writer.h"
#include "geometry/angles.h"

namespace spinfill {

SpinPicture spin_picture(const ViewSet& set, const Frame& frame) {
  const cv::Mat rgba = read_masked_picture(set, frame);
  at::Tensor alpha = at::empty({rgba.rows, rgba.cols}, at::kFloat);
  float* out = alpha.mutable_data_ptr<float>();
  bool opaque = true;
  for (int y = 0; y < rgba.rows; ++y) {
    const auto* row = rgba.ptr<cv::Vec4b>(y);
    for (int x = 0; x < rgba.cols; ++x) {
      *out++ = static_cast<float>(row[x][3]) / 255.0F;
      opaque = opaque && row[x][3] == 255;
    }
  }
  if (opaque)
    fail("{}: has no mask (alpha is opaque everywhere): cut the vehicle out", (set.folder / frame.file_path).string());
  return {alpha, frame.azimuth_deg, true, frame.file_path};
}

Stabilisation stabilise_set(const ViewSet& set, const std::vector<bool>& trusted) {
  std::vector<SpinPicture> pictures;
  for (const auto* list : {&set.frames, &set.further})
    for (const Frame& frame : *list) pictures.push_back(spin_picture(set, frame));
  for (std::size_t i = 0; i < trusted.size(); ++i) pictures.at(i).trusted = trusted[i];
  try {
    return stabilise(pictures);
  } catch (const Error& error) {
    fail("{}: {}", set.folder.string(), error.what());
  }
}

ViewSet with_cameras(const ViewSet& set, const Stabilisation& stabilisation) {
  ViewSet out = set;
  out.missing.clear();
  out.cameras_estimated = true;
  for (std::size_t i = 0; i < set.frames.size(); ++i) {
    Frame moved = out.frames[i];
    out.frames[i].stated_azimuth_deg = moved.azimuth_deg;
    moved.azimuth_deg = stabilisation.views[i].azimuth_deg;
    if (moved.slot() == out.frames[i].slot()) out.frames[i].azimuth_deg = moved.azimuth_deg;
    out.frames[i].camera = stabilisation.views[i].camera;
  }
  for (std::size_t i = 0; i < set.further.size(); ++i) {
    const StabilisedView& view = stabilisation.views.at(set.frames.size() + i);
    Frame& frame = out.further[i];
    frame.stated_azimuth_deg = frame.azimuth_deg;
    frame.azimuth_deg = view.azimuth_deg;
    frame.camera = view.camera;
  }
  for (int slot = 0; slot < kSlots; ++slot) {
    if (set.frame_at(slot) != nullptr) continue;
    Frame frame;
    frame.azimuth_deg = azimuth_of(slot);
    frame.camera = stabilisation.predict(frame.azimuth_deg).camera;
    out.missing.push_back(frame);
  }
  return out;
}

Json cue_to_json(const StabilisedView& view) {
  const ViewCorrection& c = view.correction;
  return {{"scale", rounded(std::exp(c.log_scale), 5)},
          {"shift_x", rounded(c.shift_x, 5)},
          {"shift_y", rounded(c.shift_y, 5)},
          {"roll_deg", rounded(c.roll / kDegree, 3)},
          {"azimuth_deg", rounded(view.azimuth_deg, 3)},
          {"elevation_deg", rounded(view.elevation_deg, 3)}};
}

Json to_json(const Stabilisation& s) {
  const SpinFit::Determined& d = s.determined;
  const auto share = [](double value) { return rounded(value, 3); };
  Json json = {{"views", s.views.size()},
               {"elevation_deg", rounded(s.elevation_deg, 3)},
               {"distance", rounded(s.distance, 3)},
               {"photographed", s.hand_held ? "hand-held" : "studio"},
               {"residual", rounded(s.miss, 6)},
               {"confidence", share(s.confidence)},
               {"determined",
                {{"elevation", share(d.elevation)},
                 {"distance", share(d.distance)},
                 {"view_scale", share(d.scale)},
                 {"view_shift", share(d.shift)},
                 {"view_roll", share(d.roll)},
                 {"view_azimuth", share(d.azimuth)},
                 {"view_elevation", share(d.view_elevation)}}},
               {"notes", s.notes},
               {"warnings", s.warnings}};
  return json;
}

bool states_own_cameras(const ViewSet& set) {
  const fs::path path = set.folder / "transforms.json";
  if (!fs::exists(path)) return false;
  return set.states_cameras() && !read_json(path).contains("stabilisation");
}

ViewSet as_photographed(const ViewSet& set) {
  ViewSet out = set;
  for (auto* list : {&out.frames, &out.further})
    for (Frame& frame : *list) frame.azimuth_deg = frame.stated_azimuth_deg.value_or(frame.azimuth_deg);
  return out;
}

void write_stabilised(const ViewSet& set, const Stabilisation& stabilisation, const fs::path& folder) {
  const ViewSet placed = with_cameras(set, stabilisation);
  if (!fs::exists(folder / "transforms.json")) {
    ViewSet pictures = set;
    pictures.folder = folder;
    write_transforms(pictures);
  }
  Json root = read_json(folder / "transforms.json");
  for (const char* common : {"fl_x", "fl_y", "cx", "cy"}) root.erase(common);
  forget_foreign_camera(root);
  root["camera_model"] = "PINHOLE";
  root["stabilisation"] = to_json(stabilisation);
  for (std::size_t i = 0; i < set.frames.size(); ++i) {
    Json& frame = root["frames"][i];
    const StabilisedView& view = stabilisation.views[i];
    forget_foreign_camera(frame);
    frame["stated_azimuth_deg"] = set.frames[i].azimuth_deg;
    frame["azimuth_deg"] = placed.frames[i].azimuth_deg;
    put_camera(frame, view.camera);
    frame["cue"] = cue_to_json(view);
    frame["cue"]["residual"] = rounded(view.miss, 6);
    frame["cue"]["trusted"] = view.trusted;
  }
  root.erase("missing_frames");
  for (const Frame& missing : placed.missing) {
    Json frame = frame_to_json(missing, true);
    frame["cue"] = cue_to_json(stabilisation.predict(missing.azimuth_deg));
    root["missing_frames"].push_back(frame);
  }
  write_json_atomic(folder / "transforms.json", root);
}

}  // namespace spinfill
