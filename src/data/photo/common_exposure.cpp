// SPDX-License-Identifier: Apache-2.0
#include "data/photo/common_exposure.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "core/statistics.h"
#include "data/photo/surface_comparison.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr int kWidthCompared = 256;                  // px
constexpr double kWidestDeg = 100;                   // between two views that are compared
constexpr double kDarkest = 0.002, kLightest = 0.8;  // linear light that tells a ratio: neither noise nor clipped
constexpr std::int64_t kFewestPlaces = 60;
constexpr double kSpread = 0.1, kTurned = 0.2;    // stops: what a median is off at best, and for a quarter turn
constexpr double kPrior = 0.7, kTurnPrior = 0.5;  // stops: how much views differ, and a quarter turn makes
constexpr double kSurest = 0.01;                  // stops: no pair is known better
constexpr double kHuber = 2;                      // standard errors
constexpr double kNormalMedian = 1.4826;          // standard deviation of a normal distribution by its median
constexpr int kRounds = 30;
constexpr double kSignificant = 2;                // standard errors of a gain
constexpr int kWhite = 250;                       // of 255 in all channels: no colour left
constexpr double kWhiteShare = 0.2, kOver = 0.3;  // beyond the others', and stops too bright

// What a pair of views tells: the first is so many stops brighter.
struct PairStops {
  std::size_t first = 0, second = 0;
  std::array<double, 3> stops{};
  double weight = 0;
  std::int64_t pixels = 0;
  double turn = 0;  // from the first to the second, quarter turns
};

// log₂ of linear light of sRGB in [0,1].
at::Tensor stops_of(const at::Tensor& encoded) {
  const at::Tensor linear =
      at::where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055).clamp_min(0).pow(2.4));
  return linear.clamp_min(1e-6).log2();
}

// log₂ of the ratio here : there, [M,3]; NaN where a channel of either is dark or clipped.
at::Tensor ratios(const SamePlaces& places) {
  const at::Tensor here = stops_of(places.here.to(at::kDouble)), there = stops_of(places.there.to(at::kDouble));
  const double low = std::log2(kDarkest), high = std::log2(kLightest);
  const at::Tensor tells = (here > low) & (here < high) & (there > low) & (there < high);
  return (here - there).masked_fill(tells.logical_not(), std::numeric_limits<double>::quiet_NaN());
}

std::optional<PairStops> compared(const SurfaceComparison& comparison, std::size_t first, std::size_t second,
                                  double turn, const std::vector<SurfaceComparison::Seen>& seen) {
  const at::Tensor all = at::cat(
      {ratios(comparison.compare(seen[first], seen[second])), -ratios(comparison.compare(seen[second], seen[first]))});
  PairStops pair{first, second, {}, 0, 0, turn};
  std::array<bool, 3> told{};
  double spread = 0, mean = 0, channels = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    const at::Tensor any = all.select(1, static_cast<std::int64_t>(c)),
                     channel = any.index_select(0, any.isfinite().nonzero().select(1, 0));
    pair.pixels = std::max(pair.pixels, channel.size(0));
    told[c] = channel.size(0) >= kFewestPlaces;
    if (!told[c]) continue;
    const at::Tensor middle = channel.median();
    pair.stops[c] = middle.item<double>();
    spread += (channel - middle).abs().median().item<double>();
    mean += pair.stops[c];
    ++channels;
  }
  if (channels == 0) return std::nullopt;
  // Saturated paint is dark in some channel: that is taken to be as the others.
  for (std::size_t c = 0; c < 3; ++c)
    if (!told[c]) pair.stops[c] = mean / channels;
  spread /= channels;
  // Neighbouring pixels tell the same: their number counts only while there are few.
  const double known = static_cast<double>(pair.pixels) / static_cast<double>(pair.pixels + 10 * kFewestPlaces);
  pair.weight = known / (kSpread * kSpread + spread * spread + kTurned * kTurned * turn * turn);
  return pair;
}

