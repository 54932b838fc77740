// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/random.h"
#include "data/sets/data_set.h"
#include "data/walkaround/segmenter.h"
#include "data/walkaround/vehicle_views.h"

namespace spinfill {

// Photographs for training a segmenter, made of sets whose vehicles are cut out (rendered ones) and photographed
// places.
struct SegmenterSample {
  cv::Mat rgb;    // 8-bit
  cv::Mat truth;  // 8-bit, of the same size: the main vehicle's coverage; all 0 where there is no vehicle
};

class SegmenterSamples {
 public:
  // All views of the sets, decoded. `backdrops`: data/pictures/backdrop.h, at least one. `side`: px, both ways, of
  // what a network sees; a picture's longer side has up to 1.5 times as many.
  SegmenterSamples(const DataSet& data, std::vector<cv::Mat> backdrops, std::uint64_t seed, int side = kSegmenterSide);

  int side() const { return side_; }
  std::int64_t views() const { return static_cast<std::int64_t>(views_.size()); }
  // A pure function of the seed and `sample`, as a network sees it; all views come once per
  // `views()` samples. Drawn are the picture's proportions, the place or a show's hall, things that stand in it,
  // smaller vehicles behind the main one, where that stands (in one of seven pictures cut by the border), what is seen
  // through its windows, shadows and reflections on the ground, the camera's colours, blur, noise and JPEG. One picture
  // of sixteen has no vehicle.
  SegmenterSample at(std::int64_t sample) const;
  // The same in its own proportions and without what the camera adds.
  SegmenterSample sharp(std::int64_t sample) const;

 private:
  SegmenterSample composed(std::int64_t sample, Random& random) const;
  cv::Mat place(cv::Size size, bool empty, Random& random) const;
  std::vector<VehicleView> views_;
  std::vector<cv::Mat> backdrops_;
  std::uint64_t seed_;
  int side_;
};

}  // namespace spinfill
