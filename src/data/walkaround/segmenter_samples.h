// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/random.h"
#include "data/sets/data_set.h"
#include "data/walkaround/vehicle_views.h"

namespace spinfill {

inline constexpr int kSegmenterSide = 320;  // px, the longer side of what a trained segmenter sees

// Photographs for training a segmenter, made of sets whose vehicles are cut out (rendered ones) and photographed
// places.
struct SegmenterSample {
  cv::Mat rgb;    // 8-bit
  cv::Mat truth;  // 8-bit, of the same size: the main vehicle's coverage; all 0 where there is no vehicle
};

class SegmenterSamples {
 public:
  // All views of the sets, decoded. `backdrops`: data/pictures/backdrop.h, at least one. `size`: of the pictures, px.
  SegmenterSamples(const DataSet& data, std::vector<cv::Mat> backdrops, std::uint64_t seed,
                   cv::Size size = {kSegmenterSide, 224});

  cv::Size size() const { return size_; }
  std::int64_t views() const { return static_cast<std::int64_t>(views_.size()); }
  // A pure function of the seed and `sample`; all views come once per `views()` samples. Drawn are the place, things
  // that stand in it, smaller vehicles behind the main one, where that stands (in one of seven pictures cut by the
  // border), shadows and reflections on the ground, the camera's colours, blur, noise and JPEG. One picture of sixteen
  // has no vehicle.
  SegmenterSample at(std::int64_t sample) const;
  // The same without what the camera adds: each pixel is vehicle over place, by exactly the truth's coverage.
  SegmenterSample sharp(std::int64_t sample) const;

 private:
  SegmenterSample composed(std::int64_t sample, Random& random) const;
  cv::Mat place(bool empty, Random& random) const;
  std::vector<VehicleView> views_;
  std::vector<cv::Mat> backdrops_;
  std::uint64_t seed_;
  cv::Size size_;
};

}  // namespace spinfill
