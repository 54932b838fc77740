// SPDX-License-Identifier: Apache-2.0
#include "data/photo/framing.h"

#include <algorithm>

namespace spinfill {
namespace {

// Of the model's picture, for the largest box of the set: as synth frames vehicles (--fill).
constexpr double kAcross = 0.88, kDown = 0.9;

}  // namespace

SetFraming whole_framing(const ViewSet& set, const DataConfig& model) {
  const Letterbox whole = fit(set.width, set.height, static_cast<int>(model.width), static_cast<int>(model.height));
  SetFraming out;
  out.given.fill(whole);
  out.missing.assign(set.missing.size(), whole);
  return out;
}

std::optional<SetFraming> framed_on_vehicle(const ViewSet& set, const PhotoWindows& windows, const DataConfig& model) {
  cv::Size2d most(0, 0);
  for (const cv::Rect2d& box : windows.boxes) {
    if (box.empty()) return std::nullopt;
    most = {std::max(most.width, box.width), std::max(most.height, box.height)};
  }
  const auto W = static_cast<double>(model.width), H = static_cast<double>(model.height);
  const double scale = std::min(kAcross * W / most.width, kDown * H / most.height);
  const auto centred = [&](Letterbox fitted, const cv::Rect2d& box) {
    fitted.scale = scale;
    fitted.offset_x = W / 2 - scale * (box.x + box.width / 2);
    fitted.offset_y = H / 2 - scale * (box.y + box.height / 2);
    return fitted;
  };
  SetFraming out = whole_framing(set, model);
  for (Letterbox& fitted : out.given) fitted.scale = scale;
  auto box = windows.boxes.begin();
  for (const Frame& frame : set.frames) {
    Letterbox& own = out.given[static_cast<std::size_t>(frame.slot())];
    own = centred(own, *box++);
  }
  box = windows.boxes.end() - std::ssize(set.missing);  // after those of further photographs
  for (Letterbox& own : out.missing) own = centred(own, *box++);
  return out;
}

}  // namespace spinfill
