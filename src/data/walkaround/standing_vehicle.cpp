// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/standing_vehicle.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

#include "data/walkaround/show_hall.h"
#include "data/walkaround/vehicle_mask.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

// From the view's pixels to the picture's: scaled about the middle of its box, turned, moved.
cv::Matx23d picture_from_view(const cv::Rect2d& box, const VehicleStand& stand) {
  const double sx = (stand.mirror ? -1 : 1) * stand.width / box.width, sy = stand.height / box.height;
  const double c = std::cos(stand.roll_deg * kDegree), s = std::sin(stand.roll_deg * kDegree);
  const double x = box.x + box.width / 2.0 - 0.5, y = box.y + box.height / 2.0 - 0.5;
  const cv::Matx22d linear(c * sx, -s * sy, s * sx, c * sy);
  return {linear(0, 0), linear(0, 1), stand.centre_x - linear(0, 0) * x - linear(0, 1) * y,
          linear(1, 0), linear(1, 1), stand.centre_y - linear(1, 0) * x - linear(1, 1) * y};
}

// Darkens by `strength` where the mask is 255.
void darken(cv::Mat& rgb, const cv::Mat& mask, double strength) {
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      const double kept = 1 - strength * mask.at<uchar>(y, x) / 255;
      auto& pixel = rgb.at<cv::Vec3b>(y, x);
      for (int c = 0; c < 3; ++c) pixel[c] = static_cast<uchar>(std::lround(kept * pixel[c]));
    }
  }
}

}  // namespace

double StandingVehicle::area() const {
  return cv::sum(alpha)[0] / 255;
}

cv::Rect box_of(const VehicleView& view) {
  return cv::boundingRect(cv::Mat(alpha_of(view.rgba) >= kSeenAlpha));
}

StandingVehicle stood(const VehicleView& vehicle, const VehicleStand& stand, cv::Size picture) {
  cv::Mat view(vehicle.rgba.size(), CV_8UC4);  // premultiplied: no colour bleeds out of what is transparent
  for (int y = 0; y < view.rows; ++y) {
    for (int x = 0; x < view.cols; ++x) {
      const auto& from = vehicle.rgba.at<cv::Vec4b>(y, x);
      auto& to = view.at<cv::Vec4b>(y, x);
      for (int c = 0; c < 3; ++c) to[c] = static_cast<uchar>((from[c] * from[3] + 127) / 255);
      to[3] = from[3];
    }
  }
  cv::Rect2d box = box_of(vehicle);
  // Linear interpolation would step over pixels.
  const double shrink = std::max(stand.width / box.width, stand.height / box.height);
  if (shrink < 0.7) {
    const cv::Size small(std::max(1, static_cast<int>(std::lround(shrink * view.cols))),
                         std::max(1, static_cast<int>(std::lround(shrink * view.rows))));
    const double across = static_cast<double>(small.width) / view.cols;
    const double down = static_cast<double>(small.height) / view.rows;
    box = {across * box.x, down * box.y, across * box.width, down * box.height};
    cv::resize(view, view, small, 0, 0, cv::INTER_AREA);
  }
  cv::Mat moved;
  cv::warpAffine(view, moved, picture_from_view(box, stand), picture, cv::INTER_LINEAR, cv::BORDER_CONSTANT,
                 cv::Scalar::all(0));
  StandingVehicle out;
  out.alpha = alpha_of(moved);
  cv::cvtColor(moved, out.rgb, cv::COLOR_RGBA2RGB);
  out.box = cv::boundingRect(cv::Mat(out.alpha >= kSeenAlpha));
  return out;
}

void relight(StandingVehicle& vehicle, Random& random) {
  const double gain = std::exp(random.uniform(-0.35, 0.35));
  cv::Scalar gains;
  for (int c = 0; c < 3; ++c) gains[c] = gain * random.uniform(0.93, 1.07);
  cv::multiply(vehicle.rgb, gains, vehicle.rgb);
  cv::Mat most;
  cv::cvtColor(vehicle.alpha, most, cv::COLOR_GRAY2RGB);
  cv::min(vehicle.rgb, most, vehicle.rgb);
}

cv::Mat straight(const StandingVehicle& vehicle) {
  cv::Mat out(vehicle.rgb.size(), CV_8UC4);
  for (int y = 0; y < out.rows; ++y) {
    for (int x = 0; x < out.cols; ++x) {
      const auto& from = vehicle.rgb.at<cv::Vec3b>(y, x);
      const int alpha = vehicle.alpha.at<uchar>(y, x);
      auto& to = out.at<cv::Vec4b>(y, x);
      for (int c = 0; c < 3; ++c)
        to[c] = alpha == 0 ? uchar{0} : cv::saturate_cast<uchar>((255 * from[c] + alpha / 2) / alpha);
      to[3] = static_cast<uchar>(alpha);
    }
  }
  return out;
}

