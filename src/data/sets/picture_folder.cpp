// SPDX-License-Identifier: Apache-2.0
#include "data/sets/picture_folder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/picture.h"
#include "data/sets/frame_numbers.h"
#include "data/sets/picture_names.h"
#include "data/sets/set_folders.h"
#include "data/sets/set_paths.h"
#include "data/sets/view_set_reader.h"

namespace spinfill {
namespace {

std::string stem_of(const std::string& file) {
  return fs::path(file).filename().stem().string();
}

class FolderReader {
 public:
  FolderReader(const fs::path& folder, const PhotographOptions& options)
      : folder_(folder), options_(options), listing_(list_pictures(folder)) {
    set_.folder = folder;
    set_.id = fs::weakly_canonical(folder).filename().string();
    if (!is_valid_id(set_.id)) {
      fail(
          "{}: the folder's name cannot be a vehicle's id (1 to 128 printable characters (UTF-8), not starting with a "
          "dot): rename it",
          folder.string());
    }
    set_.category = "unknown";
    set_.links = options.links;
  }

  ViewSet read() {
    take_masks();
    take_pictures();
    refuse_unread();
    if (set_.frames.empty()) {
      fail("{}: neither transforms.json nor pictures named by azimuth (000.png, 045.png …){}", folder_.string(),
           listing_.folders.empty() ? "" : "; it holds the folders " + first_names(listing_.folders));
    }
    if (set_.frames.size() > kMaxFrames) fail("{}: more than {} pictures", folder_.string(), kMaxFrames);
    refuse_one_azimuth_twice();
    take_sizes();
    give_masks();
    tell_passed_over();
    return std::move(set_);
  }

 private:
  // Takes masks out of the list of pictures, and those of a folder mask/ or masks/.
  void take_masks() {
    std::vector<std::string> pictures;
    for (const std::string& file : listing_.pictures) {
      const auto stem = masked_stem(stem_of(file));
      if (stem) {
        masks_.emplace_back(*stem, file);
      } else {
        pictures.push_back(file);
      }
    }
    listing_.pictures = pictures;
    std::erase_if(listing_.folders, [&](const std::string& name) {
      if (lower_case(name) != "mask" && lower_case(name) != "masks") return false;
      for (const std::string& file : list_pictures(folder_ / name).pictures) {
        std::string stem = stem_of(file);
        if (has_picture_ending(stem)) stem = stem_of(stem);  // 045.jpg.png
        masks_.emplace_back(masked_stem(stem).value_or(stem), name + "/" + file);
      }
      return true;
    });
  }

  void take_pictures() {
    if (options_.azimuths.from != PictureAzimuths::From::names) {
      const std::vector<double> azimuths = azimuths_of(folder_, listing_.pictures, options_.azimuths);
      for (std::size_t i = 0; i < azimuths.size(); ++i) add(listing_.pictures[i], azimuths[i]);
      return;
    }
    std::vector<double> azimuths;
    for (const std::string& file : listing_.pictures) {
      if (const auto azimuth = azimuth_of_name(stem_of(file))) {
        azimuths.push_back(*azimuth);
        add(file, *azimuth);
      } else {
        unread_.push_back(file);
      }
    }
    // Frame numbers are all of the pictures, or those that no azimuth is known of.
    if (are_frame_numbers(azimuths)) refuse_frame_numbers(folder_, files());
    if (azimuths.empty() && !running_numbers(unread_).empty()) refuse_frame_numbers(folder_, unread_);
  }

  void add(const std::string& file, double azimuth) {
    Frame frame;
    frame.file_path = file;
    frame.azimuth_deg = azimuth;
    require_content(set_path(set_, file));
    set_.frames.push_back(std::move(frame));
  }

  struct Unread {
    const std::vector<std::string>& files;
    const char *why, *cure;
  };
  std::array<Unread, 3> unread() const {
    return {{{unread_, "not named by an azimuth alone", "rename to 045.png or the like"},
             {listing_.other_formats, "of a format that is not read", "convert to PNG, JPEG or WebP"},
             {listing_.other_endings, "a picture under another ending", "name it .png, .jpg or .webp"}}};
  }

  // Else views would be generated beside their own photographs.
  void refuse_unread() const {
    std::vector<std::string> refused;
    for (const auto& [files, why, cure] : unread()) {
      if (!files.empty()) refused.push_back(fmt::format("{} ({}: {})", first_names(files), why, cure));
    }
    if (refused.empty() || options_.skip_unread) return;
    fail(
        "{}: holds pictures that are not read, though their views would be generated: {}; name each by its azimuth "
        "(0 front, 90 the vehicle's left side), move it away, or pass over all of them by --skip-unread",
        folder_.string(), fmt::join(refused, "; "));
  }