// Pairs of neighbours and of views 2, 4, 8 … apart.
std::vector<PairStops> pairs_of(const std::vector<PhotoView>& views, const SurfaceComparison& comparison) {
  std::vector<SurfaceComparison::Seen> seen;
  for (const PhotoView& view : views) seen.push_back(comparison.look(view));
  std::vector<PairStops> pairs;
  for (std::size_t step = 1; step <= views.size() / 2; step *= 2) {
    for (std::size_t i = 0; i < views.size(); ++i) {
      const std::size_t j = (i + step) % views.size();
      if (2 * step == views.size() && j < i) continue;  // the same two
      const double turn = turn_deg(views[j].frame->azimuth_deg, views[i].frame->azimuth_deg);
      if (std::abs(turn) > kWidestDeg) continue;
      if (const auto pair = compared(comparison, i, j, turn / 90, seen)) pairs.push_back(*pair);
    }
  }
  double sum = 0;
  for (const PairStops& pair : pairs) sum += pair.weight;
  for (PairStops& pair : pairs) pair.weight *= static_cast<double>(pairs.size()) / sum;  // 1 on average
  return pairs;
}

// The gains of one channel and their standard errors.
struct Gains {
  Eigen::VectorXd stops, errors;
};

double residual(const PairStops& pair, std::size_t channel, const Eigen::VectorXd& x) {
  const auto i = static_cast<Eigen::Index>(pair.first), j = static_cast<Eigen::Index>(pair.second);
  return pair.stops[channel] + x[i] - x[j] + pair.turn * x[x.size() - 1];
}

// The unknowns are the gains and, last, what a quarter turn makes.
Gains solved(const std::vector<PairStops>& pairs, std::size_t channel, Eigen::Index count) {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(count + 1);
  Eigen::MatrixXd normal;
  double noise = kPrior;  // standard error of a pair of weight 1
  for (int round = 0; round < kRounds; ++round) {
    normal = Eigen::MatrixXd::Identity(count + 1, count + 1) / (kPrior * kPrior);
    normal(count, count) = 1 / (kTurnPrior * kTurnPrior);
    Eigen::VectorXd right = Eigen::VectorXd::Zero(count + 1);
    for (const PairStops& pair : pairs) {
      const double off = std::abs(residual(pair, channel, x)) * std::sqrt(pair.weight) / noise;
      const double weight = pair.weight / (noise * noise) * (off > kHuber ? kHuber / off : 1);
      Eigen::VectorXd row = Eigen::VectorXd::Zero(count + 1);
      row[static_cast<Eigen::Index>(pair.first)] = 1;
      row[static_cast<Eigen::Index>(pair.second)] = -1;
      row[count] = pair.turn;
      normal += weight * row * row.transpose();
      right -= weight * pair.stops[channel] * row;
    }
    x = normal.ldlt().solve(right);
    std::vector<double> off;
    for (const PairStops& pair : pairs) off.push_back(std::sqrt(pair.weight) * std::abs(residual(pair, channel, x)));
    // As many unknowns as there are views take their share of what differs.
    const double freedom = std::max(1.0, static_cast<double>(std::ssize(pairs) - count));
    noise = std::max(kSurest, kNormalMedian * median(off) * std::sqrt(static_cast<double>(pairs.size()) / freedom));
  }
  // Of what lies beside the mean of all, which no pair tells.
  const Eigen::MatrixXd beside = Eigen::MatrixXd::Identity(count, count) -
                                 Eigen::MatrixXd::Constant(count, count, 1.0 / static_cast<double>(count));
  const Eigen::MatrixXd variance = normal.ldlt().solve(Eigen::MatrixXd::Identity(count + 1, count + 1));
  const Eigen::MatrixXd centred = beside * variance.topLeftCorner(count, count) * beside;
  return {x.head(count), centred.diagonal().cwiseMax(0).cwiseSqrt()};
}

// Share of the vehicle that is white in all channels.
double white_share(const cv::Mat& rgba) {
  std::int64_t white = 0, all = 0;
  for (int y = 0; y < rgba.rows; ++y) {
    for (int x = 0; x < rgba.cols; ++x) {
      const auto& p = rgba.at<cv::Vec4b>(y, x);
      if (p[3] < kWhite) continue;
      ++all;
      white += std::min({p[0], p[1], p[2]}) >= kWhite;
    }
  }
  return all > 0 ? static_cast<double>(white) / static_cast<double>(all) : 0;
}