void light_by_spots(StandingVehicle& vehicle, Random& random) {
  const cv::Mat lit = under_spotlights(straight(vehicle), random);
  for (int y = 0; y < lit.rows; ++y) {
    for (int x = 0; x < lit.cols; ++x) {
      const auto& from = lit.at<cv::Vec4b>(y, x);
      auto& to = vehicle.rgb.at<cv::Vec3b>(y, x);
      for (int c = 0; c < 3; ++c) to[c] = static_cast<uchar>((from[c] * from[3] + 127) / 255);
    }
  }
}

void open_windows(StandingVehicle& vehicle, Random& random) {
  const double share = random.uniform(0.1, 0.9), dark = random.uniform(40, 130);
  const int middle = vehicle.box.y + static_cast<int>(0.55 * vehicle.box.height);
  for (int y = std::max(0, vehicle.box.y); y < std::min(middle, vehicle.rgb.rows); ++y) {
    for (int x = 0; x < vehicle.rgb.cols; ++x) {
      auto& pixel = vehicle.rgb.at<cv::Vec3b>(y, x);
      const double brightest = std::max({pixel[0], pixel[1], pixel[2]});
      // Soft at the limit, so that a window has no noisy edge.
      const double kept = 1 - share * std::clamp(2 - 2 * brightest / dark, 0.0, 1.0);
      for (int c = 0; c < 3; ++c) pixel[c] = static_cast<uchar>(std::lround(kept * pixel[c]));
      vehicle.alpha.at<uchar>(y, x) = static_cast<uchar>(std::lround(kept * vehicle.alpha.at<uchar>(y, x)));
    }
  }
}

void put(const StandingVehicle& vehicle, cv::Mat& rgb) {
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      const int left = 255 - vehicle.alpha.at<uchar>(y, x);
      auto& pixel = rgb.at<cv::Vec3b>(y, x);
      const auto& top = vehicle.rgb.at<cv::Vec3b>(y, x);
      for (int c = 0; c < 3; ++c) pixel[c] = cv::saturate_cast<uchar>(top[c] + (pixel[c] * left + 127) / 255);
    }
  }
}

void mark_ground(cv::Mat& rgb, const StandingVehicle& vehicle, Random& random) {
  if (vehicle.box.empty()) return;
  const double width = vehicle.box.width, height = vehicle.box.height;
  const double bottom = vehicle.box.y + height;
  // The outline turned over or laid flat at the bottom: y' = bottom + flat·(y − bottom).
  const auto laid = [&](const cv::Mat& from, double flat, double shear) {
    cv::Mat out;
    const cv::Matx23d map(1, shear, -shear * bottom, 0, flat, bottom * (1 - flat));
    cv::warpAffine(from, out, map, rgb.size(), cv::INTER_LINEAR, cv::BORDER_CONSTANT, cv::Scalar::all(0));
    return out;
  };
  if (random.chance(0.15)) {
    const double share = random.uniform(0.1, 0.45);
    StandingVehicle image{laid(vehicle.rgb, -1, 0) * share, laid(vehicle.alpha, -1, 0) * share, {}};
    put(image, rgb);
  }
  if (random.chance(0.5)) {
    const double flat = random.uniform(0.05, 0.35) * (random.chance(0.5) ? 1 : -1);
    cv::Mat shadow = laid(vehicle.alpha, flat, random.uniform(-0.8, 0.8));
    cv::GaussianBlur(shadow, shadow, {}, random.uniform(0.5, 5));
    darken(rgb, shadow, random.uniform(0.2, 0.75));
  }
  if (random.chance(0.85)) {
    cv::Mat shadow(rgb.size(), CV_8U, cv::Scalar(0));
    const cv::Point centre(static_cast<int>(vehicle.box.x + width * random.uniform(0.45, 0.55)),
                           static_cast<int>(bottom - height * random.uniform(0, 0.1)));
    const cv::Size axes(1 + static_cast<int>(width * random.uniform(0.4, 0.55)),
                        1 + static_cast<int>(height * random.uniform(0.03, 0.15)));
    cv::ellipse(shadow, centre, axes, 0, 0, 360, cv::Scalar(255), cv::FILLED);
    cv::GaussianBlur(shadow, shadow, {}, random.uniform(0.8, 6));
    darken(rgb, shadow, random.uniform(0.4, 0.95));
  }
}

}  // namespace spinfill
