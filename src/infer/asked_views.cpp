// SPDX-License-Identifier: Apache-2.0
#include "infer/asked_views.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/text.h"
#include "data/sets/view_camera.h"

namespace spinfill {
namespace {

constexpr double kBesidePicture = 1;        // degrees
constexpr double kInsteadOfView = 1 / 4.0;  // of a turntable's step: so near a picture is the view
constexpr int kTurntables[] = {24, 36, 72};

double parse_azimuth(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !(value >= 0 && value <= 360))
    fail_usage("--azimuths: '{}' is not a number of degrees from 0 to 360; give a list such as 40,180", escaped(text));
  return wrapped_deg(value);
}

std::vector<double> parse_azimuths_asked(const std::string& list) {
  std::vector<double> azimuths;
  std::size_t from = 0;
  while (from <= list.size()) {
    const std::size_t comma = std::min(list.find(',', from), list.size());
    const double azimuth = parse_azimuth(list.substr(from, comma - from));
    for (const double other : azimuths) {
      if (apart_deg(other, azimuth) < kSameViewDeg)
        fail_usage("--azimuths: {:g} and {:g} are the same view; name it once", other, azimuth);
    }
    azimuths.push_back(azimuth);
    from = comma + 1;
  }
  return azimuths;
}

// The picture beside which a view at this azimuth would stand, by its azimuth as estimated or as stated.
const Frame* picture_beside(const ViewSet& set, double azimuth) {
  const auto beside = [&](const Frame& frame) {
    return apart_deg(frame.azimuth_deg, azimuth) <= kBesidePicture ||
           apart_deg(frame.stated_azimuth_deg.value_or(frame.azimuth_deg), azimuth) <= kBesidePicture;
  };
  for (const auto* list : {&set.frames, &set.further})
    if (const auto found = std::ranges::find_if(*list, beside); found != list->end()) return &*found;
  return nullptr;
}

// Degrees from the nearest picture.
double from_picture(const ViewSet& set, double azimuth) {
  double least = 180;
  for (const auto* list : {&set.frames, &set.further})
    for (const Frame& frame : *list) least = std::min(least, apart_deg(frame.azimuth_deg, azimuth));
  return least;
}

std::vector<Frame> primary_views(const ViewCameras& chosen, const std::vector<Frame>& listed,
                                 const Turntable& turntable) {
  const ViewSet& set = chosen.set;
  std::vector<Frame> out;
  Slots taken = set.slots();
  const auto add = [&](double azimuth, const std::optional<Camera>& own) {
    out.emplace_back();
    out.back().azimuth_deg = azimuth;
    if (chosen.source == CameraSource::stated) out.back().camera = own;
    if (chosen.estimate) out.back().camera = chosen.estimate->predict(azimuth).camera;
    if (!out.back().camera) out.back().camera = camera_towards(set, azimuth, turntable);
    taken.set(static_cast<std::size_t>(out.back().slot()));
  };
  for (const Frame& frame : listed) {
    if (const Frame* beside = picture_beside(set, frame.azimuth_deg))
      fail("{}: transforms.json lists {} at {:g} degrees, and the view at {:g} among missing_frames: remove it there",
           set.folder.string(), beside->file_path, beside->azimuth_deg, frame.azimuth_deg);
    add(frame.azimuth_deg, frame.camera);
  }
  for (int slot = 0; slot < kSlots; ++slot)
    if (!taken[static_cast<std::size_t>(slot)]) add(azimuth_of(slot), std::nullopt);
  std::ranges::stable_sort(out, {}, &Frame::slot);
  return out;
}

std::vector<double> turntable_azimuths(const ViewSet& set, int views, std::size_t& anchors) {
  std::vector<double> all;
  for (int i = 0; i < views; ++i) {
    const double step = 360.0 / views, azimuth = step * i;
    if (from_picture(set, azimuth) > kInsteadOfView * step) all.push_back(azimuth);
  }
  // In each slot without a picture the one nearest to its primary view goes first.
  auto next = all.begin();
  for (int slot = 0; slot < kSlots; ++slot) {
    if (set.frame_at(slot) != nullptr) continue;
    const auto off = [&](double azimuth) { return apart_deg(azimuth, azimuth_of(slot)); };
    const auto anchor = std::min_element(next, all.end(), [&](double a, double b) { return off(a) < off(b); });
    std::rotate(next, anchor, anchor + 1);
    ++next;
  }
  anchors = static_cast<std::size_t>(next - all.begin());
  // Those next to photographs first: the farther ones take from them what no photograph shows.
  std::stable_sort(all.begin(), next, [&](double a, double b) { return from_picture(set, a) < from_picture(set, b); });
  return all;
}

}  // namespace

ViewRequest parse_view_request(const std::optional<std::string>& azimuths, const std::optional<std::string>& views) {
  ViewRequest request;
  if (azimuths && views)
    fail_usage("--azimuths and --views cannot be given together: a turntable has azimuths of its own");
  if (azimuths) request.azimuths_deg = parse_azimuths_asked(*azimuths);
  if (!views) return request;
  const auto known = std::ranges::find_if(kTurntables, [&](int count) { return *views == std::to_string(count); });
  if (known == std::end(kTurntables))
    fail_usage("--views: '{}' is not known; use {}", escaped(*views), fmt::join(kTurntables, ", "));
  request.views = *known;
  return request;
}

void refuse_given(const ViewRequest& request, const ViewSet& set, const std::vector<std::int64_t>& hidden) {
  for (const double azimuth : request.azimuths_deg) {
    const Frame* beside = picture_beside(set, azimuth);
    if (beside != nullptr && std::ranges::find(hidden, azimuth_of(beside->slot())) == hidden.end())
      fail_usage("--azimuths: {:g} is within a degree of {}, which is given: leave it out, or --hide that view",
                 azimuth, beside->file_path);
  }
}

AskedViews asked_views(const ViewCameras& chosen, const std::vector<Frame>& listed, const ViewRequest& request,
                       const Turntable& turntable, const CanonicalSpin* canonical) {
  const ViewSet& set = chosen.set;
  AskedViews out;
  if (request.primary()) {
    out.frames = primary_views(chosen, listed, turntable);
    for (Frame& frame : out.frames) {
      if (canonical == nullptr) continue;
      const Camera to = canonical->camera(viewing_direction(*frame.camera).azimuth_deg);
      frame.camera = carried(*frame.camera, to, canonical->ground_z);
    }
  } else {
    refuse_given(request, set);
    const std::vector<double> azimuths =
        request.views > 0 ? turntable_azimuths(set, request.views, out.anchors) : request.azimuths_deg;
    for (const double azimuth : azimuths) {
      out.frames.emplace_back();
      out.frames.back().azimuth_deg = azimuth;
      out.frames.back().camera =
          canonical != nullptr ? canonical->camera(azimuth) : camera_between(set, azimuth, turntable);
    }
  }
  return out;
}

}  // namespace spinfill
