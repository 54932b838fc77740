// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/sets/data_set.h"

namespace spinfill {

// A view of a vehicle that is cut out, to be put into photographed places.
struct VehicleView {
  cv::Mat rgba;  // 8-bit straight
  double azimuth_deg = 0;
};

// All views of the sets, decoded. Exit 3: a view of which no pixel is the vehicle's.
std::vector<VehicleView> read_vehicle_views(const DataSet& data);

// Which of `count` views sample number `sample` shows: all once per `count` samples, each round in an order of its own.
std::size_t view_of_sample(std::uint64_t seed, std::int64_t sample, std::int64_t count);

// The alpha of 8-bit RGBA.
cv::Mat alpha_of(const cv::Mat& rgba);

}  // namespace spinfill