double mean_difference(const std::vector<PairStops>& pairs, const std::vector<ViewExposure>& views) {
  double sum = 0, weights = 0;
  for (const PairStops& pair : pairs) {
    for (std::size_t c = 0; c < 3; ++c)
      sum += pair.weight * std::abs(pair.stops[c] + views[pair.first].stops[c] - views[pair.second].stops[c]);
    weights += 3 * pair.weight;
  }
  return weights > 0 ? sum / weights : 0;
}

void name_over_exposed(const std::vector<PhotoView>& views, std::vector<ViewExposure>& out) {
  std::vector<double> shares;
  for (const PhotoView& view : views) shares.push_back(white_share(*view.picture));
  const double usual = median(shares);
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (shares[i] - usual <= kWhiteShare || (out[i].pixels > 0 && out[i].exposure() > -kOver)) continue;
    out[i].odd = fmt::format(
        "is over-exposed: {:.0f} % of the vehicle is white, of the others {:.0f} %, and no gain brings colours back: "
        "photograph it again",
        100 * shares[i], 100 * usual);
  }
}

// Exposure and white balance within their bounds, from a mean of zero.
void bound(std::vector<ViewExposure>& views, const ExposureOptions& options) {
  StopsGain mean{};
  const auto counts = [](const ViewExposure& view) { return view.odd.empty() && view.pixels > 0; };
  const auto counted = static_cast<double>(std::ranges::count_if(views, counts));
  for (const ViewExposure& view : views)
    for (std::size_t c = 0; c < 3 && counts(view); ++c) mean[c] += view.stops[c] / counted;
  for (ViewExposure& view : views) {
    if (view.pixels == 0) {
      view.stops = kNoGain;
      continue;
    }
    for (std::size_t c = 0; c < 3; ++c) view.stops[c] -= mean[c];
    const double exposure = view.exposure(), kept = std::clamp(exposure, -options.most_stops, options.most_stops);
    double most = 0;
    for (const double stops : view.stops) most = std::max(most, std::abs(stops - exposure));
    const double share = most > options.most_white_balance ? options.most_white_balance / most : 1;
    for (double& stops : view.stops) stops = rounded(kept + share * (stops - exposure), 3);
    if (kept != exposure && view.odd.empty())
      view.odd = fmt::format("is {:.1f} stops too {}: more than {:g} are not mended: photograph it again",
                             std::abs(exposure), exposure > 0 ? "dark" : "bright", options.most_stops);
    const double least = std::max(options.least, kSignificant * view.error);
    const auto seen = [&](double stops) { return std::abs(stops) >= least; };
    if (std::ranges::none_of(view.stops, seen)) view.stops = kNoGain;
  }
}

}  // namespace

double ViewExposure::exposure() const {
  return (stops[0] + stops[1] + stops[2]) / 3;
}

bool CommonExposure::changes() const {
  return std::ranges::any_of(views, [](const ViewExposure& view) { return view.stops != kNoGain; });
}

Json to_json(const ViewExposure& view) {
  if (view.stops == kNoGain) return {};
  Json white = Json::array();
  for (const double stops : view.stops) white.push_back(rounded(stops - view.exposure(), 3));
  return {{"stops", rounded(view.exposure(), 3)}, {"white_balance_stops", std::move(white)}};
}

CommonExposure common_exposure(const std::vector<PhotoView>& views, const std::vector<PhotoView>& carving, int width,
                               int height, const ExposureOptions& options) {
  const at::NoGradGuard no_grad;
  CommonExposure out;
  out.views.resize(views.size());
  if (views.size() < 2) return out;
  const std::vector<PairStops> pairs = pairs_of(views, SurfaceComparison(carving, width, height, kWidthCompared));
  for (const PairStops& pair : pairs)
    for (const std::size_t view : {pair.first, pair.second}) out.views[view].pixels += pair.pixels;
  out.before = mean_difference(pairs, out.views);
  for (std::size_t c = 0; c < 3; ++c) {
    const Gains gains = solved(pairs, c, static_cast<Eigen::Index>(views.size()));
    for (std::size_t i = 0; i < views.size(); ++i) {
      out.views[i].stops[c] = gains.stops[static_cast<Eigen::Index>(i)];
      out.views[i].error = std::max(out.views[i].error, gains.errors[static_cast<Eigen::Index>(i)]);
    }
  }
  name_over_exposed(views, out.views);
  bound(out.views, options);
  out.after = mean_difference(pairs, out.views);
  return out;
}

}  // namespace spinfill
