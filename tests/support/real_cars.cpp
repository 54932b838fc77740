// SPDX-License-Identifier: Apache-2.0
#include "support/real_cars.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cstdio>

#include "core/statistics.h"
#include "core/stopwatch.h"
#include "data/pictures/backdrop.h"
#include "data/sets/picture_folder.h"
#include "data/sets/set_pictures.h"
#include "data/walkaround/vehicle_mask.h"
#include "support/support.h"

namespace spinfill::test {

double overlap(const cv::Mat& alpha, const cv::Mat& truth) {
  const cv::Mat a = alpha >= 128, b = truth >= 128;
  return cv::countNonZero(a & b) / static_cast<double>(cv::countNonZero(a | b));
}

double boundary_error(const cv::Mat& alpha, const cv::Mat& truth) {
  const auto outline = [](const cv::Mat& mask) {
    cv::Mat set = mask >= 128, inner;
    cv::erode(set, inner, cv::Mat());
    return cv::Mat(set & ~inner);
  };
  const auto one_way = [](const cv::Mat& from, const cv::Mat& to) {
    cv::Mat distance;
    cv::distanceTransform(~to, distance, cv::DIST_L2, cv::DIST_MASK_PRECISE);
    return cv::mean(distance, from)[0];
  };
  const cv::Mat a = outline(alpha), b = outline(truth);
  return (one_way(a, b) + one_way(b, a)) / 2;
}

RealCars::RealCars(const Segmenter& segmenter) {
  const auto data = real_data();
  const std::vector<cv::Mat> places = read_backdrops(data / "hdri");
  std::size_t at = 0;
  for (const char* car : {"bj40-green", "cs55-blue", "stinger-white"}) {
    const ViewSet set = read_photographs(data / "spins" / car);
    for (std::size_t i = 0; i < set.frames.size(); i += 2) {
      const cv::Mat rgba = read_cut_out_picture(set, set.frames[i]);
      BackdropView view;
      view.yaw_deg = 67.0 * static_cast<double>(at);
      view.pitch_deg = -8;
      const cv::Mat rgb = over(rgba, backdrop(places[at++ % places.size()], view, rgba.size()));
      const Stopwatch watch;
      const VehicleMask mask = vehicle_mask(segmenter, rgb);
      seconds += watch.seconds() / 12;
      cv::Mat truth;
      cv::extractChannel(rgba, truth, 3);
      overlaps.push_back(overlap(mask.alpha, truth));
      boundaries.push_back(boundary_error(mask.alpha, truth));
      std::printf("%s %3.0f: IoU %.3f, boundary %.1f px\n", car, set.frames[i].azimuth_deg, overlaps.back(),
                  boundaries.back());
    }
  }
  std::printf("median IoU %.3f, worst %.3f, boundary %.1f px, worst %.1f px, %.2f s each\n", median(overlaps),
              std::ranges::min(overlaps), median(boundaries), std::ranges::max(boundaries), seconds);
}

}  // namespace spinfill::test
