// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/files/json.h"
#include "data/photo/common_exposure.h"
#include "data/sets/view_set.h"
#include "geometry/camera.h"

namespace spinfill {

// What is kept of a completed spin's view while the others are read: pictures are read again when they are composed, so
// that memory does not grow with their number.
struct StudioView {
  Frame frame;
  bool generated = false;
  cv::Rect box;              // of what is seen, px
  cv::Mat mask;              // 8-bit coverage, reduced
  cv::Mat small;             // 8-bit straight RGBA, further reduced
  ViewExposure exposure;     // by which it is brought to the others'
  std::string stem() const;  // of its file's name
};

// By azimuth. Exit 3: a view without a camera, or of which nobody says whether it was generated; two of one name.
std::vector<StudioView> studio_views(const ViewSet& set);

// As many views as a visual hull needs, evenly from all.
std::vector<const StudioView*> views_for_hull(const std::vector<StudioView>& views);

// Small pictures of views, with their exposures, and cameras for them.
struct SmallViews {
  SmallViews(const ViewSet& set, const std::vector<const StudioView*>& of);
  SmallViews(const SmallViews&) = delete;
  SmallViews& operator=(const SmallViews&) = delete;
  int width = 0, height = 0;  // px
  std::vector<PhotoView> views;

 private:
  std::vector<Frame> frames_;
  std::vector<cv::Mat> pictures_;
};

// The picture with its exposure: 8-bit straight RGBA.
cv::Mat exposed_picture(const ViewSet& set, const StudioView& view);

// Makes exposure and white balance common to all (data/photo/common_exposure.h) and says what was done. JSON of the
// whole: {"before_stops", "after_stops"}.
Json level_exposures(const ViewSet& set, std::vector<StudioView>& views);

}  // namespace spinfill
