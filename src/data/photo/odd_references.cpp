// SPDX-License-Identifier: Apache-2.0
#include "data/photo/odd_references.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <opencv2/imgproc.hpp>

#include "core/side_by_side.h"
#include "core/statistics.h"
#include "data/pictures/exposure_gain.h"
#include "data/spins/hull_agreement.h"

namespace spinfill {
namespace {

constexpr std::size_t kFewest = 3, kFewestSilhouettes = 4;  // references that tell which of them is odd
constexpr double kLeastWeight = 0.1;  // a poor photograph is still worth more than what the model makes up

// Sharpness.
constexpr double kFine = 1, kCoarse = 3;  // σ₁, σ₂, px
constexpr double kTallest = 400;          // px, of the vehicle when compared
constexpr int kInside = 7;                // px from the mask's edge: what lies beyond it is not the vehicle's
constexpr int kFewestPixels = 1500;       // of the vehicle, that far inside
constexpr double kBlurredBy = 1, kBlurredTimes = 2;  // beyond the others: px, and their blur times that

// Exposure: chosen beside three photographed cars and synthetic ones in studio and sun.
constexpr double kStopsOver = 1, kStopsUnder = 2;  // of the mean logarithm, which moves less than the exposure does
constexpr double kClipped = 0.2;                   // share beyond the others'
constexpr double kClippedStops = 0.4;              // that count only of a brighter picture

constexpr double kSmall = 0.6;  // height of the vehicle beside the others'

// Silhouettes: shares of a mask that a hull leaves uncovered. Where all agree, up to 0.045.
constexpr double kDisagree = 0.05;   // of some mask: something is odd
constexpr double kAgree = 0.03;      // mean of the others', once the odd one carves no more
constexpr double kClearly = 0.8;     // times what leaving out any other one brings
constexpr double kMaskWeight = 0.5;  // the camera of a vehicle whose outline is not known is less certain

double others_median(const std::vector<double>& values, std::size_t but) {
  std::vector<double> others = values;
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(but));
  return median(std::move(others));
}

cv::Mat alpha_of(const cv::Mat& rgba) {
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  return alpha;
}

// The box of the vehicle; empty where nothing is covered.
cv::Rect vehicle_box(const cv::Mat& rgba) {
  return cv::boundingRect(alpha_of(rgba) >= 128);
}

// Blur along one axis as a standard deviation, px, from the root mean squares of the gradients at both scales.
double blur_of(double fine, double coarse) {
  if (!(coarse > 0)) return 0;
  const double r4 = std::pow(fine / coarse, 4), most = kCoarse * kCoarse, least = kFine * kFine;
  return r4 > 1 ? std::sqrt(std::max(0.0, (most - least * r4) / (r4 - 1))) : kCoarse * kCoarse;
}

// The larger blur of both axes, px of the picture scaled by `scale`; none where the vehicle is too small to tell.
std::optional<double> blur(const cv::Mat& rgba, const cv::Rect& box, double scale) {
  cv::Mat grey, alpha = alpha_of(rgba)(box).clone();
  cv::cvtColor(rgba(box), grey, cv::COLOR_RGBA2GRAY);
  grey.convertTo(grey, CV_32F);
  if (scale < 1) {
    cv::resize(grey, grey, {}, scale, scale, cv::INTER_AREA);
    cv::resize(alpha, alpha, grey.size(), 0, 0, cv::INTER_AREA);
  }
  cv::Mat inside;
  const int side = 2 * kInside + 1;
  cv::copyMakeBorder(alpha >= 250, inside, kInside, kInside, kInside, kInside, cv::BORDER_CONSTANT, 0);
  cv::erode(inside, inside, cv::Mat::ones(side, side, CV_8U));
  inside = inside(cv::Rect({kInside, kInside}, grey.size()));
  const int count = cv::countNonZero(inside);
  if (count < kFewestPixels) return std::nullopt;
  std::array<std::array<double, 2>, 2> energies{};  // by axis, scale
  for (std::size_t k = 0; k < 2; ++k) {
    cv::Mat smooth;
    cv::GaussianBlur(grey, smooth, {}, k == 0 ? kFine : kCoarse);
    for (std::size_t axis = 0; axis < 2; ++axis) {
      cv::Mat slope;
      cv::Sobel(smooth, slope, CV_32F, axis == 0 ? 1 : 0, axis == 0 ? 0 : 1);
      energies[axis][k] = std::sqrt(cv::mean(slope.mul(slope), inside)[0]);
    }
  }
  return std::max(blur_of(energies[0][0], energies[0][1]), blur_of(energies[1][0], energies[1][1]));
}

struct Exposure {
  double stops = 0, clipped = 0;
};
Exposure exposure(const cv::Mat& rgba, const cv::Rect& box) {
  const int step = std::max(1, box.width / 256);  // so many pixels tell enough
  std::array<double, 256> linear{};
  for (std::size_t i = 0; i < linear.size(); ++i) linear[i] = linear_of_srgb(static_cast<double>(i) / 255);
  double sum = 0, clipped = 0, count = 0;
  for (int y = box.y; y < box.y + box.height; y += step) {
    const auto* row = rgba.ptr<cv::Vec4b>(y);
    for (int x = box.x; x < box.x + box.width; x += step) {
      const cv::Vec4b& p = row[x];
      if (p[3] < 250) continue;
      sum += std::log2(0.2126 * linear[p[0]] + 0.7152 * linear[p[1]] + 0.0722 * linear[p[2]] + 0.005);
      clipped += std::max({p[0], p[1], p[2]}) >= 254;
      ++count;
    }
  }
  return count > 0 ? Exposure{sum / count, clipped / count} : Exposure{};
}

// Share of a mask that the hull leaves uncovered.
double uncovered(const cv::Mat& hull, const cv::Mat& mask) {
  const int covered = cv::countNonZero(mask > 0.5F);
  return covered == 0 ? 0 : static_cast<double>(cv::countNonZero((mask > 0.5F) & (hull <= 0.5F))) / covered;
}

// Whether what a mask has beyond the hull lies at the vehicle's feet.
bool lies_below(const cv::Mat& hull, const cv::Mat& mask) {
  const cv::Mat beyond = (mask > 0.5F) & (hull <= 0.5F);
  const cv::Rect body = cv::boundingRect(hull > 0.5F);
  const cv::Moments m = cv::moments(beyond, true);
  return m.m00 > 0 && m.m01 / m.m00 > body.y + 0.8 * body.height;
}

class OddReferences {
 public:
  OddReferences(const ViewSet& set, const SlotPictures& pictures, const std::vector<cv::Mat>& further) : set_(set) {
    for (const Frame& frame : set.frames) take(frame, pictures[static_cast<std::size_t>(frame.slot())]);
    for (std::size_t i = 0; i < set.further.size(); ++i) take(set.further[i], further.at(i));
  }

