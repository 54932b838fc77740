// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/azimuth_samples.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "data/pictures/backdrop.h"
#include "data/walkaround/azimuth_window.h"
#include "data/walkaround/camera_look.h"
#include "data/walkaround/show_hall.h"
#include "data/walkaround/vehicle_mask.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kPlaces = 256;
constexpr double kShowFloor = 0.3, kFloorInMask = 0.65, kSpotlights = 0.3;

// Room around a rendered view, which fills its picture, for the window and the mask's errors.
cv::Mat with_room(const cv::Mat& rgba) {
  cv::Mat out;
  const int x = rgba.cols / 5, y = rgba.rows / 5;
  cv::copyMakeBorder(rgba, out, y, y, x, x, cv::BORDER_CONSTANT, cv::Scalar(0, 0, 0, 0));
  return out;
}

cv::Mat disc(int radius) {
  return cv::getStructuringElement(cv::MORPH_ELLIPSE, cv::Size(2 * radius + 1, 2 * radius + 1));
}

// What a segmenter gets wrong.
cv::Mat with_errors(const cv::Mat& alpha, const cv::Rect& box, Random& random) {
  cv::Mat mask = alpha.clone();
  const auto spot = [&](double y_low, double y_high, double largest) {
    const cv::Point centre(box.x + static_cast<int>(random.uniform() * box.width),
                           box.y + static_cast<int>(random.uniform(y_low, y_high) * box.height));
    const cv::Size axes(1 + static_cast<int>(random.uniform(0.03, largest) * box.width),
                        1 + static_cast<int>(random.uniform(0.03, largest) * box.height));
    return std::pair(centre, axes);
  };
  if (random.chance(0.3)) {  // parts that are missing
    for (std::int64_t i = 1 + random.integer(3); i > 0; --i) {
      const auto [centre, axes] = spot(0, 1, 0.15);
      cv::ellipse(mask, centre, axes, 0, 0, 360, cv::Scalar(0), cv::FILLED);
    }
  }
  if (random.chance(0.3)) {  // the ground, or what stands behind
    for (std::int64_t i = 1 + random.integer(2); i > 0; --i) {
      const auto [centre, axes] = random.chance(0.6) ? spot(0.85, 1.02, 0.25) : spot(0, 1, 0.15);
      cv::ellipse(mask, centre, axes, 0, 0, 360, cv::Scalar(255), cv::FILLED);
    }
  }
  const auto radius = static_cast<int>(random.integer(3));
  if (radius > 0)
    (random.chance(0.5) ? cv::erode : cv::dilate)(mask, mask, disc(radius), cv::Point(-1, -1), 1, cv::BORDER_CONSTANT,
                                                  cv::morphologyDefaultBorderValue());
  if (random.chance(0.5)) cv::GaussianBlur(mask, mask, cv::Size(), random.uniform(0.5, 2.0));
  return mask;
}

// What of a floor a segmenter takes for the vehicle's: all of it, or one side.
cv::Mat taken_for_vehicle(const cv::Mat& floor, const cv::Rect& box, Random& random) {
  if (random.chance(0.5)) return floor;
  cv::Mat part = floor.clone();
  const int cut = box.x + static_cast<int>(random.uniform(0.1, 0.9) * box.width);
  part(random.chance(0.5) ? cv::Rect(0, 0, cut, part.rows) : cv::Rect(cut, 0, part.cols - cut, part.rows)).setTo(0);
  return part;
}

}  // namespace

AzimuthSamples::AzimuthSamples(const DataSet& data, const std::vector<cv::Mat>& backdrops, std::uint64_t seed)
    : views_(read_vehicle_views(data)), seed_(seed) {
  cv::Size largest(0, 0);
  for (VehicleView& view : views_) {
    view.rgba = with_room(view.rgba);
    largest = {std::max(largest.width, view.rgba.cols), std::max(largest.height, view.rgba.rows)};
  }
  for (std::uint64_t i = 0; i < kPlaces && !views_.empty(); ++i) {
    Random random(seed, i, Stream::surroundings);
    BackdropView camera;
    camera.yaw_deg = random.uniform(0, 360);
    camera.pitch_deg = random.uniform(-15, 5);
    camera.focal = random.uniform(0.8, 2.2);
    camera.exposure = std::exp(random.uniform(-0.7, 0.7));
    places_.push_back(backdrop(backdrops[i % backdrops.size()], camera, largest));
  }
}

