// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/common_frame.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/statistics.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/similarity.h"
#include "data/walkaround/vehicle_mask.h"

namespace spinfill {
namespace {

constexpr double kFill = 0.86;       // of the frame's width, by the widest vehicle
constexpr double kFillHeight = 0.8;  // of its height
constexpr double kShape = 2.0 / 3;   // height over width
constexpr int kNarrowestFrame = 240;

cv::Rect seen_box(const cv::Mat& rgba) {
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  return cv::boundingRect(cv::Mat(alpha >= kSeenAlpha));
}

}  // namespace

cv::Mat vehicle_crop(const cv::Mat& rgba, const cv::Rect& box) {
  const int room = 4 + std::max(box.width, box.height) / 25;
  const cv::Rect with_room(box.x - room, box.y - room, box.width + 2 * room, box.height + 2 * room);
  cv::Mat crop = rgba(with_room & cv::Rect(0, 0, rgba.cols, rgba.rows)).clone();
  const double shrink = kWidestFrame / static_cast<double>(std::max(crop.cols, crop.rows));
  if (shrink >= 1) return crop;
  const Letterbox small = fit(crop.cols, crop.rows, std::max(1, static_cast<int>(std::lround(crop.cols * shrink))),
                              std::max(1, static_cast<int>(std::lround(crop.rows * shrink))));
  return straight(resample(premultiplied(crop), small));
}

CommonFrame common_frame(const std::vector<cv::Mat>& crops) {
  std::vector<cv::Rect> boxes;
  std::vector<double> heights;
  double widest = 0;  // in heights of its own
  for (const cv::Mat& crop : crops) {
    boxes.push_back(seen_box(crop));
    if (boxes.back().empty()) fail("a photograph shows nothing of the vehicle");
    heights.push_back(boxes.back().height);
    widest = std::max(widest, static_cast<double>(boxes.back().width) / boxes.back().height);
  }
  const double wanted = median(heights) * std::max(widest / kFill, 1 / (kFillHeight * kShape));
  CommonFrame out;
  out.width = 6 * (std::clamp(static_cast<int>(std::lround(wanted)), kNarrowestFrame, kWidestFrame) / 6);
  out.height = static_cast<int>(std::lround(out.width * kShape));
  const double vehicle = std::min(kFill * out.width / widest, kFillHeight * out.height);
  for (const cv::Rect& box : boxes) {
    Similarity& to = out.places.emplace_back();
    to.linear = Eigen::Matrix2d::Identity() * (vehicle / box.height);
    to.offset = Eigen::Vector2d(out.width / 2.0, out.height / 2.0) -
                to.linear * Eigen::Vector2d(box.x + box.width / 2.0, box.y + box.height / 2.0);
  }
  return out;
}

std::vector<cv::Mat> common_frames(const std::vector<cv::Mat>& crops) {
  const CommonFrame frame = common_frame(crops);
  std::vector<cv::Mat> frames;
  for (std::size_t i = 0; i < crops.size(); ++i)
    frames.push_back(straight(resample(premultiplied(crops[i]), frame.places[i], frame.width, frame.height)));
  return frames;
}

}  // namespace spinfill
