// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/vehicle_look.h"

#include <opencv2/features2d.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "data/pictures/opencv_threads.h"
#include "data/walkaround/vehicle_mask.h"

namespace spinfill {
namespace {

constexpr double kWidth = 480, kHeight = 320;   // px: the vehicle's box fits into that
constexpr int kRoom = 8;                        // px round the box
constexpr double kContrast = 0.01, kEdge = 20;  // SIFT's thresholds: paint has few features, so weak ones count
// What may differ between two photographs of one point.
constexpr float kHigher = 0.1F, kTurnedDeg = 30, kLarger = 0.6F;  // heights; degrees; logarithm
constexpr float kFar = 0.6F;                                      // squared distance of descriptors
constexpr float kClearly = 0.85F * 0.85F;                         // of the next best one's, squared
// Rear lamps: a band of the box's height, in CIE L*a*b*.
constexpr double kBandTop = 0.2, kBandBottom = 0.75;
constexpr double kGround = 0.8;  // red that reaches below that of the box's height belongs to the ground
constexpr float kLeastChroma = 35, kLeastLight = 15, kLeastHueDeg = 10, kMostHueDeg = 50;

constexpr int kLights = 6, kTints = 14;         // bins: of L*, of a* and b* each
constexpr float kTintStep = 10, kLowest = -70;  // a*, b*
constexpr double kInCommon = 0.66;  // of one vehicle: 0.95 in the same light, 0.8 at half or twice the exposure

std::vector<float> blurred_histogram(std::vector<float> counts) {
  const auto at = [](int l, int a, int b) { return static_cast<std::size_t>((l * kTints + a) * kTints + b); };
  const int step[] = {kTints * kTints, kTints, 1}, size[] = {kLights, kTints, kTints};
  for (int axis = 0; axis < 3; ++axis) {
    const std::vector<float> before = counts;
    for (int l = 0; l < kLights; ++l) {
      for (int a = 0; a < kTints; ++a) {
        for (int b = 0; b < kTints; ++b) {
          const int place = axis == 0 ? l : axis == 1 ? a : b;
          const auto own = at(l, a, b);
          const float low = place > 0 ? before[own - static_cast<std::size_t>(step[axis])] : 0;
          const float high = place + 1 < size[axis] ? before[own + static_cast<std::size_t>(step[axis])] : 0;
          counts[own] = before[own] / 2 + (low + high) / 4;
        }
      }
    }
  }
  float sum = 0;
  for (const float count : counts) sum += count;
  for (float& count : counts) count /= std::max(sum, 1.0F);
  return counts;
}

// What is red as rear lamps are, without pieces that reach down to the ground: a turntable, a carpet. 8-bit.
cv::Mat lamps_of(const cv::Mat& lab, const cv::Mat& inner) {
  cv::Mat red = cv::Mat::zeros(lab.size(), CV_8U), pieces, extents, middles;
  for (int y = 0; y < lab.rows; ++y) {
    for (int x = 0; x < lab.cols; ++x) {
      if (inner.at<uchar>(y, x) == 0) continue;
      const auto& c = lab.at<cv::Vec3f>(y, x);
      const float hue = cv::fastAtan2(c[2], c[1]);
      red.at<uchar>(y, x) =
          c[0] > kLeastLight && std::hypot(c[1], c[2]) > kLeastChroma && hue > kLeastHueDeg && hue < kMostHueDeg;
    }
  }
  cv::connectedComponentsWithStats(red, pieces, extents, middles);
  for (int y = 0; y < lab.rows; ++y) {
    for (int x = 0; x < lab.cols; ++x) {
      const int piece = pieces.at<int>(y, x);
      const int bottom = extents.at<int>(piece, cv::CC_STAT_TOP) + extents.at<int>(piece, cv::CC_STAT_HEIGHT);
      if (bottom > kGround * lab.rows) red.at<uchar>(y, x) = 0;
    }
  }
  return red;
}

// Puts lamp_red and colours.
void put_colours(const cv::Mat& rgb, const cv::Mat& seen, const cv::Rect& box, VehicleLook& look) {
  cv::Mat inner, lab;
  cv::erode(seen(box), inner, cv::Mat::ones(3, 3, CV_8U), {-1, -1}, 1, cv::BORDER_CONSTANT, cv::Scalar::all(0));
  rgb(box).convertTo(lab, CV_32FC3, 1 / 255.0);
  cv::cvtColor(lab, lab, cv::COLOR_RGB2Lab);
  const cv::Mat lamps = lamps_of(lab, inner);
  std::int64_t red = 0, all = 0;
  std::vector<float> counts(kLights * kTints * kTints, 0.0F);
  const auto bin = [](float value, int bins) { return std::clamp(static_cast<int>(value), 0, bins - 1); };
  for (int y = static_cast<int>(kBandTop * box.height); y < static_cast<int>(kBandBottom * box.height); ++y) {
    for (int x = 0; x < box.width; ++x) {
      if (inner.at<uchar>(y, x) == 0) continue;
      ++all;
      const auto& c = lab.at<cv::Vec3f>(y, x);
      const int tint_a = bin((c[1] - kLowest) / kTintStep, kTints), tint_b = bin((c[2] - kLowest) / kTintStep, kTints);
      ++counts[static_cast<std::size_t>((bin(c[0] * kLights / 100, kLights) * kTints + tint_a) * kTints + tint_b)];
      red += lamps.at<uchar>(y, x);
    }
  }
  look.lamp_red = all == 0 ? 0 : static_cast<double>(red) / static_cast<double>(all);
  look.colours = blurred_histogram(std::move(counts));
}

void put_features(const cv::Mat& rgb, const cv::Mat& seen, const cv::Rect& box, VehicleLook& look) {
  const double scale = std::min(kWidth / box.width, kHeight / box.height);
  const cv::Rect crop = cv::Rect(box.x - kRoom, box.y - kRoom, box.width + 2 * kRoom, box.height + 2 * kRoom) &
                        cv::Rect(0, 0, rgb.cols, rgb.rows);
  cv::Mat grey, covered;
  cv::cvtColor(rgb(crop), grey, cv::COLOR_RGB2GRAY);
  const auto scaled = [scale](int side) { return std::max(1, static_cast<int>(std::lround(side * scale))); };
  cv::resize(grey, grey, {scaled(grey.cols), scaled(grey.rows)}, 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
  cv::resize(seen(crop), covered, grey.size(), 0, 0, cv::INTER_NEAREST);
  cv::createCLAHE(2, {6, 6})->apply(grey, grey);
  cv::erode(covered, covered, cv::Mat::ones(5, 5, CV_8U), {-1, -1}, 1, cv::BORDER_CONSTANT, cv::Scalar::all(0));
  std::vector<cv::KeyPoint> points;
  cv::Mat descriptors;
  cv::SIFT::create(static_cast<int>(kMostPoints), 3, kContrast, kEdge)
      ->detectAndCompute(grey, covered, points, descriptors);
  std::vector<int> order(points.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](int a, int b) {
    return points[static_cast<std::size_t>(a)].response > points[static_cast<std::size_t>(b)].response;
  });
  // SIFT keeps more than asked for where several are equally strong.
  order.resize(std::min(order.size(), kMostPoints));
  look.descriptors.create(static_cast<int>(order.size()), 128, CV_32F);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const cv::KeyPoint& point = points[static_cast<std::size_t>(order[i])];
    look.points.emplace_back(
        static_cast<float>(((point.pt.x + 0.5) / scale + crop.x - box.x - box.width / 2.0) / box.height),
        static_cast<float>(((point.pt.y + 0.5) / scale + crop.y - box.y - box.height / 2.0) / box.height));
    look.sizes.push_back(static_cast<float>(point.size / scale / box.height));
    look.turns_deg.push_back(point.angle);
    const cv::Mat row = descriptors.row(order[i]);
    cv::Mat own = look.descriptors.row(static_cast<int>(i));
    cv::sqrt(row / std::max(1e-6, cv::norm(row, cv::NORM_L1)), own);
  }
}

bool may_be_one(const VehicleLook& a, std::size_t i, const VehicleLook& b, std::size_t j) {
  return std::abs(a.points[i].y - b.points[j].y) < kHigher &&
         std::abs(std::remainder(a.turns_deg[i] - b.turns_deg[j], 360.0F)) < kTurnedDeg &&
         std::abs(std::log(a.sizes[i] / b.sizes[j])) < kLarger;
}

}  // namespace