AzimuthSample AzimuthSamples::at(std::int64_t sample) const {
  const VehicleView& view = views_[view_of_sample(seed_, sample, views())];
  Random random(seed_, static_cast<std::uint64_t>(sample), Stream::augmentation);
  const cv::Mat alpha = alpha_of(view.rgba);
  const cv::Rect truth = cv::boundingRect(cv::Mat(alpha >= kSeenAlpha));
  const cv::Mat rgba = random.chance(kSpotlights) ? under_spotlights(view.rgba, random) : view.rgba;
  cv::Mat ground = place_of(view, random), with_floor = alpha;
  if (random.chance(kShowFloor)) {
    const cv::Mat floor = lay_show_floor(ground, rgba, truth, random);
    if (random.chance(kFloorInMask)) with_floor = cv::max(alpha, taken_for_vehicle(floor, truth, random));
  }
  cv::Mat rgb = over(rgba, ground);
  const cv::Mat mask = with_errors(with_floor, truth, random);
  cv::Rect box = cv::boundingRect(cv::Mat(mask >= kSeenAlpha));
  if (box.empty()) box = truth;
  soften(rgb, random);
  if (random.chance(0.65)) rgb = on_azimuth_ground(rgb, mask);
  WindowChange change;
  change.room = kAzimuthRoom * random.uniform(0.93, 1.15);
  change.shift_x = random.uniform(-0.05, 0.05);
  change.shift_y = random.uniform(-0.05, 0.05);
  change.roll_deg = random.uniform(-3, 3);
  change.mirror = random.chance(0.5);
  AzimuthSample out{azimuth_window(rgb, box, change),
                    change.mirror ? wrapped_deg(-view.azimuth_deg) : view.azimuth_deg};
  recolour(out.window, random);
  if (random.chance(0.15)) {  // somebody stands before it
    const cv::Point corner(static_cast<int>(random.integer(kAzimuthWidth)),
                           static_cast<int>(random.integer(kAzimuthHeight)));
    const cv::Size size(5 + static_cast<int>(random.integer(kAzimuthWidth / 5)),
                        5 + static_cast<int>(random.integer(kAzimuthHeight / 2)));
    cv::rectangle(out.window, cv::Rect(corner, size),
                  cv::Scalar(random.uniform(0, 255), random.uniform(0, 255), random.uniform(0, 255)), cv::FILLED);
  }
  return out;
}

AzimuthSample AzimuthSamples::plain(std::int64_t index) const {
  const VehicleView& view = views_[static_cast<std::size_t>(index)];
  const cv::Mat alpha = alpha_of(view.rgba);
  const cv::Rect box = cv::boundingRect(cv::Mat(alpha >= kSeenAlpha));
  Random random(seed_, static_cast<std::uint64_t>(index), Stream::test);
  const cv::Mat rgb = over(view.rgba, place_of(view, random));
  return {azimuth_window(on_azimuth_ground(rgb, alpha), box), view.azimuth_deg};
}

cv::Mat AzimuthSamples::place_of(const VehicleView& view, Random& random) const {
  const cv::Mat place = places_[static_cast<std::size_t>(random.integer(std::ssize(places_)))];
  cv::Mat out;
  if (random.chance(0.5))
    cv::flip(place(cv::Rect(0, 0, view.rgba.cols, view.rgba.rows)), out, 1);
  else
    out = place(cv::Rect(0, 0, view.rgba.cols, view.rgba.rows)).clone();
  return out;
}

}  // namespace spinfill
