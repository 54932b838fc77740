// SPDX-License-Identifier: Apache-2.0
#include "infer/import/scene_set.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/error.h"
#include "core/statistics.h"
#include "data/pictures/picture.h"
#include "data/scenes/chosen_views.h"
#include "data/scenes/silhouette_body.h"
#include "data/sets/view_set_writer.h"
#include "geometry/angles.h"
#include "infer/import/looked_view.h"
#include "model/azimuth/azimuth_set.h"

namespace spinfill {
namespace {

constexpr std::size_t kMostLooked = 24;  // views that the body is carved of and the front is told by
constexpr double kRetakeDeg = 30;        // by so much further another view may stand that need not be taken again
constexpr double kReach = 1.25;          // of the half diagonal of the largest box in sight
constexpr std::size_t kLeastWhole = 4;   // views that the body is carved of, so that cut-off ones can stay out
constexpr double kSureFront = 0.5;       // confidence below which the front counts as not told
constexpr double kSymmetryDeg = 20;      // how far the network may be off
constexpr double kSymmetryGain = 0.002;  // of the volume; less is the voxels' chance
constexpr double kClosedRing = 100;      // degrees of a gap up to which the body is closed, and so symmetric
constexpr double kStatedOff = 30;        // degrees between a stated azimuth and the cameras

class SceneImport {
 public:
  SceneImport(const Scene& scene, ImportModels& models, const SceneSetOptions& options)
      : scene_(scene), models_(models), options_(options), looked_(scene.views.size()) {
    for (const SceneView& view : scene.views) out_.report.photographs.emplace_back().file = view.file;
    out_.report.title = scene.folder.filename().string();
    out_.report.left_out = scene.left_out;
  }

  SceneSet run(const fs::path& folder) {
    up_ = scene_up(scene_.views, options_.up);
    std::vector<bool> strays;
    placed_ = place_upright(scene_.views, up_, strays);
    for (std::size_t i = 0; i < strays.size(); ++i) {
      if (strays[i])
        refuse(i, "its camera does not look at what the others look at");
      else
        turning_.push_back(i);
    }
    look_all_around();
    centre_on_vehicle();
    find_front();
    const SilhouetteBody body = carve();
    placed_ = placed_.boxed(body.low, body.high);
    if (const auto turn = known_turn()) placed_ = placed_.turned(-*turn);  // about the vehicle's middle
    choose();
    tell_fates();
    if (const auto why = why_no_spin(out_.report, options_.least_views))
      fail_check("{}: {}", scene_.folder.string(), *why);
    write(folder);
    return std::move(out_);
  }

 private:
  PhotographReport& report(std::size_t i) { return out_.report.photographs[i]; }
  void refuse(std::size_t i, const std::string& why) {
    report(i).verdict = PhotographVerdict::ignored;
    report(i).fate = PhotographFate::refused;
    report(i).why = why;
  }
  Direction direction(std::size_t i) const {
    Camera camera;
    camera.vehicle_from_camera = placed_.place(scene_.views[i].world_from_camera);
    return viewing_direction(camera);
  }

  // Whether the view can be used.
  bool look(std::size_t i) {
    if (!looked_[i]) {
      LookedPicture picture = look_at(scene_, scene_.views[i], up_, models_.segmenter);
      LookedView& view = picture.view;
      PhotographReport& of = report(i);
      of.verdict = view.usable.verdict;
      of.trouble = view.usable.trouble;
      of.why = view.usable.what;
      if (!view.box.empty() && view.usable.verdict != PhotographVerdict::ignored && needs_network())
        shares_[i] = azimuth_shares(models_.azimuths(), picture.photograph.rgb, picture.photograph.mask.alpha);
      looked_[i] = std::move(view);
    }
    return !looked_[i]->box.empty() && looked_[i]->usable.verdict != PhotographVerdict::ignored;
  }

  bool states_azimuth() const {
    return std::ranges::any_of(turning_, [&](std::size_t i) { return scene_.views[i].azimuth_deg.has_value(); });
  }
  bool needs_network() const { return !options_.front_deg && !states_azimuth() && !front_known_; }

