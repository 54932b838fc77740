// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/segmenter_samples.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include "data/pictures/backdrop.h"
#include "data/walkaround/camera_look.h"
#include "data/walkaround/segmenter.h"
#include "data/walkaround/show_hall.h"
#include "data/walkaround/standing_vehicle.h"

namespace spinfill {
namespace {

constexpr double kNoVehicle = 1.0 / 16, kReachesOut = 1.0 / 7, kOthers = 0.4, kClutter = 0.6, kPlainGround = 0.15;
constexpr double kShowFloor = 0.35, kSpotlights = 0.2, kSeenThrough = 0.4;
constexpr double kShapes[] = {3 / 2.0, 3 / 2.0, 4 / 3.0, 4 / 3.0, 16 / 9.0, 1, 3 / 4.0};  // width / height
constexpr double kLongest = 1.5;                                                          // of what a network sees
constexpr double kLargestOther = 0.5;                                                     // of the main vehicle's area

cv::Scalar drawn_colour(Random& random) {
  const double grey = random.uniform(0, 255), spread = random.chance(0.5) ? 20 : 120;
  cv::Scalar out;
  for (int c = 0; c < 3; ++c) out[c] = std::clamp(grey + random.uniform(-spread, spread), 0.0, 255.0);
  return out;
}

// Things with sharp edges that are no vehicle: panels, posts, cables, people's sizes.
void clutter(cv::Mat& rgb, Random& random) {
  const auto at = [&](double from, double to, int size) { return static_cast<int>(random.uniform(from, to) * size); };
  for (std::int64_t i = 1 + random.integer(9); i > 0; --i) {
    cv::Mat with = rgb.clone();
    const cv::Scalar colour = drawn_colour(random);
    const cv::Point a(at(-0.1, 1.1, rgb.cols), at(-0.1, 1.0, rgb.rows));
    const std::int64_t what = random.integer(4);
    if (what == 0) {
      cv::rectangle(with, cv::Rect(a, cv::Size(2 + at(0, 0.5, rgb.cols), 2 + at(0, 0.4, rgb.rows))), colour,
                    cv::FILLED);
    } else if (what == 1) {
      cv::rectangle(with, cv::Rect(a, cv::Size(2 + at(0, 0.06, rgb.cols), 4 + at(0, 0.6, rgb.rows))), colour,
                    cv::FILLED);
    } else if (what == 2) {
      cv::ellipse(with, a, {2 + at(0, 0.15, rgb.cols), 2 + at(0, 0.2, rgb.rows)}, random.uniform(0, 180), 0, 360,
                  colour, cv::FILLED, cv::LINE_AA);
    } else {
      const cv::Point b(at(-0.1, 1.1, rgb.cols), at(-0.1, 1.1, rgb.rows));
      cv::line(with, a, b, colour, 1 + static_cast<int>(random.integer(4)), cv::LINE_AA);
    }
    const double share = random.chance(0.6) ? 1 : random.uniform(0.3, 1);
    cv::addWeighted(with, share, rgb, 1 - share, 0, rgb);
  }
}

// A hall or studio: a wall and a floor, each of one colour that runs into another.
cv::Mat plain_ground(cv::Size size, Random& random) {
  cv::Mat out(size, CV_8UC3);
  const int horizon = static_cast<int>(random.uniform(0.2, 0.8) * out.rows);
  const cv::Scalar wall[2] = {drawn_colour(random), drawn_colour(random)};
  const cv::Scalar floor[2] = {drawn_colour(random), drawn_colour(random)};
  const double strength = random.uniform(0, 0.6);
  for (int y = 0; y < out.rows; ++y) {
    const bool below = y >= horizon;
    const cv::Scalar* ends = below ? floor : wall;
    const double along = strength * (below ? (y - horizon) / (1.0 + out.rows - horizon) : y / (1.0 + horizon));
    const cv::Scalar colour = ends[0] * (1 - along) + ends[1] * along;
    out.row(y).setTo(colour);
  }
  if (random.chance(0.5)) cv::GaussianBlur(out, out, {}, random.uniform(1, 20));
  return out;
}

cv::Size drawn_size(int side, Random& random) {
  const double shape = kShapes[random.integer(std::ssize(kShapes))];
  const double longer = side * random.uniform(1, kLongest);
  return {static_cast<int>(std::lround(std::min(1.0, shape) * longer)),
          static_cast<int>(std::lround(std::min(1.0, 1 / shape) * longer))};
}

VehicleStand main_stand(const cv::Rect& box, cv::Size size, Random& random) {
  const bool cut = random.chance(kReachesOut);
  const double stretch = std::exp(random.uniform(-0.15, 0.15));
  const double share = cut ? random.uniform(0.6, 1.3) : random.uniform(0.35, 0.97);
  double width = share * size.width, height = width * stretch * box.height / box.width;
  if (const double most = (cut ? 1.1 : 0.93) * size.height; height > most) {
    width *= most / height;
    height = most;
  }
  VehicleStand out{width, height, 0, 0, random.uniform(-4, 4), random.chance(0.5)};
  const double room_x = std::max(0.0, size.width - width), room_y = std::max(0.0, size.height - height);
  out.centre_x = width / 2 + random.uniform() * room_x;
  out.centre_y = height / 2 + std::sqrt(random.uniform()) * room_y;  // rather low in the picture
  if (!cut) return out;
  const double beyond = random.uniform(0.05, 0.45);
  const std::int64_t side = random.integer(3);
  if (side == 0) out.centre_x = width * (0.5 - beyond);
  if (side == 1) out.centre_x = size.width - width * (0.5 - beyond);
  if (side == 2) out.centre_y = size.height - height * (0.5 - beyond / 2);
  return out;
}

// Farther away, so smaller and higher, and to one side.
VehicleStand other_stand(const cv::Rect& box, const StandingVehicle& main, Random& random) {
  const double width = main.box.width * random.uniform(0.2, 0.75);
  const double height = width * box.height / box.width;
  const double side = random.chance(0.5) ? 1 : -1;
  VehicleStand out{width, height, 0, 0, random.uniform(-2, 2), random.chance(0.5)};
  out.centre_x = main.box.x + main.box.width / 2.0 + side * random.uniform(0.3, 1.1) * main.box.width;
  out.centre_y = main.box.y + main.box.height * random.uniform(0.6, 1.0) - height / 2;
  return out;
}

}  // namespace

SegmenterSamples::SegmenterSamples(const DataSet& data, std::vector<cv::Mat> backdrops, std::uint64_t seed, int side)
    : views_(read_vehicle_views(data)), backdrops_(std::move(backdrops)), seed_(seed), side_(side) {}

SegmenterSample SegmenterSamples::at(std::int64_t sample) const {
  Random random(seed_, static_cast<std::uint64_t>(sample), Stream::augmentation);
  SegmenterSample out = composed(sample, random);
  soften(out.rgb, random);
  recolour(out.rgb, random);
  if (random.chance(0.5)) store_as_jpeg(out.rgb, random);
  return {seen_by_segmenter(out.rgb, side_), seen_by_segmenter(out.truth, side_)};
}

SegmenterSample SegmenterSamples::sharp(std::int64_t sample) const {
  Random random(seed_, static_cast<std::uint64_t>(sample), Stream::augmentation);
  return composed(sample, random);
}

SegmenterSample SegmenterSamples::composed(std::int64_t sample, Random& random) const {
  const cv::Size size = drawn_size(side_, random);
  const bool empty = random.chance(kNoVehicle);
  SegmenterSample out{place(size, empty, random), cv::Mat::zeros(size, CV_8U)};
  if (random.chance(kClutter)) clutter(out.rgb, random);
  if (random.chance(0.3)) cv::GaussianBlur(out.rgb, out.rgb, {}, random.uniform(0.5, 3));  // out of focus
  if (empty) return out;
  const VehicleView& view = views_[view_of_sample(seed_, sample, views())];
  StandingVehicle main = stood(view, main_stand(box_of(view), size, random), size);
  if (random.chance(kSpotlights)) light_by_spots(main, random);
  relight(main, random);
  const double area = main.area();
  for (std::int64_t others = random.chance(kOthers) ? 1 + random.integer(2) : 0; others > 0; --others) {
    const VehicleView& one = views_[static_cast<std::size_t>(random.integer(views()))];
    StandingVehicle other = stood(one, other_stand(box_of(one), main, random), size);
    relight(other, random);
    if (other.area() > kLargestOther * area) continue;  // then it would be the main one as well
    mark_ground(out.rgb, other, random);
    put(other, out.rgb);
  }
  if (random.chance(kShowFloor) && !main.box.empty()) lay_show_floor(out.rgb, straight(main), main.box, random);
  mark_ground(out.rgb, main, random);
  out.truth = main.alpha.clone();
  if (random.chance(kSeenThrough)) open_windows(main, random);
  put(main, out.rgb);
  return out;
}

cv::Mat SegmenterSamples::place(cv::Size size, bool empty, Random& random) const {
  if (random.chance(kPlainGround)) return plain_ground(size, random);
  BackdropView camera;
  camera.yaw_deg = random.uniform(0, 360);
  camera.pitch_deg = random.uniform(-18, 6);
  // Streets and garages have vehicles of their own, near the horizon: no answer to look for where there is to be none.
  if (empty) camera.pitch_deg = random.chance(0.5) ? random.uniform(35, 70) : random.uniform(-80, -45);
  camera.focal = std::exp(random.uniform(std::log(0.4), std::log(2.0)));
  camera.exposure = std::exp(random.uniform(-0.8, 0.8));
  const cv::Mat& radiance = backdrops_[static_cast<std::size_t>(random.integer(std::ssize(backdrops_)))];
  cv::Mat out = backdrop(radiance, camera, size);
  if (random.chance(0.5)) cv::flip(out, out, 1);
  return out;
}

}  // namespace spinfill