  std::vector<Oddities> find(const std::vector<bool>& trusted) {
    if (pictures_.size() >= kFewest) {
      compare_sizes();
      compare_sharpness();
      compare_exposure();
    }
    if (pictures_.size() >= kFewestSilhouettes) compare_silhouettes(trusted);
    return std::move(out_);
  }

 private:
  void take(const Frame& frame, const cv::Mat& picture) {
    out_.emplace_back();
    if (picture.empty()) return;
    const cv::Rect box = vehicle_box(picture);
    if (box.empty()) return;
    places_.push_back(out_.size() - 1);
    frames_.push_back(&frame);
    pictures_.push_back(picture);
    boxes_.push_back(box);
  }
  void add(std::size_t k, Oddity what, double weight, std::string problem, std::string advice) {
    out_[places_[k]].push_back({what, rounded(std::clamp(weight, 0.0, 1.0), 3), std::move(problem), std::move(advice)});
  }
  // A vehicle is about as high from every side.
  void compare_sizes() {
    std::vector<double> own;  // px of the files
    for (std::size_t k = 0; k < frames_.size(); ++k) {
      heights_.push_back(boxes_[k].height);
      own.push_back(heights_[k] / frames_[k]->fitted.value_or(1));
    }
    for (std::size_t k = 0; k < frames_.size(); ++k) {
      const double others = others_median(own, k), share = own[k] / others;
      if (share < kSmall)
        add(k, Oddity::small, std::max(kLeastWeight, share * share),
            fmt::format("its vehicle is {:.0f} px high, those of the others {:.0f}", own[k], others),
            "give a larger picture of this view, or one from nearer");
    }
  }

