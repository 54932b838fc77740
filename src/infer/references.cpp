// SPDX-License-Identifier: Apache-2.0
#include "infer/references.h"

#include <algorithm>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/visible_box.h"
#include "data/sets/picture_folder.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_reader.h"

namespace spinfill {
namespace {

cv::Mat masked_picture(const ViewSet& set, const Frame& frame) {
  const fs::path path = path_inside(set.folder, frame.file_path, set.id);
  const cv::Mat rgba = read_masked_picture(set, frame);
  const VisibleBox box = visible_box(rgba);
  if (!box.has_alpha) {
    fail(
        "{}: has no mask (alpha is opaque everywhere): cut the vehicle out, or name a mask_file_path in "
        "transforms.json",
        path.string());
  }
  if (box.right <= box.left) fail("{}: its mask is empty: cut the vehicle out again", path.string());
  return rgba;
}

}  // namespace

ViewSet read_references(const fs::path& input) {
  if (!fs::is_directory(input))
    fail_usage("{}: there is no such folder; --input takes a folder of pictures", input.string());
  ViewSet set = fs::exists(input / "transforms.json") ? read_view_set(input) : view_set_from_pictures(input);
  std::array<const Frame*, kSlots> taken{};
  for (const Frame& frame : set.frames) {
    const double stated = frame.stated_azimuth_deg.value_or(frame.azimuth_deg);
    if (nearest_slot(stated) != frame.slot()) {
      fail("{}: {} has azimuth_deg {} and stated_azimuth_deg {}, which are nearest to {} and {} degrees: correct one",
           input.string(), frame.file_path, frame.azimuth_deg, stated, azimuth_of(frame.slot()),
           azimuth_of(nearest_slot(stated)));
    }
    const Frame*& place = taken[static_cast<std::size_t>(frame.slot())];
    if (place != nullptr) {
      fail("{}: {} and {} both show the view at {} degrees: keep the one nearer to it", input.string(),
           place->file_path, frame.file_path, azimuth_of(frame.slot()));
    }
    place = &frame;
  }
  return set;
}

SlotPictures read_reference_pictures(const ViewSet& set, const std::vector<std::int64_t>& hidden) {
  SlotPictures pictures;
  for (const Frame& frame : set.frames) {
    if (std::ranges::find(hidden, azimuth_of(frame.slot())) == hidden.end())
      pictures[static_cast<std::size_t>(frame.slot())] = masked_picture(set, frame);
  }
  return pictures;
}

}  // namespace spinfill