VehicleLook vehicle_look(const cv::Mat& rgb, const cv::Mat& alpha) {
  use_one_opencv_thread();
  const cv::Mat seen = alpha >= kSeenAlpha;
  const cv::Rect box = cv::boundingRect(seen);
  if (box.empty()) fail("no pixel of the mask is the vehicle's");
  VehicleLook look;
  look.aspect = static_cast<double>(box.width) / box.height;
  put_colours(rgb, seen, box, look);
  put_features(rgb, seen, box, look);
  return look;
}

double colours_in_common(const VehicleLook& first, const VehicleLook& second) {
  double sum = 0;
  for (std::size_t i = 0; i < first.colours.size(); ++i)
    sum += std::sqrt(static_cast<double>(first.colours[i]) * second.colours[i]);
  return sum;
}

std::vector<int> alike_groups(const std::vector<const VehicleLook*>& looks) {
  std::vector<int> group(looks.size());
  std::iota(group.begin(), group.end(), 0);
  for (std::size_t i = 0; i < looks.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (group[i] == group[j] || colours_in_common(*looks[i], *looks[j]) < kInCommon) continue;
      const int into = std::min(group[i], group[j]), from = std::max(group[i], group[j]);
      std::ranges::replace(group, from, into);
    }
  }
  std::vector<int> firsts = group;
  std::ranges::sort(firsts);
  firsts.erase(std::unique(firsts.begin(), firsts.end()), firsts.end());
  std::ranges::stable_sort(firsts,
                           [&](int a, int b) { return std::ranges::count(group, a) > std::ranges::count(group, b); });
  for (int& own : group) own = static_cast<int>(std::ranges::find(firsts, own) - firsts.begin());
  return group;
}

