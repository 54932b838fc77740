// SPDX-License-Identifier: Apache-2.0
#include "data/sets/view_set_writer.h"

#include <algorithm>

#include "core/files/json.h"

namespace spinfill {
namespace {

bool same_intrinsics(const Camera& a, const Camera& b) {
  return a.fl_x == b.fl_x && a.fl_y == b.fl_y && a.cx == b.cx && a.cy == b.cy;
}

}  // namespace

void put_intrinsics(Json& frame_or_set, const Camera& camera) {
  frame_or_set["fl_x"] = camera.fl_x;
  frame_or_set["fl_y"] = camera.fl_y;
  frame_or_set["cx"] = camera.cx;
  frame_or_set["cy"] = camera.cy;
}

void forget_foreign_camera(Json& frame_or_set) {
  for (const char* name : {"camera_angle_x", "camera_angle_y", "x_fov", "y_fov", "from_na", "from_mitsuba"})
    frame_or_set.erase(name);
}

void put_camera(Json& frame, const Camera& camera, bool own_intrinsics) {
  const Eigen::Matrix4d& matrix = camera.vehicle_from_camera;
  Json rows = Json::array();
  for (int r = 0; r < 4; ++r) rows.push_back({matrix(r, 0), matrix(r, 1), matrix(r, 2), matrix(r, 3)});
  frame["transform_matrix"] = rows;
  if (own_intrinsics) put_intrinsics(frame, camera);
}

Json frame_to_json(const Frame& frame, bool own_intrinsics) {
  Json out;
  if (!frame.file_path.empty()) out["file_path"] = frame.file_path;
  out["azimuth_deg"] = frame.azimuth_deg;
  if (frame.stated_azimuth_deg) out["stated_azimuth_deg"] = *frame.stated_azimuth_deg;
  if (frame.camera) put_camera(out, *frame.camera, own_intrinsics);
  if (!frame.mask_file_path.empty()) out["mask_file_path"] = frame.mask_file_path;
  if (!frame.depth_file_path.empty()) out["depth_file_path"] = frame.depth_file_path;
  if (!frame.normal_file_path.empty()) out["normal_file_path"] = frame.normal_file_path;
  return out;
}

Json transforms_to_json(const ViewSet& set) {
  Json root;
  root["id"] = set.id;
  root["category"] = set.category.empty() ? "unknown" : set.category;
  if (!set.source.empty()) root["source"] = set.source;
  if (!set.licence.empty()) root["licence"] = set.licence;
  if (!set.identity_file_path.empty()) root["identity_file_path"] = set.identity_file_path;
  const bool has_depth = std::ranges::any_of(set.frames, [](const Frame& f) { return !f.depth_file_path.empty(); });
  if (has_depth && set.depth_scale > 0) root["depth_scale"] = set.depth_scale;
  root["w"] = set.width;
  root["h"] = set.height;
  const Camera* first = nullptr;
  bool alike = true;
  for (const auto* list : {&set.frames, &set.missing}) {
    for (const Frame& frame : *list) {
      if (!frame.camera) continue;
      if (first == nullptr) first = &*frame.camera;
      alike = alike && same_intrinsics(*frame.camera, *first);
    }
  }
  if (first != nullptr) {
    root["camera_model"] = "PINHOLE";
    if (alike) put_intrinsics(root, *first);
  }
  root["frames"] = Json::array();
  for (const Frame& frame : set.frames) root["frames"].push_back(frame_to_json(frame, !alike));
  for (const Frame& frame : set.missing) root["missing_frames"].push_back(frame_to_json(frame, !alike));
  return root;
}

void write_transforms(const ViewSet& set) {
  write_json_atomic(set.folder / "transforms.json", transforms_to_json(set));
}

}  // namespace spinfill