  void look_all_around() {
    std::vector<Direction> directions;
    for (const std::size_t i : turning_) directions.push_back(direction(i));
    const std::vector<std::size_t> chosen = spread_views(directions, kMostLooked);
    std::int64_t done = 0;
    for (const std::size_t place : chosen) {
      if (look(turning_[place])) seen_.push_back(turning_[place]);
      if (options_.looked_at) options_.looked_at(++done, std::ssize(chosen));
    }
    if (seen_.size() < 2) {
      const auto first = std::ranges::find_if(turning_, [&](std::size_t i) { return looked_[i].has_value(); });
      fail_check("{}: no vehicle can be told in its pictures ({}: {})", scene_.folder.string(), report(*first).file,
                 report(*first).why);
    }
    // Where the vehicle is cut off, a cone would cut it, too.
    std::vector<std::size_t> whole;
    std::ranges::copy_if(seen_, std::back_inserter(whole), [&](std::size_t i) { return !looked_[i]->cut_off; });
    if (whole.size() >= kLeastWhole) seen_ = whole;
  }

  // The middle of the masks' boxes, and a reach beyond which nothing of the vehicle lies.
  void centre_on_vehicle() {
    std::vector<Eigen::Vector3d> origins, directions;
    for (const std::size_t i : seen_) {
      const LookedView& view = *looked_[i];
      const Camera& camera = view.camera;
      const double u = view.box.x + view.box.width / 2.0, v = view.box.y + view.box.height / 2.0;
      const Eigen::Vector3d ray((u - camera.cx) / camera.fl_x, (camera.cy - v) / camera.fl_y, -1);
      origins.emplace_back(camera.vehicle_from_camera.topRightCorner<3, 1>());
      directions.emplace_back((camera.vehicle_from_camera.topLeftCorner<3, 3>() * ray).normalized());
    }
    placed_.centre = nearest_to_rays(origins, directions);
    double reach = 0;
    for (std::size_t k = 0; k < seen_.size(); ++k) {
      const LookedView& view = *looked_[seen_[k]];
      const double half = std::hypot(view.box.width / view.camera.fl_x, view.box.height / view.camera.fl_y) / 2;
      reach = std::max(reach, half * (placed_.centre - origins[k]).norm());
    }
    placed_.length = kReach * reach;
  }

  SilhouetteBody carve() const {
    std::vector<SeenBody> seen;
    for (const std::size_t i : seen_) seen.push_back(looked_[i]->seen_body(placed_.place(looked_[i]->box_camera())));
    try {
      return silhouette_body(seen, 1);
    } catch (const Error& error) {
      fail("{}: {}", scene_.folder.string(), error.what());
    }
  }

  // Turns placed_ so that the front lies at azimuth 0.
  void find_front() {
    if (options_.front_deg && turning_.front() != 0)
      fail("{}: {}: --front says from where it shows the vehicle, but {}", scene_.folder.string(), report(0).file,
           report(0).why);
    const auto known = known_turn();
    out_.front.from = options_.front_deg ? "--front" : known ? "azimuth_deg" : "azimuth network";
    placed_ = placed_.turned(-(known ? *known : network_turn()));
    front_known_ = true;
  }

  // The azimuth from which a camera that stands at 0 shows the vehicle, where it is given.
  std::optional<double> known_turn() const {
    if (options_.front_deg) return *options_.front_deg - direction(0).azimuth_deg;
    if (states_azimuth()) return stated_turn();
    return std::nullopt;
  }

  double stated_turn() const {
    double sine = 0, cosine = 0;
    for (const std::size_t i : turning_) {
      if (!scene_.views[i].azimuth_deg) continue;
      const double turn = (*scene_.views[i].azimuth_deg - direction(i).azimuth_deg) * kDegree;
      sine += std::sin(turn);
      cosine += std::cos(turn);
    }
    const double mean = std::atan2(sine, cosine) / kDegree;
    for (const std::size_t i : turning_) {
      const auto& stated = scene_.views[i].azimuth_deg;
      if (!stated) continue;
      const double cameras_say = wrapped_deg(direction(i).azimuth_deg + mean);
      if (apart_deg(*stated, cameras_say) > kStatedOff)
        fail("{}: {}: azimuth_deg is {:.1f}, but by the cameras and the other azimuths it is {:.1f}: correct it",
             scene_.folder.string(), scene_.views[i].file, *stated, cameras_say);
    }
    return mean;
  }

