// SPDX-License-Identifier: Apache-2.0
#include "infer/complete.h"

#include <algorithm>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "data/check/vehicle_scale.h"
#include "data/identity/reference_identity.h"
#include "data/photo/consistency.h"
#include "data/photo/weighed_references.h"
#include "data/sets/categories.h"
#include "data/sets/view_camera.h"
#include "infer/photo_views.h"

namespace spinfill {
namespace {

void set_category(ViewSet& set, const std::string& category) {
  if (category.empty()) return;
  if (category != "unknown" && std::ranges::find(kCategories, category) == kCategories.end()) {
    fail_usage("category '{}' is not known; use one of {} or unknown", category, fmt::join(kCategories, ", "));
  }
  set.category = category;
}

// Hulls of cameras in another unit than the vehicle's length hold nothing.
void check_scale(const ViewSet& set, const SlotPictures& pictures) {
  std::vector<double> scales;
  for (const Frame& frame : set.frames) {
    if (frame.camera) scales.push_back(vehicle_scale(*frame.camera, pictures[static_cast<std::size_t>(frame.slot())]));
  }
  if (const std::string wrong = wrong_scale(std::move(scales)); !wrong.empty())
    fail("{}: {}: divide the cameras' positions by its length, or give --cameras estimated", set.folder.string(),
         wrong);
}

CanonicalSpin common_turntable(const ViewSet& set, const SlotPictures& pictures, const Turntable& turntable) {
  std::vector<Camera> cameras;
  std::vector<cv::Mat> given;
  for (const Frame& frame : set.frames) {
    cameras.push_back(camera_at(set, frame.slot(), turntable));
    given.push_back(pictures[static_cast<std::size_t>(frame.slot())]);
  }
  try {
    return canonical_spin(cameras, given);
  } catch (const Error& error) {
    fail("{}: {}", set.folder.string(), error.what());
  }
}

// Looks for references that differ from the others.
void find_odd(SpinContents& spin, const std::vector<Oddities>* known) {
  ViewCameras& chosen = spin.chosen;
  WeighedReferences weighed = weigh_references(std::move(chosen.set), std::move(chosen.estimate), spin.pictures.frames,
                                               spin.pictures.further, known);
  chosen.set = std::move(weighed.set);
  chosen.estimate = std::move(weighed.estimate);
  spin.odd = std::move(weighed.odd);
}

// What views are generated from.
ViewSet telling_views(const SpinContents& spin) {
  return without_contradicting(with_every_camera(spin.chosen.set, spin.turntable), spin.odd);
}

Json odd_to_json(const SpinContents& spin) {
  Json json = Json::array();
  std::size_t at = 0;
  for (const auto* list : {&spin.chosen.set.frames, &spin.chosen.set.further}) {
    for (const Frame& frame : *list) {
      for (const OddReference& found : spin.odd.at(at++)) {
        Json entry = {{"file_path", frame.file_path}};
        entry.update(to_json(found));
        json.push_back(std::move(entry));
      }
    }
  }
  return json;
}

// How much of the views was seen nowhere, and whether that is too much.
class Inventions {
 public:
  explicit Inventions(std::optional<double> most) : most_(most) {}
  void add(const ViewSet& set, const GeneratedView& view) {
    if (!most_) return;
    if (!view.evidence)
      fail_usage(
          "--max-invented: where pixels are from is known only of photographs larger than the model's pictures; {} "
          "has {}x{} px",
          set.id, set.width, set.height);
    if (view.evidence->invented > *most_)
      beyond_.push_back(fmt::format("{:g} ({:.0f} %)", view.azimuth_deg, 100 * view.evidence->invented));
  }
  void refuse(const ViewSet& set) const {
    if (beyond_.empty()) return;
    throw Error(
        ExitCode::check_failed,
        fmt::format("{}: more than {:.4g} % would be invented of the views at {}: photograph them, or views nearer to "
                    "them; nothing was written",
                    set.id, 100 * *most_, fmt::join(beyond_, ", ")));
  }