std::vector<bool> smaller_of_two(const std::vector<const VehicleLook*>& looks) {
  // sums[a][b]: over the pairs of two groups.
  const std::size_t count = looks.size();
  std::vector<std::vector<double>> sums(count, std::vector<double>(count));
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < count; ++j) sums[i][j] = colours_in_common(*looks[i], *looks[j]);
  std::vector<std::vector<std::size_t>> groups(count);
  for (std::size_t i = 0; i < count; ++i) groups[i] = {i};
  while (groups.size() > 2) {
    std::size_t into = 0, from = 1;
    double most = -1;
    for (std::size_t a = 0; a < groups.size(); ++a) {
      for (std::size_t b = a + 1; b < groups.size(); ++b) {
        const double mean = sums[a][b] / static_cast<double>(groups[a].size() * groups[b].size());
        if (mean <= most) continue;
        most = mean;
        into = a;
        from = b;
      }
    }
    groups[into].insert(groups[into].end(), groups[from].begin(), groups[from].end());
    for (std::size_t k = 0; k < groups.size(); ++k) {
      sums[into][k] += sums[from][k];
      sums[k][into] = sums[into][k];
    }
    const auto place = static_cast<std::ptrdiff_t>(from);
    groups.erase(groups.begin() + place);
    sums.erase(sums.begin() + place);
    for (std::vector<double>& row : sums) row.erase(row.begin() + place);
  }
  std::vector<bool> out(count, false);
  const bool second = groups[1].size() <= groups[0].size();
  for (const std::size_t i : groups[second ? 1 : 0]) out[i] = true;
  return out;
}

std::vector<LookMatch> look_matches(const VehicleLook& first, const VehicleLook& second, std::size_t most) {
  const auto rows = static_cast<int>(std::min(most, first.points.size()));
  const auto columns = static_cast<int>(std::min(most, second.points.size()));
  std::vector<LookMatch> out;
  if (rows == 0 || columns == 0) return out;
  const cv::Mat alike = first.descriptors.rowRange(0, rows) * second.descriptors.rowRange(0, columns).t();
  constexpr float kNone = 9;
  std::vector<int> nearest(static_cast<std::size_t>(rows), -1), back(static_cast<std::size_t>(columns), -1);
  std::vector<float> next(nearest.size(), kNone), best(nearest.size(), kNone), best_back(back.size(), kNone);
  for (int i = 0; i < rows; ++i) {
    const auto r = static_cast<std::size_t>(i);
    for (int j = 0; j < columns; ++j) {
      const auto c = static_cast<std::size_t>(j);
      if (!may_be_one(first, r, second, c)) continue;
      const float distance = 2 - 2 * alike.at<float>(i, j);
      if (distance < best[r]) {
        next[r] = best[r];
        best[r] = distance;
        nearest[r] = j;
      } else {
        next[r] = std::min(next[r], distance);
      }
      if (distance < best_back[c]) {
        best_back[c] = distance;
        back[c] = i;
      }
    }
  }
  for (std::size_t r = 0; r < nearest.size(); ++r) {
    if (nearest[r] < 0 || best[r] > kFar || best[r] > kClearly * std::min(next[r], 2.0F)) continue;
    const auto c = static_cast<std::size_t>(nearest[r]);
    if (back[c] == static_cast<int>(r)) out.push_back({first.points[r], second.points[c]});
  }
  return out;
}

}  // namespace spinfill