  // At one size of the vehicle; smaller pictures as they are.
  void compare_sharpness() {
    const double height = std::min(kTallest, median(heights_));
    std::vector<double> blurs;
    std::vector<std::size_t> known;
    for (std::size_t k = 0; k < frames_.size(); ++k) {
      if (const auto own = blur(pictures_[k], boxes_[k], std::min(1.0, height / heights_[k]))) {
        blurs.push_back(*own);
        known.push_back(k);
      }
    }
    if (known.size() < kFewest) return;
    for (std::size_t i = 0; i < known.size(); ++i) {
      const double others = others_median(blurs, i), own = blurs[i];
      if (own < others + kBlurredBy || own < others * kBlurredTimes) continue;
      const double px = heights_[known[i]] / std::min(height, heights_[known[i]]);  // of its own, per pixel compared
      add(known[i], Oddity::blurred, std::max(kLeastWeight, (others * others + 1) / (own * own + 1)),
          fmt::format("is blurred by about {:.1f} px, the others by {:.1f}", own * px, others * px),
          "give a sharp picture of this view");
    }
  }

  void compare_exposure() {
    std::vector<double> stops, clipped;
    for (std::size_t k = 0; k < frames_.size(); ++k) {
      const Exposure own = exposure(pictures_[k], boxes_[k]);
      stops.push_back(own.stops);
      clipped.push_back(own.clipped);
    }
    for (std::size_t k = 0; k < frames_.size(); ++k) {
      const double gain = stops[k] - others_median(stops, k),
                   beyond = std::max(0.0, clipped[k] - others_median(clipped, k));
      const double weight = std::max(kLeastWeight, std::pow(4, -std::abs(gain)) * (1 - beyond));
      if (gain > kStopsOver || (beyond > kClipped && gain > kClippedStops)) {
        add(k, Oddity::overexposed, weight,
            fmt::format("is over-exposed: {:.1f} stops brighter than the others, {:.0f} % of the vehicle clipped", gain,
                        100 * clipped[k]),
            "give a picture with the others' exposure");
      } else if (gain < -kStopsUnder) {
        add(k, Oddity::underexposed, weight,
            fmt::format("is under-exposed: {:.1f} stops darker than the others", -gain),
            "give a picture with the others' exposure");
      }
    }
  }

  // The hull of all frames, or of all but one.
  HullSilhouettes silhouettes(std::optional<std::size_t> but = {}) const {
    std::vector<bool> carves(frames_.size(), true);
    if (but) carves[*but] = false;
    return hull_silhouettes(masks_, cameras_, carves);
  }

  bool take_masks() {
    for (std::size_t k = 0; k < frames_.size(); ++k) {
      const Frame& frame = *frames_[k];
      if (!frame.camera) return false;
      cameras_.push_back(*frame.camera);
      const int width = std::min(kHullScoreWidth, set_.width);
      cv::Mat alpha;
      cv::resize(alpha_of(pictures_[k]), alpha,
                 {width, std::max(2, cvRound(static_cast<double>(set_.height) * width / set_.width))}, 0, 0,
                 cv::INTER_AREA);
      alpha.convertTo(alpha, CV_32F, 1 / 255.0);
      masks_.push_back(
          {at::from_blob(alpha.data, {alpha.rows, alpha.cols}, at::kFloat).clone(), frame.azimuth_deg, true});
    }
    return true;
  }

