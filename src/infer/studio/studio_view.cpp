// SPDX-License-Identifier: Apache-2.0
#include "infer/studio/studio_view.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/statistics.h"
#include "data/pictures/letterbox.h"
#include "data/sets/set_pictures.h"

namespace spinfill {
namespace {

constexpr std::size_t kHullViews = 16;  // no more are needed for a hull
constexpr int kKeptMaskWidth = 640;     // px, of masks that are kept
constexpr int kSmallWidth = 384;        // and of pictures
constexpr uchar kSeen = 128;

// How a spin's pictures are made small.
Letterbox reduction(const ViewSet& set) {
  const int width = std::min(kSmallWidth, set.width);
  return fit(set.width, set.height, width,
             std::max(1, static_cast<int>(std::lround(double(width) * set.height / set.width))));
}

StudioView looked_at(const ViewSet& set, const Frame& frame, const Json& description) {
  const std::string where = (set.folder / frame.file_path).string();
  if (!frame.camera) fail("{}: transforms.json states no camera for it: complete the spin first", where);
  const auto generated = description.find("generated");
  if (generated == description.end() || !generated->is_boolean())
    fail("{}: transforms.json does not say whether it was generated: give a folder that spinfill complete wrote",
         where);
  StudioView view{frame, generated->get<bool>(), {}, {}, {}, {}};
  const cv::Mat picture = read_cut_out_picture(set, frame);
  cv::Mat alpha;
  cv::extractChannel(picture, alpha, 3);
  view.box = cv::boundingRect(cv::Mat(alpha >= kSeen));
  const int width = std::min(kKeptMaskWidth, alpha.cols);
  cv::resize(alpha, view.mask, cv::Size(width, std::max(1, alpha.rows * width / alpha.cols)), 0, 0, cv::INTER_AREA);
  view.small = straight(resample(premultiplied(picture), reduction(set)));
  return view;
}

}  // namespace

std::string StudioView::stem() const {
  return fs::path(frame.file_path).stem().string();
}

std::vector<StudioView> studio_views(const ViewSet& set) {
  const Json description = read_json(set.folder / "transforms.json");
  std::vector<StudioView> views;
  std::set<std::string> names;
  Progress progress("reading", std::ssize(set.frames), "views");
  for (std::size_t i = 0; i < set.frames.size(); ++i) {  // in the file's order
    views.push_back(looked_at(set, set.frames[i], description["frames"].at(i)));
    if (!names.insert(views.back().stem()).second)
      fail("{}: two views are called {}: name them apart", set.folder.string(), views.back().stem());
    progress.update(std::ssize(views));
  }
  std::ranges::stable_sort(views, {}, [](const StudioView& view) { return view.frame.azimuth_deg; });
  return views;
}

std::vector<const StudioView*> views_for_hull(const std::vector<StudioView>& views) {
  std::vector<const StudioView*> out;
  const std::size_t count = std::min(kHullViews, views.size());
  for (std::size_t i = 0; i < count; ++i) out.push_back(&views[i * views.size() / count]);
  return out;
}

cv::Mat exposed_picture(const ViewSet& set, const StudioView& view) {
  return with_gain(read_cut_out_picture(set, view.frame), view.exposure.stops);
}

SmallViews::SmallViews(const ViewSet& set, const std::vector<const StudioView*>& of) {
  const Letterbox small = reduction(set);
  width = small.to_width;
  height = small.to_height;
  for (const StudioView* view : of) {
    frames_.push_back(view->frame);
    frames_.back().camera = small.camera(*view->frame.camera);
    pictures_.push_back(with_gain(view->small, view->exposure.stops));
  }
  for (std::size_t i = 0; i < of.size(); ++i) views.push_back({&frames_[i], &pictures_[i]});
}

Json level_exposures(const ViewSet& set, std::vector<StudioView>& views) {
  std::vector<const StudioView*> all;
  for (const StudioView& view : views) all.push_back(&view);
  const SmallViews small(set, all), carving(set, views_for_hull(views));
  const CommonExposure found = common_exposure(small.views, carving.views, small.width, small.height);
  int changed = 0;
  for (std::size_t i = 0; i < views.size(); ++i) {
    views[i].exposure = found.views[i];
    changed += found.views[i].stops != kNoGain;
    if (!found.views[i].odd.empty())
      log_warning("{}: {}", (set.folder / views[i].frame.file_path).string(), found.views[i].odd);
  }
  if (changed > 0)
    log_info(
        "exposure and white balance of {} of {} views made alike: what two of them show of one place differs by "
        "{:.2f} stops, {:.2f} before (--exposure given leaves them as they are)",
        changed, views.size(), found.after, found.before);
  return {{"before_stops", rounded(found.before, 4)}, {"after_stops", rounded(found.after, 4)}};
}

}  // namespace spinfill
