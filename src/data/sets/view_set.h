// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/links.h"
#include "data/sets/set_files.h"
#include "data/sets/slots.h"
#include "geometry/camera.h"

namespace spinfill {

// One picture of a set, as transforms.json lists it.
struct Frame {
  std::string file_path;                          // relative to the set's folder
  double azimuth_deg = 0;                         // the picture's true azimuth, [0, 360)
  std::optional<double> stated_azimuth_deg = {};  // what was stated before a stabilisation corrected it
  std::optional<Camera> camera;                   // from transform_matrix and fl_x …; absent: the canonical turntable
  std::string depth_file_path, normal_file_path, mask_file_path;  // optional
  // Its files have a size of their own, from which they are scaled, by this, into the set's
  // (data/pictures/letterbox.h); without it another size than the set's is an error.
  std::optional<double> fitted = {};
  int slot() const;  // nearest primary view
};

// A vehicle's views on disk (docs/data.md: nerfstudio-style transforms.json). Read by view_set_reader.h, written by
// view_set_writer.h; its pictures are read on demand by set_pictures.h.
struct ViewSet {
  std::filesystem::path folder;  // of a set in a shard: SHARD.tar/KEY, for messages
  std::string id, category, source, licence;
  std::string identity_file_path;  // optional float32 vector
  int width = 0, height = 0;       // px, of every picture
  double depth_scale = 0;          // values of its depth pictures per vehicle length; 0: not stated
  std::vector<Frame> frames;       // in the file's order
  // More photographs of primary views that a frame stands for already: they are carried onto views and tell of the
  // shape, but no network sees them. Only where a spin is completed; a data set's frames are all in `frames`.
  std::vector<Frame> further = {};
  // Views without a picture (missing_frames), at any azimuths, of which no two are the same view.
  std::vector<Frame> missing = {};
  // The stated cameras and azimuths were estimated from the set's own pictures (data/spins), all of them: they know how
  // each was framed.
  bool cameras_estimated = false;
  std::shared_ptr<const SetFiles> files = {};  // none: they lie in the folder
  Links links = Links::stay_inside;            // of the folder
  Slots slots() const;                         // views that have a picture
  bool states_cameras() const;                 // of any picture
  const Frame* frame_at(int slot) const;       // the nearest to the slot's azimuth; nullptr: missing
  const Frame* missing_at(int slot) const;     // the nearest of those without a picture; nullptr: nothing is predicted
};

// Views nearer to each other than this, degrees, are the same; the names of their pictures tell others apart.
inline constexpr double kSameViewDeg = 0.1;

// An id is also a file name: 1 to 128 printable characters without '/', not starting with a dot.
bool is_valid_id(std::string_view id);
bool is_valid_category(const std::string& name);

}  // namespace spinfill