  void tell_passed_over() const {
    for (const auto& [files, why, cure] : unread()) tell_passed_over(files, why);
    tell_passed_over(listing_.folders, "subfolders are not read");
    tell_passed_over(listing_.others, "no pictures");
    tell_passed_over(masks_alone_, "masks without their pictures");
  }

  void tell_passed_over(const std::vector<std::string>& names, const char* why) const {
    if (!names.empty())
      log_warning("{}: {} passed over, {}: {}", folder_.string(), names.size(), why, first_names(names));
  }

  void refuse_one_azimuth_twice() {
    std::map<double, std::string> file_at;
    for (const Frame& frame : set_.frames) {
      const auto [other, fresh] = file_at.emplace(frame.azimuth_deg, frame.file_path);
      if (fresh) continue;
      fail("{}: {} shows the same azimuth: keep one of them", (folder_ / frame.file_path).string(), other->second);
    }
  }

  bool is_hidden(const Frame& frame) const {
    return std::ranges::find(options_.hidden, azimuth_of(frame.slot())) != options_.hidden.end();
  }

  // That of most pictures that are not hidden, of equally many the larger one.
  void take_sizes() {
    std::vector<Frame*> shown;
    for (Frame& frame : set_.frames)
      if (!is_hidden(frame)) shown.push_back(&frame);
    if (shown.empty()) return;
    std::vector<std::pair<int, int>> sizes;
    std::map<std::pair<int, int>, std::size_t> count;
    for (const Frame* frame : shown) {
      const PictureSize size = picture_size(folder_ / frame->file_path);
      sizes.emplace_back(size.width, size.height);
      ++count[sizes.back()];
    }
    const auto rank = [](const auto& of) {
      const auto& [size, pictures] = of;
      return std::tuple(pictures, std::int64_t{size.first} * size.second, size.first);
    };
    std::tie(set_.width, set_.height) = std::ranges::max_element(count, {}, rank)->first;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const auto [width, height] = sizes[i];
      if (width == set_.width && height == set_.height) continue;
      Frame& frame = *shown[i];
      const std::string unlike =
          fmt::format("{}: is {}x{} px, where {} of {} pictures have {}x{} px", (folder_ / frame.file_path).string(),
                      width, height, count[{set_.width, set_.height}], sizes.size(), set_.width, set_.height);
      if (!options_.fit_sizes) fail("{}: give all pictures one size", unlike);
      log_warning("{}: it is scaled into these", unlike);
      frame.fitted = fit(width, height, set_.width, set_.height).scale;
    }
  }

  void give_masks() {
    std::vector<std::string> given;
    for (const auto& [stem, file] : masks_) {
      Frame* frame = frame_of(stem);
      if (frame == nullptr) {
        masks_alone_.push_back(file);
        continue;
      }
      if (!frame->mask_file_path.empty()) {
        fail("{}: {} and {} are both masks of {}: keep one of them", folder_.string(), frame->mask_file_path, file,
             frame->file_path);
      }
      require_content(set_path(set_, file));
      frame->mask_file_path = file;
      given.push_back(file);
    }
    if (!given.empty()) log_info("{}: masks of {} pictures: {}", folder_.string(), given.size(), first_names(given));
  }

  Frame* frame_of(const std::string& stem) {
    const auto by = [&](const auto& same) {
      const auto found = std::ranges::find_if(set_.frames, same);
      return found == set_.frames.end() ? nullptr : &*found;
    };
    if (Frame* frame = by([&](const Frame& f) { return stem_of(f.file_path) == stem; })) return frame;
    const auto azimuth = azimuth_of_name(stem);
    const bool names = options_.azimuths.from == PictureAzimuths::From::names;
    return azimuth && names ? by([&](const Frame& f) { return f.azimuth_deg == *azimuth; }) : nullptr;
  }

  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const Frame& frame : set_.frames) out.push_back(frame.file_path);
    return out;
  }

  const fs::path& folder_;
  const PhotographOptions& options_;
  FolderListing listing_;
  std::vector<std::pair<std::string, std::string>> masks_;  // stem of the picture, file
  std::vector<std::string> unread_, masks_alone_;
  ViewSet set_;
};

}  // namespace

ViewSet view_set_from_pictures(const fs::path& folder, const PhotographOptions& options) {
  if (!fs::is_directory(folder)) fail("{}: there is no such folder{}", folder.string(), why_absent(folder));
  return FolderReader(folder, options).read();
}

ViewSet read_photographs(const fs::path& folder, const PhotographOptions& options) {
  if (!has_transforms(folder)) return view_set_from_pictures(folder, options);
  if (options.azimuths.from != PictureAzimuths::From::names) {
    fail_usage("--given-azimuths: {} states the azimuths: correct them there", (folder / "transforms.json").string());
  }
  return read_view_set(folder, options.links);
}

}  // namespace spinfill
