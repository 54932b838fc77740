// SPDX-License-Identifier: Apache-2.0
#include "infer/references.h"

#include <algorithm>

#include "core/error.h"
#include "core/files/files.h"
#include "core/log.h"
#include "data/check/check_picture.h"
#include "data/sets/picture_names.h"
#include "data/sets/set_folders.h"
#include "data/sets/set_paths.h"
#include "data/sets/set_pictures.h"

namespace spinfill {
namespace {

constexpr double kToldApart = 10;  // degrees from the primary view that a picture stands for

// Pictures named by an azimuth whose view would be generated, since transforms.json does not list them.
void tell_unlisted(const ViewSet& set) {
  std::vector<std::string> unlisted;
  for (const std::string& file : list_pictures(set.folder).pictures) {
    const auto azimuth = azimuth_of_name(fs::path(file).stem().string());
    if (azimuth && set.frame_at(nearest_slot(*azimuth)) == nullptr) unlisted.push_back(file);
  }
  if (unlisted.empty()) return;
  log_warning("{}: transforms.json does not list {}: these views are generated beside their pictures",
              set.folder.string(), first_names(unlisted));
}

// A picture stands for the primary view nearest to it.
void tell_slots(const ViewSet& set) {
  std::vector<std::string> moved;
  for (const Frame& frame : set.frames) {
    const int primary = azimuth_of(frame.slot());
    if (apart_deg(frame.azimuth_deg, primary) >= kToldApart)
      moved.push_back(fmt::format("{} ({:.4g}) for {}", frame.file_path, frame.azimuth_deg, primary));
  }
  if (!moved.empty()) log_info("{}: nearest primary views: {}", set.folder.string(), first_names(moved, kSlots));
}

}  // namespace

ViewSet read_references(const fs::path& input, const PhotographOptions& options) {
  if (!fs::is_directory(input))
    fail_usage("{}: there is no such folder; --input takes a folder of pictures{}", input.string(), why_absent(input));
  PhotographOptions fitting = options;
  fitting.fit_sizes = true;
  ViewSet set = read_photographs(input, fitting);
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
  if (has_transforms(input)) tell_unlisted(set);
  tell_slots(set);
  return set;
}

SlotPictures read_reference_pictures(const ViewSet& set, const std::vector<std::int64_t>& hidden) {
  SlotPictures pictures;
  PictureCheck check;
  for (const Frame& frame : set.frames) {
    if (std::ranges::find(hidden, azimuth_of(frame.slot())) != hidden.end()) continue;
    cv::Mat& picture = pictures[static_cast<std::size_t>(frame.slot())];
    picture = read_cut_out_picture(set, frame);
    for (const PictureProblem& found : check.add(frame.file_path, picture))
      log_warning("{}: {}: {}", (set.folder / frame.file_path).string(), found.problem, found.advice);
  }
  return pictures;
}

}  // namespace spinfill
