// SPDX-License-Identifier: Apache-2.0
#include "data/photo/aligned_sources.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include <opencv2/imgproc.hpp>
#include <opencv2/video/tracking.hpp>

#include "data/photo/local_structure.h"
#include "data/pictures/opencv_threads.h"

namespace spinfill {
namespace {

constexpr int kFlowWidth = 960;         // px: lettering needs it
constexpr int kSmallest = 16;           // px: below that nothing is compared
constexpr int kLeastCommon = 100;       // px that two sources must both show
constexpr float kShown = 0.6F;          // share of a compared pixel that a source must show
constexpr double kContrast = 0.02;      // radius of the local contrast, as a share of the width like all below
constexpr double kSmooth = 0.012;       // of displacements
constexpr double kLargest = 0.05;       // displacement
constexpr double kReturns = 0.006;      // how far off flow there and back may end
constexpr float kThinFlow = 0.05F;      // trusted share of the surroundings below which displacements fade out
constexpr float kUnmovedShare = 0.02F;  // of the source as it was, for what moved away from where nothing came
constexpr double kRegion = 0.03;        // radius within which one source leads
constexpr double kUnlike = 25;          // mean difference of structures (of 8 bits) at which a source yields
constexpr double kUnlikeOver = 0.015;   // radius of that mean
constexpr double kYieldedShare = 0.01;  // that stays of what yields
constexpr float kThinCommon = 0.05F;    // share shown by both, of the surroundings, below which nothing differs

cv::Mat resized(const cv::Mat& map, cv::Size size, int how) {
  cv::Mat out;
  cv::resize(map, out, size, 0, 0, how);
  return out;
}

// One map for each of `channels`.
cv::Mat repeated(const cv::Mat& map, int channels) {
  cv::Mat out;
  cv::merge(std::vector<cv::Mat>(static_cast<std::size_t>(channels), map), out);
  return out;
}

// map(x + displacement(x)).
cv::Mat looked_up(const cv::Mat& map, const cv::Mat& displacement, int how) {
  cv::Mat places(displacement.size(), CV_32FC2), out;
  for (int y = 0; y < places.rows; ++y) {
    const auto* by = displacement.ptr<cv::Vec2f>(y);
    auto* to = places.ptr<cv::Vec2f>(y);
    for (int x = 0; x < places.cols; ++x) to[x] = by[x] + cv::Vec2f(static_cast<float>(x), static_cast<float>(y));
  }
  cv::remap(map, out, places, cv::noArray(), how, cv::BORDER_CONSTANT);
  return out;
}

// local_structure() as 8 bit, around 128.
cv::Mat structure_of(const cv::Mat& grey, const cv::Mat& seen, double sigma) {
  cv::Mat out;
  cv::Mat(40 * local_structure(grey, seen, sigma) + 128).convertTo(out, CV_8U);
  return out;
}

// A source at the size at which sources are compared.
struct Compared {
  cv::Mat grey, seen, weight;  // CV_32FC1; seen is 0 or 1
};

Compared compared(const CarriedSource& source, cv::Size size) {
  cv::Mat grey, shown, seen;
  cv::cvtColor(source.colour, grey, cv::COLOR_RGB2GRAY);
  cv::Mat(source.weight > 0).convertTo(shown, CV_32F, 1 / 255.0);
  const cv::Mat share = resized(shown, size, cv::INTER_AREA);
  cv::Mat(share > kShown).convertTo(seen, CV_32F, 1 / 255.0);
  return {resized(grey.mul(shown), size, cv::INTER_AREA) / cv::max(share, 1e-3), seen,
          blurred(resized(source.weight, size, cv::INTER_AREA), kSmooth * size.width)};
}

// Flow `there` where flow `back` leads back from, smoothed; 0 far from any such pixel.
cv::Mat trusted_flow(const cv::Mat& there, const cv::Mat& back, const cv::Mat& both) {
  const double width = there.cols;
  const cv::Mat returned = looked_up(back, there, cv::INTER_LINEAR);
  cv::Mat trust = looked_up(both, there, cv::INTER_LINEAR).mul(both);
  for (int y = 0; y < trust.rows; ++y) {
    const auto *to = there.ptr<cv::Vec2f>(y), *from = returned.ptr<cv::Vec2f>(y);
    auto* value = trust.ptr<float>(y);
    for (int x = 0; x < trust.cols; ++x) {
      const double off = cv::norm(to[x] + from[x]) / (kReturns * width);
      value[x] *= cv::norm(to[x]) > kLargest * width ? 0 : static_cast<float>(std::exp(-off * off));
    }
  }
  const double sigma = kSmooth * width;
  return blurred(there.mul(repeated(trust, 2)), sigma) / repeated(blurred(trust, sigma) + kThinFlow, 2);
}

// What a pair moves its two sources by, where they are shown with all weight; empty where they have too little in
// common.
struct PairFlow {
  cv::Mat first, second;  // CV_32FC2, px
};

PairFlow flow_between(const Compared& a, const Compared& b) {
  const cv::Mat both = a.seen.mul(b.seen);
  if (cv::countNonZero(both) < kLeastCommon) return {};
  const double sigma = kContrast * both.cols;
  const cv::Mat first = structure_of(a.grey, both, sigma), second = structure_of(b.grey, both, sigma);
  const auto flow = cv::DISOpticalFlow::create(cv::DISOpticalFlow::PRESET_MEDIUM);
  cv::Mat to_first, to_second;  // second(x) = first(x + to_first(x)), and the other way
  flow->calc(second, first, to_first);
  flow->calc(first, second, to_second);
  return {trusted_flow(to_first, to_second, both), trusted_flow(to_second, to_first, both)};
}

void move(CarriedSource& source, const cv::Mat& displacement) {
  const cv::Mat weighted = source.colour.mul(repeated(source.weight, 3));
  const cv::Mat colour = looked_up(weighted, displacement, cv::INTER_CUBIC),
                weight = looked_up(source.weight, displacement, cv::INTER_CUBIC);
  for (int y = 0; y < weight.rows; ++y) {
    const auto* moved = colour.ptr<cv::Vec3f>(y);
    const auto* arrived = weight.ptr<float>(y);
    auto* to = source.colour.ptr<cv::Vec3f>(y);
    auto* whole = source.weight.ptr<float>(y);
    for (int x = 0; x < weight.cols; ++x) {
      const float came = std::max(arrived[x], 0.0F), stayed = kUnmovedShare * whole[x], all = came + stayed;
      if (all <= 0) continue;
      for (int c = 0; c < 3; ++c)
        to[x][c] = std::clamp(((came > 0 ? moved[x][c] : 0) + stayed * to[x][c]) / all, 0.0F, 1.0F);
      whole[x] = all;
    }
  }
}

// Where sources show different things even then, the one that shows most thereabouts is kept, and the others yield to
// it.
void choose_where_unlike(std::vector<CarriedSource>& sources, cv::Size size) {
  const double width = size.width;
  std::vector<cv::Mat> structures, seen;
  cv::Mat most = cv::Mat::zeros(size, CV_32F), leading(size, CV_32F, cv::Scalar::all(128)),
          shown = cv::Mat::zeros(size, CV_32F);
  for (const CarriedSource& source : sources) {
    const Compared small = compared(source, size);
    seen.push_back(small.seen);
    cv::Mat structure;
    structure_of(small.grey, small.seen, kContrast * width).convertTo(structure, CV_32F);
    structures.push_back(structure);
    const cv::Mat weight = blurred(small.weight.mul(small.seen), kRegion * width),
                  leads = (weight > most) & (small.seen > 0);
    weight.copyTo(most, leads);
    structure.copyTo(leading, leads);
    small.seen.copyTo(shown, leads);
  }
  cv::Mat before = cv::Mat::zeros(sources.front().weight.size(), CV_32F), after = before.clone();
  for (std::size_t k = 0; k < sources.size(); ++k) {
    const cv::Mat both = seen[k].mul(shown);
    const cv::Mat unlike = blurred(cv::abs(structures[k] - leading).mul(both), kUnlikeOver * width) /
                           (blurred(both, kUnlikeOver * width) + kThinCommon);
    cv::Mat keeps;
    cv::exp(-unlike.mul(unlike) / (kUnlike * kUnlike), keeps);
    before += sources[k].weight;
    sources[k].weight =
        sources[k].weight.mul(resized(cv::max(keeps, kYieldedShare), sources[k].weight.size(), cv::INTER_LINEAR));
    after += sources[k].weight;
  }
  const cv::Mat again = before / cv::max(after, 1e-12);
  for (CarriedSource& source : sources) source.weight = source.weight.mul(again);
}

}  // namespace

void align_sources(std::vector<CarriedSource>& sources) {
  use_one_opencv_thread();
  const std::size_t n = sources.size();
  if (n < 2) return;
  const cv::Size whole = sources.front().weight.size();
  const double shrink = std::min(1.0, static_cast<double>(kFlowWidth) / whole.width);
  const cv::Size size(static_cast<int>(std::lround(whole.width * shrink)),
                      static_cast<int>(std::lround(whole.height * shrink)));
  if (std::min(size.width, size.height) < kSmallest) return;
  std::vector<Compared> small;
  cv::Mat total = cv::Mat::zeros(size, CV_32F);
  for (const CarriedSource& source : sources) {
    small.push_back(compared(source, size));
    total += small.back().weight;
  }
  std::vector<std::array<std::size_t, 2>> pairs;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) pairs.push_back({i, j});
  std::vector<PairFlow> flows(pairs.size());
  at::parallel_for(0, static_cast<std::int64_t>(pairs.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto p = static_cast<std::size_t>(begin); p < static_cast<std::size_t>(end); ++p)
      flows[p] = flow_between(small[pairs[p][0]], small[pairs[p][1]]);
  });
  std::vector<cv::Mat> displacements(n);
  for (cv::Mat& displacement : displacements) displacement = cv::Mat::zeros(size, CV_32FC2);
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    if (flows[p].first.empty()) continue;
    const auto [i, j] = pairs[p];
    const auto share = [&](std::size_t k) { return repeated(small[k].weight / (total + 1e-9), 2); };
    displacements[i] += flows[p].first.mul(share(j));
    displacements[j] += flows[p].second.mul(share(i));
  }
  for (std::size_t i = 0; i < n; ++i) move(sources[i], resized(displacements[i], whole, cv::INTER_LINEAR) / shrink);
  choose_where_unlike(sources, size);
}

}  // namespace spinfill
