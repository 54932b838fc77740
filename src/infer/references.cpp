// SPDX-License-Identifier: Apache-2.0
#include "infer/references.h"

#include <algorithm>
#include <array>

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

constexpr double kToldApart = 10;                    // degrees from the primary view that a picture stands for
constexpr std::int64_t kMostFurther = 16;            // photographs
constexpr std::int64_t kFurtherPixels = 40'000'000;  // of all of them

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
  if (!moved.empty()) log_info("{}: nearest primary views: {}", set.id, first_names(moved, kSlots));
}

// Of several photographs of one primary view the nearest to it stands for it, the others are further ones.
void part_further(ViewSet& set) {
  std::array<std::size_t, kSlots> best;
  best.fill(set.frames.size());
  const auto off = [&](const Frame& frame) { return apart_deg(frame.azimuth_deg, azimuth_of(frame.slot())); };
  for (std::size_t i = 0; i < set.frames.size(); ++i) {
    const Frame& frame = set.frames[i];
    for (std::size_t j = 0; j < i; ++j) {
      if (apart_deg(frame.azimuth_deg, set.frames[j].azimuth_deg) < kSameViewDeg)
        fail("{}: {} and {} both show the view at {} degrees: keep one of them", set.folder.string(),
             set.frames[j].file_path, frame.file_path, frame.azimuth_deg);
    }
    std::size_t& place = best[static_cast<std::size_t>(frame.slot())];
    if (place == set.frames.size() || off(frame) < off(set.frames[place])) place = i;
  }
  std::vector<Frame> standing;
  for (std::size_t i = 0; i < set.frames.size(); ++i) {
    Frame& frame = set.frames[i];
    (best[static_cast<std::size_t>(frame.slot())] == i ? standing : set.further).push_back(std::move(frame));
  }
  set.frames = std::move(standing);
}

std::vector<std::string> files_of(const std::vector<Frame>& frames) {
  std::vector<std::string> out;
  for (const Frame& frame : frames) out.push_back(frame.file_path);
  return out;
}

// So many further photographs as memory and time allow, each time that which is farthest from all that are kept.
void keep_some(ViewSet& set, bool quiet) {
  if (set.further.empty()) return;
  const std::int64_t pixels = std::max<std::int64_t>(1, std::int64_t{set.width} * set.height);
  const auto most = static_cast<std::size_t>(std::min(kMostFurther, kFurtherPixels / pixels));
  std::vector<Frame> kept;
  while (kept.size() < most && !set.further.empty()) {
    const auto alone = [&](const Frame& frame) {
      double least = 360;
      for (const auto* list : {&set.frames, &kept})
        for (const Frame& other : *list) least = std::min(least, apart_deg(frame.azimuth_deg, other.azimuth_deg));
      return least;
    };
    const auto next = std::ranges::max_element(set.further, {}, alone);
    kept.push_back(std::move(*next));
    set.further.erase(next);
  }
  if (!quiet && !set.further.empty())
    log_warning("{}: {} of {} further photographs of {}x{} px are not used, which keeps memory and time in bounds: {}",
                set.id, set.further.size(), set.further.size() + kept.size(), set.width, set.height,
                first_names(files_of(set.further)));
  if (!quiet && !kept.empty())
    log_info("{}: further photographs of views that others stand for: {}", set.id,
             first_names(files_of(kept), kept.size()));
  std::ranges::stable_sort(kept, {}, &Frame::azimuth_deg);
  set.further = std::move(kept);
}

}  // namespace

ViewSet read_references(const fs::path& input, const PhotographOptions& options, bool quiet) {
  if (!fs::is_directory(input))
    fail_usage("{}: there is no such folder; --input takes a folder of pictures{}", input.string(), why_absent(input));
  PhotographOptions fitting = options;
  fitting.fit_sizes = true;
  ViewSet set = read_photographs(input, fitting);
  for (const Frame& frame : set.frames) {
    const double stated = frame.stated_azimuth_deg.value_or(frame.azimuth_deg);
    if (nearest_slot(stated) != frame.slot()) {
      fail("{}: {} has azimuth_deg {} and stated_azimuth_deg {}, which are nearest to {} and {} degrees: correct one",
           input.string(), frame.file_path, frame.azimuth_deg, stated, azimuth_of(frame.slot()),
           azimuth_of(nearest_slot(stated)));
    }
  }
  part_further(set);
  keep_some(set, quiet);
  if (quiet) return set;
  if (has_transforms(input)) tell_unlisted(set);
  tell_slots(set);
  return set;
}

ReferencePictures read_reference_pictures(const ViewSet& set, const std::vector<std::int64_t>& hidden, bool quiet) {
  ReferencePictures pictures;
  PictureCheck check;
  const auto read = [&](const Frame& frame) {
    cv::Mat picture = read_cut_out_picture(set, frame);
    for (const PictureProblem& found : check.add(frame.file_path, picture))
      if (!quiet) log_warning("{}: {}: {}: {}", set.id, frame.file_path, found.problem, found.advice);
    return picture;
  };
  const auto shown = [&](const Frame& frame) {
    return std::ranges::find(hidden, azimuth_of(frame.slot())) == hidden.end();
  };
  for (const Frame& frame : set.frames)
    if (shown(frame)) pictures.frames[static_cast<std::size_t>(frame.slot())] = read(frame);
  for (const Frame& frame : set.further)
    if (shown(frame)) pictures.further.push_back(read(frame));
  return pictures;
}

}  // namespace spinfill
