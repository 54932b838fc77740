// SPDX-License-Identifier: Apache-2.0
#include "data/sets/picture_folder.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "data/sets/view_set_reader.h"

namespace spinfill {

ViewSet view_set_from_pictures(const fs::path& folder) {
  if (!fs::is_directory(folder)) fail("{}: there is no such folder", folder.string());
  ViewSet set;
  set.folder = folder;
  set.id = fs::weakly_canonical(folder).filename().string();
  if (!is_valid_id(set.id))
    fail(
        "{}: the folder's name cannot be a vehicle's id (1 to 128 printable characters (UTF-8), not starting with a "
        "dot): rename it",
        folder.string());
  set.category = "unknown";
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    const std::string name = file.stem().string(), extension = file.extension().string();
    const bool number =
        !name.empty() && name.size() <= 3 && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
    if (!number || (extension != ".png" && extension != ".jpg" && extension != ".jpeg" && extension != ".webp"))
      continue;
    Frame frame;
    frame.file_path = file.filename().string();
    path_inside(folder, frame.file_path, folder.string());  // no symbolic link out of the folder
    frame.azimuth_deg = std::stod(name);
    if (frame.azimuth_deg >= 360) fail("{}: azimuth {} is not within 0 to 359", file.string(), name);
    for (const Frame& other : set.frames) {
      if (other.azimuth_deg == frame.azimuth_deg) {
        fail("{}: {} shows the same azimuth: keep one of them", file.string(), other.file_path);
      }
    }
    const PictureSize size = picture_size(file);
    if (set.frames.empty()) {
      set.width = size.width;
      set.height = size.height;
    } else if (size.width != set.width || size.height != set.height) {
      fail("{}: is {}x{} px, but {} is {}x{} px: give all pictures one size", file.string(), size.width, size.height,
           set.frames.front().file_path, set.width, set.height);
    }
    set.frames.push_back(std::move(frame));
    if (set.frames.size() > kMaxFrames) fail("{}: more than {} pictures", folder.string(), kMaxFrames);
  }
  if (set.frames.empty()) {
    fail("{}: neither transforms.json nor pictures named by azimuth (000.png, 045.png …)", folder.string());
  }
  return set;
}

}  // namespace spinfill
