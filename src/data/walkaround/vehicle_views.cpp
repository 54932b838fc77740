// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/vehicle_views.h"

#include <opencv2/core.hpp>

#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "data/sets/set_pictures.h"
#include "data/walkaround/vehicle_mask.h"

namespace spinfill {

std::vector<VehicleView> read_vehicle_views(const DataSet& data) {
  std::vector<VehicleView> views;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto set = data.view_set(i);
    for (const Frame& frame : set->frames) {
      cv::Mat rgba = read_cut_out_picture(*set, frame);
      if (cv::countNonZero(alpha_of(rgba) >= kSeenAlpha) == 0)
        fail("{}: no pixel of {} is the vehicle's", set->folder.string(), frame.file_path);
      views.push_back({std::move(rgba), frame.azimuth_deg});
    }
  }
  return views;
}

std::size_t view_of_sample(std::uint64_t seed, std::int64_t sample, std::int64_t count) {
  const std::int64_t round = sample / count, place = sample % count;
  // An affine order of each round: steps that share no factor with the count visit every view once.
  Random order(seed, static_cast<std::uint64_t>(round), Stream::order);
  std::int64_t step = 1 + order.integer(count);
  while (std::gcd(step, count) != 1) ++step;
  return static_cast<std::size_t>((order.integer(count) + step % count * place) % count);
}

cv::Mat alpha_of(const cv::Mat& rgba) {
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  return alpha;
}

}  // namespace spinfill
