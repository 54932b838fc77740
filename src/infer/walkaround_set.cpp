// SPDX-License-Identifier: Apache-2.0
#include "infer/walkaround_set.h"

#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "data/sets/view_set_writer.h"
#include "data/walkaround/common_frame.h"

namespace spinfill {

void write_walkaround_set(const WalkaroundReport& report, const std::vector<cv::Mat>& crops, const fs::path& folder) {
  ViewSet set;
  set.folder = folder;
  set.id = folder.filename().string();
  std::vector<cv::Mat> used;
  for (const std::size_t i : report.used_in_order()) {
    const PhotographReport& one = report.photographs[i];
    used.push_back(crops[i]);
    Frame& frame = set.frames.emplace_back();
    frame.file_path = one.reference;
    frame.azimuth_deg = *one.azimuth_deg;
  }
  const std::vector<cv::Mat> frames = common_frames(used);
  set.width = frames.front().cols;
  set.height = frames.front().rows;
  for (std::size_t i = 0; i < frames.size(); ++i) write_png(folder / set.frames[i].file_path, frames[i]);
  write_transforms(set);
}

}  // namespace spinfill