  double network_turn() {
    std::vector<at::Tensor> shares;
    std::vector<double> standing_deg;
    for (const auto& [i, of_view] : shares_) {
      shares.push_back(of_view);
      standing_deg.push_back(direction(i).azimuth_deg);
    }
    const AzimuthEstimate estimate = common_azimuth(shares, standing_deg);
    out_.front.confidence = estimate.confidence;
    if (estimate.confidence < kSureFront)
      fail(
          "{}: where the vehicle's front is cannot be told (confidence {:.2f}): give --front DEGREES, the azimuth at "
          "which {} shows it (0 front, 90 left side)",
          scene_.folder.string(), estimate.confidence, scene_.views[0].file);
    if (widest_gap(standing_deg) > kClosedRing) return estimate.azimuth_deg;
    // The front lies where a camera would have to stand to show it.
    const Heading heading = symmetric_heading(carve(), -estimate.azimuth_deg, kSymmetryDeg);
    if (heading.gain < kSymmetryGain) return estimate.azimuth_deg;
    out_.front.symmetry_deg = turn_deg(-heading.azimuth_deg, estimate.azimuth_deg);
    return -heading.azimuth_deg;
  }

  // The best view of each slot, looking at those that were not seen yet.
  void choose() {
    while (true) {
      std::vector<ViewCandidate> candidates;
      for (const std::size_t i : turning_) {
        double penalty = 0;
        if (looked_[i] && !look(i))
          penalty = std::numeric_limits<double>::infinity();
        else if (looked_[i] && looked_[i]->usable.verdict == PhotographVerdict::retake)
          penalty = kRetakeDeg;
        candidates.push_back({direction(i), penalty});
      }
      slots_ = choose_slots(candidates);
      bool all_seen = true;
      for (const auto& place : slots_) {
        if (!place || looked_[turning_[*place]]) continue;
        all_seen = false;
        look(turning_[*place]);
      }
      if (all_seen) return;
    }
  }

  void tell_fates() {
    for (const std::size_t i : turning_) {
      const Direction from = direction(i);
      PhotographReport& of = report(i);
      of.azimuth_deg = from.azimuth_deg;
      of.confidence = out_.front.confidence;
      if (of.verdict == PhotographVerdict::ignored) continue;
      const int slot = nearest_slot(from.azimuth_deg);
      const std::size_t used = turning_[*slots_[static_cast<std::size_t>(slot)]];
      of.fate = used == i ? PhotographFate::used : PhotographFate::spare;
      if (used == i) continue;
      const std::string better =
          fmt::format("{} shows the view at {} degrees better", scene_.views[used].file, azimuth_of(slot));
      of.why = of.why.empty() ? better : of.why + "; " + better;
    }
  }

  void write(const fs::path& folder) {
    const std::vector<std::size_t> used = out_.report.used_in_order();
    std::vector<std::string> files;
    std::vector<double> elevations;
    cv::Size window;
    for (const std::size_t i : used) {
      files.push_back(fs::path(scene_.views[i].file).filename().string());
      elevations.push_back(direction(i).elevation_deg);
      window.width = std::max(window.width, looked_[i]->box.width);
      window.height = std::max(window.height, looked_[i]->box.height);
    }
    out_.elevation_deg = median(elevations);
    const std::vector<std::string> names = png_names(files);
    ViewSet set;
    set.folder = folder;
    set.id = folder.filename().string();
    set.width = window.width;
    set.height = window.height;
    for (std::size_t k = 0; k < used.size(); ++k) {
      const std::size_t i = used[k];
      const WindowPicture picture = window_picture(scene_, scene_.views[i], *looked_[i], window, up_);
      write_png(folder / names[k], picture.rgba);
      Frame& frame = set.frames.emplace_back();
      frame.file_path = names[k];
      frame.camera = placed_.place(picture.camera);
      frame.azimuth_deg = direction(i).azimuth_deg;
      report(i).reference = names[k];
    }
    write_transforms(set);
  }

  const Scene& scene_;
  ImportModels& models_;
  const SceneSetOptions& options_;
  Eigen::Vector3d up_;
  Placement placed_;
  std::vector<std::size_t> turning_, seen_;  // views that look at the vehicle; those that the body is carved of
  std::vector<std::optional<LookedView>> looked_;
  std::map<std::size_t, at::Tensor> shares_;
  std::array<std::optional<std::size_t>, kSlots> slots_;  // places in turning_
  bool front_known_ = false;
  SceneSet out_;
};

}  // namespace

SceneSet write_scene_set(const Scene& scene, ImportModels& models, const fs::path& folder,
                         const SceneSetOptions& options) {
  return SceneImport(scene, models, options).run(folder);
}

}  // namespace spinfill
