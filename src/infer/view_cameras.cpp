// SPDX-License-Identifier: Apache-2.0
#include "infer/view_cameras.h"

#include <algorithm>

#include "core/error.h"
#include "core/log.h"

namespace spinfill {
namespace {

constexpr double kPoorConfidence = 0.3;
// Of the residual, vehicle lengths. Of twelve walk-arounds those whose masks and azimuths were right had .0015 to
// .0042, those with a broken mask or a wrong azimuth, and generated views to show for it, .0056 to .0104.
constexpr double kPoorFit = 0.005;
constexpr double kPoorFitPx = 0.5;  // small pictures cannot do better

void hide_views(ViewSet& set, const std::vector<std::int64_t>& azimuths) {
  for (const std::int64_t azimuth : azimuths) {
    const auto hidden = [&](const Frame& frame) { return azimuth_of(frame.slot()) == azimuth; };
    if (std::erase_if(set.frames, hidden) == 0) {
      fail_usage("{}: there is no view at {} degrees to hide", set.folder.string(), azimuth);
    }
    std::erase_if(set.further, hidden);
  }
  if (set.frames.empty()) fail_usage("{}: every view is hidden; leave at least one", set.folder.string());
}

CameraSource resolve(const ViewSet& set, CameraChoice choice, bool hides) {
  if (choice == CameraSource::stated && !set.states_cameras()) {
    fail_usage("{}: states no cameras: give --cameras estimated or turntable, or write them into transforms.json",
               set.folder.string());
  }
  if (choice == CameraSource::stated && hides && set.cameras_estimated) {
    log_warning(
        "{}: its cameras were estimated with the help of the views that are now hidden: --cameras estimated leaves "
        "them out",
        set.id);
  }
  if (choice) return *choice;
  // Cameras of an earlier estimate know the views that are now hidden.
  const bool stated = set.states_cameras() && !(hides && set.cameras_estimated);
  return stated ? CameraSource::stated : CameraSource::estimated;
}

void log_estimate(const std::string& id, const Stabilisation& estimate) {
  log_info(
      "{}: cameras estimated from {} masks: {}, elevation {:.1f} degrees, residual {:.4f} lengths, confidence {:.2f}",
      id, estimate.views.size(), estimate.hand_held ? "hand-held" : "studio", estimate.elevation_deg, estimate.miss,
      estimate.confidence);
  for (const std::string& note : estimate.notes) log_info("{}: {}", id, note);
  for (const std::string& warning : estimate.warnings) log_warning("{}: {}", id, warning);
  if (estimate.confidence < kPoorConfidence) {
    log_warning(
        "{}: the masks of {} views tell little about the cameras (confidence {:.2f}): state them in "
        "transforms.json if they are known",
        id, estimate.views.size(), estimate.confidence);
  }
}

}  // namespace

CameraChoice parse_camera_choice(const std::string& name) {
  if (name == "auto") return std::nullopt;
  if (const auto source = value_named<CameraSource>(name)) return source;
  fail_usage("cameras '{}' are not known; use auto, stated, estimated or turntable", name);
}

ViewCameras choose_cameras(const ViewSet& set, CameraChoice choice, const std::vector<std::int64_t>& hidden,
                           const Stabilisation* known) {
  const CameraSource source = resolve(set, choice, !hidden.empty());
  ViewCameras out{source == CameraSource::stated ? set : as_photographed(set), source, {}};
  hide_views(out.set, hidden);
  if (source == CameraSource::stated) return out;

  for (auto* list : {&out.set.frames, &out.set.further})
    for (Frame& frame : *list) frame.camera.reset();
  out.set.cameras_estimated = false;
  out.set.missing.clear();
  if (source == CameraSource::turntable) return out;
  try {
    out.estimate = known != nullptr && hidden.empty() ? *known : stabilise_set(out.set);
  } catch (const Error& error) {
    if (choice) throw;
    log_warning("{}; the model's canonical turntable is used instead", error.what());
    out.source = CameraSource::turntable;
    return out;
  }
  log_estimate(out.set.id, *out.estimate);
  out.set = with_cameras(out.set, *out.estimate);
  return out;
}

std::optional<CameraDoubt> doubt_of(const ViewSet& set, const Stabilisation& estimate) {
  const double length = estimate.turntable.scale * estimate.width;  // px
  if (estimate.miss < std::max(kPoorFit, kPoorFitPx / length)) return std::nullopt;
  CameraDoubt out{estimate.miss, {}};
  double most = -1;
  std::size_t at = 0;
  for (const auto* list : {&set.frames, &set.further}) {
    for (const Frame& frame : *list) {
      const StabilisedView& view = estimate.views.at(at++);
      if (!view.trusted || view.miss <= most) continue;
      most = view.miss;
      out.worst = frame.file_path;
    }
  }
  return out;
}

std::string told_in_words(const CameraDoubt& doubt, const std::string& worst, bool generates) {
  return fmt::format(
      "the masks fit together badly (residual {:.4f} of the vehicle's length; of good walk-arounds it is 0.0015 to "
      "0.0042){}: look at {}the masks, first at that of {}; take photographs again whose masks lack a part or hold "
      "more than the vehicle",
      doubt.residual, generates ? ", and generated views may be torn or bent" : "", generates ? "them, and at " : "",
      worst);
}

}  // namespace spinfill
