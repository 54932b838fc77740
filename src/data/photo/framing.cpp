// SPDX-License-Identifier: Apache-2.0
#include "data/photo/framing.h"

#include <algorithm>

namespace spinfill {
namespace {

// Of the model's picture, for the largest box of the set: as synth frames vehicles (--fill).
constexpr double kAcross = 0.88, kDown = 0.9;

}  // namespace

std::optional<SlotFits> framed_on_vehicle(const ViewSet& set, const SlotBoxes& boxes, const DataConfig& model) {
  double width = 0, height = 0;  // of the largest
  for (const auto* list : {&set.frames, &set.missing}) {
    for (const Frame& frame : *list) {
      const cv::Rect2d& box = boxes[static_cast<std::size_t>(frame.slot())];
      if (box.empty()) return std::nullopt;
      width = std::max(width, box.width);
      height = std::max(height, box.height);
    }
  }
  const auto W = static_cast<double>(model.width), H = static_cast<double>(model.height);
  Letterbox whole = fit(set.width, set.height, static_cast<int>(model.width), static_cast<int>(model.height));
  whole.scale = std::min(kAcross * W / width, kDown * H / height);
  SlotFits fits;
  fits.fill(whole);
  for (std::size_t slot = 0; slot < fits.size(); ++slot) {
    const cv::Rect2d& box = boxes[slot];
    fits[slot].offset_x = W / 2 - whole.scale * (box.x + box.width / 2);
    fits[slot].offset_y = H / 2 - whole.scale * (box.y + box.height / 2);
  }
  return fits;
}

}  // namespace spinfill