  // By view: the mean share of the others' masks that their hull leaves uncovered. A hull for each: as many at the same
  // time as the calling thread may use processors.
  std::vector<double> uncovered_without_each() const {
    std::vector<double> rest(frames_.size());
    const auto workers = std::min(frames_.size(), static_cast<std::size_t>(std::max(1, at::get_num_threads())));
    side_by_side(workers, [&](std::size_t worker) {
      for (std::size_t k = worker; k < frames_.size(); k += workers) {
        const HullSilhouettes without = silhouettes(k);
        double sum = 0;
        for (std::size_t j = 0; j < frames_.size(); ++j)
          if (j != k) sum += uncovered(without.hull[j], without.mask[j]);
        rest[k] = sum / static_cast<double>(frames_.size() - 1);
      }
      return true;
    });
    return rest;
  }

  // Leaving out the odd one, and it alone, makes the others agree.
  std::optional<std::size_t> odd_silhouette() const {
    const HullSilhouettes all = silhouettes();
    double most = 0;
    for (std::size_t k = 0; k < frames_.size(); ++k) most = std::max(most, uncovered(all.hull[k], all.mask[k]));
    if (most < kDisagree) return std::nullopt;
    std::vector<double> rest = uncovered_without_each();
    const auto least = std::ranges::min_element(rest);
    const auto odd = static_cast<std::size_t>(least - rest.begin());
    const double found = *least;
    rest.erase(least);
    if (found > kAgree || found > kClearly * *std::ranges::min_element(rest)) return std::nullopt;
    return odd;
  }

  void compare_silhouettes(const std::vector<bool>& trusted) {
    const at::NoGradGuard no_grad;
    if (!take_masks()) return;
    bool known = false;
    for (std::size_t k = 0; k < frames_.size(); ++k) {
      if (trusted.empty() || trusted[places_[k]]) continue;
      known = true;
      add_silhouette(k);
    }
    if (known) return;
    if (const auto odd = odd_silhouette()) add_silhouette(*odd);
  }

  void add_silhouette(std::size_t k) {
    const HullSilhouettes rest = silhouettes(k);
    const cv::Mat &hull = rest.hull[k], &mask = rest.mask[k];
    const double beyond = uncovered(hull, mask), short_of = uncovered(mask, hull);
    const Frame& frame = *frames_[k];
    if (beyond > kDisagree && lies_below(hull, mask)) {
      add(k, Oddity::oversized_mask, kMaskWeight,
          fmt::format("its mask goes beyond what the others leave of the vehicle, below it, by {:.0f} %: a shadow?",
                      100 * beyond),
          "cut the vehicle out without the ground");
    } else {
      add(k, Oddity::contradicting, 0,
          fmt::format("its silhouette contradicts all others ({:.0f} % of it beyond what they leave of the vehicle, "
                      "{:.0f} % short of it): nothing is generated from it",
                      100 * beyond, 100 * short_of),
          fmt::format("check that it shows this vehicle from {:.4g} degrees, and its mask",
                      frame.stated_azimuth_deg.value_or(frame.azimuth_deg)));
    }
  }

  const ViewSet& set_;
  std::vector<Oddities> out_;        // by frame, then by further one
  std::vector<std::size_t> places_;  // there, of those with a picture; what follows goes with them
  std::vector<const Frame*> frames_;
  std::vector<cv::Mat> pictures_;
  std::vector<cv::Rect> boxes_;
  std::vector<double> heights_;
  std::vector<SpinPicture> masks_;
  std::vector<Camera> cameras_;
};

}  // namespace

bool is_of_mask(const OddReference& odd) {
  return odd.what == Oddity::contradicting || odd.what == Oddity::oversized_mask;
}

Json to_json(const OddReference& odd) {
  return {{"what", name_of(odd.what)}, {"weight", odd.weight}, {"problem", odd.problem}};
}

double weight_of(const Oddities& oddities) {
  double weight = 1;
  for (const OddReference& odd : oddities) weight *= odd.weight;
  return weight;
}

std::vector<Oddities> odd_references(const ViewSet& set, const SlotPictures& pictures,
                                     const std::vector<cv::Mat>& further, const std::vector<bool>& trusted) {
  return OddReferences(set, pictures, further).find(trusted);
}

}  // namespace spinfill