 private:
  std::optional<double> most_;
  std::vector<std::string> beyond_;
};

constexpr double kPointCell = 0.0025;  // vehicle lengths: of a car about a centimetre

Consistency consistency_of(const SpinContents& spin, const ViewSet& views, const SamplerProgress& progress,
                           PointCloud& cloud) {
  const ViewSet given = telling_views(spin);
  return cross_view_consistency(
      given, spin.pictures.frames, views.frames,
      [&](std::size_t i) { return read_masked_picture(views, views.frames[i]); }, progress, &cloud);
}

}  // namespace

OutputFolder completed_folder(const fs::path& input, const fs::path& out, const CompleteOptions& options) {
  OutputFolder folder{out, "complete", options.replace, options.inputs};
  folder.inputs.push_back(input);
  return folder;
}

Completion complete_folder(const LoadedModel& model, const fs::path& input, const fs::path& out,
                           const CompleteOptions& options) {
  check_draws(model.config.model, options.runner.sampler, options.runner.draws);
  const Stopwatch watch;
  PhotographOptions photographs = options.photographs;
  photographs.hidden = options.hide;
  const auto prepared = [&](std::int64_t steps) {
    if (options.prepared) options.prepared(steps, 3);
  };
  ViewSet references = read_references(input, photographs);
  refuse_given(options.request, references, options.hide);
  prepared(0);
  set_category(references, options.category);
  if (model.identity && !references.identity_file_path.empty()) log_info("{}: {}", references.id, kStatedNotUsed);
  AtomicFolder folder(completed_folder(input, out, options));
  SpinContents spin;
  spin.turntable = model.config.data.turntable.turntable;
  spin.pictures = read_reference_pictures(references, options.hide);
  prepared(1);
  const FirstLook* look = options.hide.empty() ? options.first_look.get() : nullptr;
  spin.chosen = choose_cameras(references, options.cameras, options.hide, look != nullptr ? &look->estimate : nullptr);
  prepared(2);
  ViewSet& set = spin.chosen.set;
  if (spin.chosen.source == CameraSource::stated) check_scale(set, spin.pictures.frames);
  find_odd(spin, look != nullptr && spin.chosen.estimate ? &look->odd : nullptr);
  Completion done;
  if (spin.chosen.estimate) done.doubt = doubt_of(set, *spin.chosen.estimate);
  prepared(3);
  if (options.deliver == Delivery::canonical)
    spin.canonical = common_turntable(set, spin.pictures.frames, spin.turntable);
  AskedViews asked = asked_views(spin.chosen, references.missing, options.request, spin.turntable,
                                 spin.canonical ? &*spin.canonical : nullptr);
  set.missing = std::move(asked.frames);
  spin.shows_further = !options.request.primary();
  if (done.doubt) log_warning("{}: {}", set.id, told_in_words(*done.doubt, done.doubt->worst, !set.missing.empty()));
  SpinFolder writer(spin, folder.path());
  if (set.missing.empty()) {
    log_info("{}: all views are given, nothing to generate", set.id);
  } else {
    RunnerOptions runner = options.runner;
    runner.anchors = asked.anchors;
    runner.weights = weights_of(spin.chosen.set, spin.odd);
    runner.further = weighed_further(spin.chosen.set, spin.pictures.further, spin.odd);
    Inventions inventions(options.max_invented);
    const double residual =
        photo_views(model, telling_views(spin), spin.pictures.frames, runner, [&](const GeneratedView& view) {
          inventions.add(set, view);
          writer.add(view);
        });
    inventions.refuse(set);
    done.sampler = runner.sampler;
    done.seed = runner.seed;
    if (!runner.opaque) done.matte_residual = residual;
  }
  if (options.request.views > 0) {
    PointCloud cloud(kPointCell);
    done.consistency = to_json(consistency_of(spin, writer.views(), options.compared, cloud));
    if (cloud.size() > 0) writer.add_surface(cloud.ply());
  }
  SpinViews views = writer.finish(done.consistency);
  done.odd = odd_to_json(spin);
  done.out = out;
  done.id = set.id;
  if (!spin.shows_further)
    for (const Frame& frame : set.further) done.further.push_back(frame.file_path);
  done.given = std::move(views.given);
  done.generated = std::move(views.generated);
  done.evidence = std::move(views.evidence);
  done.cameras = spin.chosen.source;
  done.deliver = options.deliver;
  done.stabilisation = spin.chosen.estimate;
  done.model = model.provenance;
  if (options.also) options.also(folder.path(), done);
  folder.commit();
  done.seconds = watch.seconds();
  return done;
}

Json to_json(const Completion& completion) {
  Json json = {{"out", completion.out.string()},
               {"id", completion.id},
               {"given", completion.given},
               {"further", completion.further},
               {"generated", completion.generated}};
  json["evidence"] = Json::array();
  for (const auto& evidence : completion.evidence) json["evidence"].push_back(evidence ? *evidence : Json());
  if (!completion.consistency.is_null()) json["consistency"] = completion.consistency;
  json["cameras"] = name_of(completion.cameras);
  json["deliver"] = name_of(completion.deliver);
  if (completion.stabilisation) json["stabilisation"] = to_json(*completion.stabilisation);
  if (completion.doubt)
    json["doubt"] = told_in_words(*completion.doubt, completion.doubt->worst, !completion.generated.empty());
  json["odd"] = completion.odd;
  json["seconds"] = completion.seconds;
  if (completion.sampler) {
    json["sampler"] = to_json(*completion.sampler);
    json["seed"] = completion.seed;
    if (completion.matte_residual) json["matte_residual"] = *completion.matte_residual;
  }
  json["model"] = completion.model;
  return json;
}

}  // namespace spinfill
