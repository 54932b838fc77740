// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/random.h"
#include "data/sets/data_set.h"
#include "data/walkaround/vehicle_views.h"

namespace spinfill {

// Windows for training the azimuth network, from sets whose vehicles are cut out (rendered ones), put into photographed
// places.
struct AzimuthSample {
  cv::Mat window;          // 8-bit RGB, data/walkaround/azimuth_window.h
  double azimuth_deg = 0;  // [0, 360)
};

class AzimuthSamples {
 public:
  // All views of the sets, decoded. `backdrops`: data/pictures/backdrop.h, at least one.
  AzimuthSamples(const DataSet& data, const std::vector<cv::Mat>& backdrops, std::uint64_t seed);

  std::int64_t views() const { return static_cast<std::int64_t>(views_.size()); }
  // A pure function of the seed and `sample`: sample i is of view order(i), all views once per `views()` samples. Drawn
  // are the place, its light and the camera's colours; a show's floor and spotlights (data/walkaround/show_hall.h); the
  // mask's errors (edges, holes, a shadow or floor that belongs to it); whether the mask is used at all; where the
  // window lies, its roll and its blur; mirroring (θ → −θ).
  AzimuthSample at(std::int64_t sample) const;
  // The same view and place without any error, for validation: sample = view.
  AzimuthSample plain(std::int64_t view) const;

 private:
  cv::Mat place_of(const VehicleView& view, Random& random) const;
  std::vector<VehicleView> views_;
  std::vector<cv::Mat> places_;  // 8-bit RGB, each at least as large as any view
  std::uint64_t seed_;
};

}  // namespace spinfill
