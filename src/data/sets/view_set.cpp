// SPDX-License-Identifier: Apache-2.0
#include "data/sets/view_set.h"

#include <algorithm>

#include "core/files/files.h"
#include "core/files/json.h"
#include "core/text.h"

namespace spinfill {

int Frame::slot() const {
  return nearest_slot(azimuth_deg);
}

Slots ViewSet::slots() const {
  Slots slots;
  for (const Frame& frame : frames) slots.set(static_cast<std::size_t>(frame.slot()));
  return slots;
}

bool ViewSet::states_cameras() const {
  return std::ranges::any_of(frames, [](const Frame& frame) { return frame.camera.has_value(); });
}

namespace {

const Frame* nearest_in(const std::vector<Frame>& frames, int slot) {
  const auto off = [&](const Frame& frame) { return apart_deg(frame.azimuth_deg, azimuth_of(slot)); };
  const Frame* best = nullptr;
  for (const Frame& frame : frames) {
    if (frame.slot() == slot && (best == nullptr || off(frame) < off(*best))) best = &frame;
  }
  return best;
}

}  // namespace

const Frame* ViewSet::frame_at(int slot) const {
  return nearest_in(frames, slot);
}

const Frame* ViewSet::missing_at(int slot) const {
  return nearest_in(missing, slot);
}

bool is_valid_category(const std::string& name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
}

bool is_valid_id(std::string_view id) {
  const auto refused = [](char c) { return is_control(c) || c == '/' || c == '\\'; };
  return !id.empty() && id.size() <= 128 && id.front() != '.' && std::ranges::none_of(id, refused) && is_utf8(id);
}

}  // namespace spinfill
