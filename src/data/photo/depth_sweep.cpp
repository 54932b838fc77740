// SPDX-License-Identifier: Apache-2.0
#include "data/photo/depth_sweep.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <opencv2/imgproc.hpp>

#include "data/photo/carried_side.h"
#include "data/photo/local_structure.h"
#include "data/photo/photo_windows.h"
#include "data/priors/surface_warp.h"

namespace spinfill {
namespace {

constexpr int kSweptWidth = 320;         // px
constexpr double kFurthest = 0.03;       // vehicle lengths
constexpr int kPlaces = 4;               // on either side of where the surface is
constexpr double kSweptContrast = 0.03;  // radius of the local contrast, as a share of the width like all below
constexpr double kSoftened = 0.7;        // px: what is looked up between pixels is as smooth as what is not
constexpr double kWindow = 0.025;        // radius of the windows that are compared
constexpr double kSweptSmooth = 0.02;    // of the correction
constexpr double kUnlikeAtMost = 2;      // structures that differ more are simply unlike
constexpr double kUnseen = 0.5;          // cost where nothing is shown twice
constexpr double kPrefersStart = 0.05;   // cost of the furthest places
constexpr double kSharpness = 60;        // of the weighted mean
constexpr double kThinGain = 0.25;       // gain at which the correction counts by half
constexpr double kThinPair = 0.05;       // weight of two sources at which they count by half
constexpr double kLeastCompared = 1e-4;  // mean weight of a source that is compared

struct SweptSource {
  cv::Mat structure, weight;
};

std::vector<SweptSource> sources_of(const Surface& surface, const References& references, const at::Tensor& seen,
                                    const WarpOptions& options, cv::Size size) {
  const at::Tensor slack = at::full({1}, kCorrectedSlack, surface.point.options());
  const at::Tensor nowhere = at::zeros_like(surface.coverage);
  const auto plane = [&](const at::Tensor& values) {
    return mat_of(surface.pixels.maps(values, 1, size.height, size.width)[0][0]);
  };
  std::vector<SweptSource> out;
  for (const bool mirror : {false, true}) {
    const CarriedSide side = carried_side(surface, slack, references, seen, mirror, options, nowhere);
    for (std::size_t r = 0; r < side.sources.size(); ++r) {
      const cv::Mat weight = plane(side.weights[r].unsqueeze(2));
      if (cv::mean(weight)[0] < kLeastCompared) continue;
      cv::Mat grey, shown;
      cv::cvtColor(plane(side.sources[r].colour), grey, cv::COLOR_RGB2GRAY);
      cv::Mat(weight > 0).convertTo(shown, CV_32F, 1 / 255.0);
      grey = blurred(grey.mul(shown), kSoftened) / cv::max(blurred(shown, kSoftened), 1e-3);
      out.push_back({local_structure(grey, shown, kSweptContrast * size.width), weight});
    }
  }
  return out;
}

// How unlike the sources are, and what weighs there, over windows.
struct Cost {
  cv::Mat unlike, weight;
};

Cost cost_of(const std::vector<SweptSource>& sources, cv::Size size) {
  Cost out{cv::Mat::zeros(size, CV_32F), cv::Mat::zeros(size, CV_32F)};
  for (std::size_t i = 0; i < sources.size(); ++i) {
    for (std::size_t j = i + 1; j < sources.size(); ++j) {
      cv::Mat both;
      cv::sqrt(sources[i].weight.mul(sources[j].weight), both);
      out.unlike += cv::min(cv::abs(sources[i].structure - sources[j].structure), kUnlikeAtMost).mul(both);
      out.weight += both;
    }
  }
  return {blurred(out.unlike, kWindow * size.width), blurred(out.weight, kWindow * size.width)};
}

}  // namespace

double sweep_scale(cv::Size size) {
  return std::min(1.0, static_cast<double>(kSweptWidth) / size.width);
}

at::Tensor swept_correction(const Surface& surface, const References& references, const at::Tensor& seen,
                            const WarpOptions& options, cv::Size size) {
  const auto place = [](int k) { return kFurthest * k / kPlaces; };
  std::vector<Cost> costs;
  cv::Mat most = cv::Mat::zeros(size, CV_32F);
  for (int k = -kPlaces; k <= kPlaces; ++k) {
    Surface there = surface;
    there.point = surface.point + place(k) * surface.direction;
    costs.push_back(cost_of(sources_of(there, references, seen, options, size), size));
    most = cv::max(most, costs.back().weight);
  }
  std::vector<cv::Mat> energies;
  cv::Mat least;
  for (int k = -kPlaces; k <= kPlaces; ++k) {
    const Cost& cost = costs[energies.size()];
    energies.push_back((cost.unlike + kUnseen * (most - cost.weight)) / (most + kLeastCompared) +
                       kPrefersStart * std::pow(place(k) / kFurthest, 2));
    least = least.empty() ? energies.back().clone() : cv::Mat(cv::min(least, energies.back()));
  }
  cv::Mat sum = cv::Mat::zeros(size, CV_32F), mean = sum.clone();
  for (int k = -kPlaces; k <= kPlaces; ++k) {
    cv::Mat weight;
    cv::exp(-kSharpness * (energies[static_cast<std::size_t>(k + kPlaces)] - least), weight);
    sum += weight;
    mean += weight * place(k);
  }
  const cv::Mat gain = (energies[kPlaces] - least).mul(most / (most + kThinPair));
  const double sigma = kSweptSmooth * size.width;
  const cv::Mat out = blurred(cv::Mat(mean / sum).mul(gain), sigma) / (blurred(gain, sigma) + kThinGain);
  return at::from_blob(out.data, {out.rows, out.cols}, at::kFloat).clone();
}

}  // namespace spinfill
