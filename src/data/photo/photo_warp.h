// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "data/photo/photo_windows.h"
#include "data/pictures/letterbox.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set.h"

namespace spinfill {

// The hull warp of one view at the size of the set's pictures, in a window that holds the hull.
struct PhotoWarp {
  cv::Rect window;   // in the picture, px; may reach beyond it
  cv::Mat colour;    // CV_32FC3 straight sRGB in [0,1], filled from the surroundings where nothing was seen
  cv::Mat alpha;     // CV_32FC1 in [0,1]
  cv::Mat trust;     // CV_32FC1 in [0,1]: 0 where no reference shows the surface, directly or mirrored
  cv::Mat mirrored;  // CV_32FC1 in [0,1]: share of what was seen that is from the mirror side
  cv::Mat lettered;  // CV_32FC1 in [0,1]: how certainly what the mirror side shows there is lettering on a flank; empty
                     // for views that are not aligned
  double outlined = 0;  // in [0,1]: how far the outline is that of the mirror view (data/photo/mirror_view.h)
  // What generated views show there (PhotoWarper::add_generated): colour and trust as above; empty without any.
  cv::Mat generated_colour, generated_trust;
};
using SlotWarps = std::array<std::optional<PhotoWarp>, kSlots>;

// What the colours of each slot's reference weigh beside the others' (data/photo/odd_references.h), in (0,1].
using SlotWeights = std::array<double, kSlots>;
inline constexpr SlotWeights kEqualWeights = {1, 1, 1, 1, 1, 1, 1, 1};

// A correction of the surface's depth along the rays of a view: CV_32FC1, vehicle lengths, positive away from the
// camera, in a picture that the set's is fitted into.
struct DepthCorrection {
  cv::Mat map;
  Letterbox fitted;
};

// Carries the references of a set onto the hull and from there into any number of views, one after another, so that
// memory does not grow with their number. Computed within windows round the hull, so that the cost goes with the
// vehicle's size and not with the picture's. Voxels have about two pixels.
class PhotoWarper {
 public:
  // The views are those in set.missing. Every frame of the set, given or missing, needs a camera (exit 3 where one has
  // none); `pictures` holds the given ones. Both must outlive the warper.
  // `windows` are photo_windows() of its photo_views_of(), `further` is what the set's further frames show, or empty.
  PhotoWarper(const ViewSet& set, const SlotPictures& pictures, PhotoWindows windows,
              const SlotWeights& weights = kEqualWeights, const std::vector<FurtherPicture>& further = {});
  ~PhotoWarper();
  PhotoWarper(PhotoWarper&&) noexcept;
  PhotoWarper& operator=(PhotoWarper&&) noexcept;

  // The picture (8-bit straight RGBA of the set's size) of the next view of set.missing, the first at first, which was
  // generated: from now on it tells what no reference shows. The hull stays that of the references. It stays in memory.
  void add_generated(const cv::Mat& picture);

  // The view set.missing[index]. None where it sees nothing of the hull: masks and cameras without a body in common.
  // By itself the hull warp, which is a baseline.
  std::optional<PhotoWarp> onto(std::size_t index, const DepthCorrection* correction = nullptr) const;
  // The same as it is delivered: the sources that show most of the view are moved onto each other (aligned_sources.h),
  // and the mirror side, where lettering is reversed, yields to what is seen directly about as well. Where the mirror
  // view itself is given, that photograph is laid over it, but for lettering that is seen directly (mirror_view.h).
  std::optional<PhotoWarp> aligned_onto(std::size_t index, const DepthCorrection* correction = nullptr) const;

 private:
  std::optional<PhotoWarp> view(std::size_t index, const DepthCorrection* correction, bool aligned) const;
  struct State;
  std::unique_ptr<State> state_;
};

// That and all views in set.missing, of different slots, without corrections.
struct PhotoGeometry {
  PhotoWindows windows;
  PhotoWarper warper;
  SlotWarps warps;
};
PhotoGeometry photo_geometry(const ViewSet& set, const SlotPictures& pictures,
                             const SlotWeights& weights = kEqualWeights);
SlotWarps warp_photos(const ViewSet& set, const SlotPictures& pictures);  // the warps alone

// What it shows by itself: 8-bit straight RGBA of the picture's size.
cv::Mat picture_of(const PhotoWarp& warp, int width, int height);
// The same of any premultiplied window, CV_32FC4.
cv::Mat picture_of(const cv::Mat& premultiplied, const cv::Rect& window, int width, int height);

}  // namespace spinfill
