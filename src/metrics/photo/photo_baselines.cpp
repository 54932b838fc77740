// SPDX-License-Identifier: Apache-2.0
#include "metrics/photo/photo_baselines.h"

#include <opencv2/core.hpp>

#include "core/error.h"
#include "metrics/baselines.h"

namespace spinfill {
namespace {

const cv::Mat& nearest_picture(const PhotoSample& sample, double azimuth) {
  const Frame* nearest = nullptr;
  for (const Frame& frame : sample.set.frames) {
    if (nearest == nullptr || apart_deg(frame.azimuth_deg, azimuth) < apart_deg(nearest->azimuth_deg, azimuth))
      nearest = &frame;
  }
  if (nearest == nullptr) fail("{}: no picture is given", sample.set.id);
  return sample.pictures[static_cast<std::size_t>(nearest->slot())];
}

cv::Mat flipped_picture(const PhotoSample& sample, int slot) {
  const int mirror = mirrored_slot(slot);
  const cv::Mat& given = sample.pictures[static_cast<std::size_t>(mirror)];
  cv::Mat flipped;
  if (mirror != slot && !given.empty()) cv::flip(given, flipped, 1);
  return flipped;
}

}  // namespace

PhotoPredictor photo_baseline(const std::string& name) {
  if (std::find(kBaselines.begin(), kBaselines.end(), name) == kBaselines.end()) baseline_pictures(name, Batch{});
  const bool flips = name == "mirror" || name == "mirror-or-prior",
             warped = name == "prior" || name == "mirror-or-prior";
  return [flips, warped](const PhotoSample& sample, const PhotoGeometry& geometry) {
    SlotPictures out;
    for (const Frame& asked : sample.set.missing) {
      const int slot = asked.slot();
      cv::Mat& picture = out[static_cast<std::size_t>(slot)];
      if (flips) picture = flipped_picture(sample, slot);
      if (!picture.empty()) continue;
      const auto& warp = geometry.warps[static_cast<std::size_t>(slot)];
      picture = !warped ? nearest_picture(sample, asked.azimuth_deg)
                : warp  ? picture_of(*warp, sample.set.width, sample.set.height)
                        : cv::Mat(sample.set.height, sample.set.width, CV_8UC4, cv::Scalar::all(0));
    }
    return out;
  };
}

}  // namespace spinfill
