// SPDX-License-Identifier: Apache-2.0
#include "infer/import/looked_view.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace spinfill {
namespace {

constexpr int kSilhouetteWidth = 320;  // px

Camera part_of(const Camera& camera, const cv::Rect& part) {
  Camera out = camera;
  out.cx -= part.x;
  out.cy -= part.y;
  out.width = part.width;
  out.height = part.height;
  return out;
}

// The covered part with room, within the picture.
cv::Rect with_room(const cv::Mat& alpha) {
  cv::Rect box = cv::boundingRect(alpha);
  if (box.empty()) return box;
  const int room = 4 + std::max(box.width, box.height) / 25;
  box = cv::Rect(box.x - room, box.y - room, box.width + 2 * room, box.height + 2 * room);
  return box & cv::Rect(0, 0, alpha.cols, alpha.rows);
}

}  // namespace

Camera LookedView::box_camera() const {
  return part_of(camera, box);
}

SeenBody LookedView::seen_body(const Camera& placed) const {
  cv::Mat small = alpha;
  if (alpha.cols > kSilhouetteWidth) {
    const int height = std::max(2, static_cast<int>(std::lround(alpha.rows * (kSilhouetteWidth / double(alpha.cols)))));
    cv::resize(alpha, small, cv::Size(kSilhouetteWidth, height), 0, 0, cv::INTER_AREA);
  }
  cv::Mat coverage;
  small.convertTo(coverage, CV_32F, 1 / 255.0);
  const at::Tensor tensor =
      at::from_blob(coverage.data, {coverage.rows, coverage.cols}, at::TensorOptions(at::kFloat)).clone();
  return {placed, Silhouette(tensor, kSilhouetteWidth)};
}

LookedPicture look_at(const Scene& scene, const SceneView& view, const Eigen::Vector3d& world_up,
                      LazySegmenter& segmenter) {
  const ScenePicture picture = turned_upright(read_scene_picture(scene, view), world_up);
  LookedPicture out;
  out.photograph = masked_photograph(view.file, picture.rgba, segmenter);
  VehicleMask& mask = out.photograph.mask;
  if (!picture.seen.empty()) cv::min(mask.alpha, picture.seen, mask.alpha);
  out.view.camera = picture.camera;
  out.view.usable = usability(out.photograph);
  out.view.cut_off = mask.cut_off;
  if (mask.box.empty()) return out;
  out.view.box = with_room(mask.alpha);
  out.view.alpha = mask.alpha(out.view.box).clone();
  return out;
}

WindowPicture window_picture(const Scene& scene, const SceneView& view, const LookedView& looked, cv::Size window,
                             const Eigen::Vector3d& world_up) {
  const ScenePicture picture = turned_upright(read_scene_picture(scene, view), world_up);
  const cv::Rect& box = looked.box;
  const cv::Rect place(box.x + box.width / 2 - window.width / 2, box.y + box.height / 2 - window.height / 2,
                       window.width, window.height);
  cv::Mat cut = picture.rgba(box).clone();
  cv::insertChannel(looked.alpha, cut, 3);
  cut.setTo(cv::Scalar::all(0), looked.alpha == 0);  // nothing of the background is delivered
  WindowPicture out{cv::Mat::zeros(window, CV_8UC4), part_of(looked.camera, place)};
  cut.copyTo(out.rgba(cv::Rect(box.x - place.x, box.y - place.y, box.width, box.height)));
  return out;
}

}  // namespace spinfill
