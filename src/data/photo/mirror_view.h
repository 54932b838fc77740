// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "data/photo/photo_windows.h"

namespace spinfill {

// The photograph of the vehicle's other side that was taken from where a view's mirror image is seen. Rays of the view
// and of the mirrored photograph then nearly coincide, and where the surface lies along them hardly matters: unlike
// other photographs it needs no geometry (the angular penalty of Buehler et al. 2001, Unstructured Lumigraph Rendering,
// §4.1, is that of a surface which is not known well). So it also says where the outline is, which the hull, cut by the
// errors of every camera, does not.
struct MirrorView {
  std::size_t photograph;  // its place among the views
  Camera camera;           // that photograph's, mirrored, px of the set's pictures
  double share;  // in (0,1]: how nearly the rays coincide, exp(−(angle/7°)²) at the vehicle's middle; less
                 // where a photograph of the view's own side is as near
};
// Of the view with this camera; `given`: the first so many views have pictures.
std::optional<MirrorView> mirror_view_of(const std::vector<PhotoView>& views, std::size_t given, const Camera& camera);

// The box of the mirrored photograph's vehicle in the view, px, were all of it at the distance of the vehicle's middle.
cv::Rect2d mirrored_box(const MirrorView& mirror, const cv::Mat& rgba, const Camera& camera);

// What a view of h×w px sees of it.
struct MirroredPicture {
  cv::Mat colour;    // CV_32FC3 straight sRGB in [0,1]
  cv::Mat coverage;  // CV_32FC1 in [0,1]
};
// camera: of the view's pixels. distance: CV_32FC1, vehicle lengths along each ray to the hull, 0 where it is not seen:
// beyond the hull the surface goes on at the distance of its edge.
MirroredPicture mirrored_picture(const MirrorView& mirror, const cv::Mat& rgba, const Camera& camera,
                                 const cv::Mat& distance);

// The outline between two coverages, a share of the way from the first to the second: the mean of their signed
// distances.
cv::Mat outline_between(const cv::Mat& first, const cv::Mat& second, double share);

}  // namespace spinfill
