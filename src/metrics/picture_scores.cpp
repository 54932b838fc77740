// SPDX-License-Identifier: Apache-2.0
#include "metrics/picture_scores.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <opencv2/core.hpp>

#include "core/error.h"
#include "core/log.h"
#include "core/side_by_side.h"
#include "data/pictures/picture.h"
#include "data/sets/picture_names.h"
#include "metrics/image_metrics.h"
#include "metrics/picture_size.h"
#include "metrics/report.h"

namespace spinfill {
namespace {

// The pictures of a folder, sorted as set operations want them; pictures that cannot be read are named.
std::vector<std::string> picture_names(const fs::path& folder) {
  FolderListing listing = list_pictures(folder);
  for (const auto* unread : {&listing.other_formats, &listing.other_endings}) {
    if (unread->empty()) continue;
    log_warning("{}: {} pictures passed over, neither .png, .jpg nor .webp: {}", folder.string(), unread->size(),
                first_names(*unread));
  }
  std::ranges::sort(listing.pictures);
  return listing.pictures;
}

struct Rgba {
  at::Tensor colour;  // [3,H,W] float32 in [0,1]
  at::Tensor alpha;   // [1,H,W]
  bool opaque;
};
Rgba read_rgba(const fs::path& path) {
  cv::Mat picture = read_picture(path);
  if (!picture.isContinuous()) picture = picture.clone();
  const at::Tensor values =
      at::from_blob(picture.data, {picture.rows, picture.cols, 4}, at::kByte).permute({2, 0, 1}).to(at::kFloat) / 255;
  const at::Tensor alpha = values.narrow(0, 3, 1).contiguous();
  return {values.narrow(0, 0, 3).contiguous(), alpha, alpha.min().item<float>() == 1.f};
}

std::string size_of(const Rgba& picture) {
  return fmt::format("{}×{}", picture.colour.size(2), picture.colour.size(1));
}

struct ScoredPair {
  PictureScore score;
  std::string no_ssim, no_lpips;  // why they are absent
  Embedding embedding, of_truth;  // where there is a network for them
};

// Each picture decides for itself: one too small for a metric is scored without it.
ScoredPair score_pair(const fs::path& a, const fs::path& b, const fs::path& mask, const Lpips* lpips,
                      const PictureScoreOptions& options) {
  const Rgba picture = read_rgba(a), truth = read_rgba(b);
  if (picture.colour.sizes() != truth.colour.sizes()) {
    fail("{} is {} px and {} is {} px; scores need one size", a.string(), size_of(picture), b.string(), size_of(truth));
  }
  const at::Tensor background =
      at::tensor({options.background[0], options.background[1], options.background[2]}, at::kFloat).view({3, 1, 1});
  const auto composited = [&](const Rgba& p) {
    return rounded_to_8_bits(p.colour * p.alpha + background * (1 - p.alpha));
  };
  const std::int64_t width = truth.colour.size(2), height = truth.colour.size(1);
  ScoredPair pair;
  pair.no_ssim = too_small_for_ssim(width, height);
  if (lpips != nullptr) pair.no_lpips = too_small_for(*lpips, width, height);
  PictureScore& score = pair.score;
  score.name = a.filename().string();
  at::Tensor weights = at::zeros_like(truth.alpha);  // no foreground: its scores become NaN
  if (!mask.empty()) {
    const Rgba m = read_rgba(mask);
    if (m.colour.sizes() != truth.colour.sizes()) {
      fail("the mask {} is {} px and {} is {} px; they must be of one size", mask.string(), size_of(m), b.string(),
           size_of(truth));
    }
    weights = m.opaque ? m.colour.mean(0, true) : m.alpha;
    score.foreground = "mask";
  } else if (!truth.opaque) {
    weights = truth.alpha;
    score.foreground = "alpha";
  }
  const at::Tensor shown = composited(picture).unsqueeze(0), true_colours = composited(truth);
  std::vector<Scores> scores = score_pictures(shown, true_colours, weights, pair.no_lpips.empty() ? lpips : nullptr);
  score_by_nets(options.nets, shown, true_colours, {}, scores);
  if (options.nets.identity) {
    pair.embedding = options.nets.identity->embedding(shown[0]);
    pair.of_truth = options.nets.identity->embedding(true_colours);
  }
  score.scores = scores.front();
  return pair;
}

}  // namespace

PictureScores score_files(const fs::path& a, const fs::path& b, const Lpips* lpips, const std::string& lpips_absent,
                          const PictureScoreOptions& options) {
  PictureScores result;
  result.lpips_absent = lpips == nullptr ? lpips_absent : std::string();
  std::vector<Embedding> in_a_embedded, in_b_embedded;
  const auto keep = [&](ScoredPair pair) {
    if (options.nets.identity) {
      in_a_embedded.push_back(std::move(pair.embedding));
      in_b_embedded.push_back(std::move(pair.of_truth));
    }
    const std::string& name = pair.score.name;
    if (!pair.no_lpips.empty()) result.lpips_absent = fmt::format("{}: {}", name, pair.no_lpips);
    if (!pair.no_ssim.empty()) result.ssim_absent = fmt::format("{}: {}", name, pair.no_ssim);
    result.pictures.push_back(std::move(pair.score));
  };
  for (const fs::path& path : {a, b}) {
    if (!fs::exists(path)) fail("{}: there is no such file or folder", path.string());
  }
  const bool folders = fs::is_directory(a);
  if (folders != fs::is_directory(b)) {
    fail_usage("{} and {}: give two pictures or two folders", a.string(), b.string());
  }
  if (!options.mask.empty() && folders != fs::is_directory(options.mask)) {
    fail_usage("--mask {}: give a {} like the pictures", options.mask.string(), folders ? "folder" : "picture");
  }
  if (!folders) {
    keep(score_pair(a, b, options.mask, lpips, options));
    return result;
  }
  const auto in_a = picture_names(a), in_b = picture_names(b);
  std::vector<std::string> common;
  std::set_intersection(in_a.begin(), in_a.end(), in_b.begin(), in_b.end(), std::back_inserter(common));
  std::set_difference(in_a.begin(), in_a.end(), in_b.begin(), in_b.end(), std::back_inserter(result.only_in_a));
  std::set_difference(in_b.begin(), in_b.end(), in_a.begin(), in_a.end(), std::back_inserter(result.only_in_b));
  if (common.empty()) {
    fail_usage("{} and {} have no picture of the same file name ({} and {} pictures)", a.string(), b.string(),
               in_a.size(), in_b.size());
  }
  for (const std::string& name : common) {
    if (!options.mask.empty() && !fs::exists(options.mask / name)) {
      fail_usage("--mask {}: lacks {}", options.mask.string(), name);
    }
  }
  const auto at_once = static_cast<std::size_t>(processors());
  for (std::size_t first = 0; first < common.size(); first += at_once) {
    auto pairs = side_by_side(std::min(at_once, common.size() - first), [&](std::size_t i) {
      const std::string& name = common[first + i];
      return score_pair(a / name, b / name, options.mask.empty() ? fs::path() : options.mask / name, lpips, options);
    });
    for (ScoredPair& pair : pairs) keep(std::move(pair));
  }
  if (in_a_embedded.size() > 1) result.sets = set_distances(in_a_embedded, in_b_embedded);
  return result;
}

Average PictureScores::average() const {
  Average average;
  average.images = static_cast<std::int64_t>(pictures.size());
  for (const PictureScore& picture : pictures) {
    for (std::size_t k = 0; k < kMetrics; ++k) {
      if (std::isnan(picture.scores[k])) continue;
      ++average.counts[k];
      average.mean[k] += picture.scores[k];
    }
  }
  for (std::size_t k = 0; k < kMetrics; ++k) {
    average.mean[k] = average.counts[k] > 0 ? average.mean[k] / average.counts[k] : std::nan("");
  }
  return average;
}

Json picture_scores_to_json(const PictureScores& scores, const PictureScoreOptions& options, const Lpips* lpips) {
  Json value;
  Protocol protocol;
  protocol.lpips_absent = scores.lpips_absent;
  protocol.ssim_absent = scores.ssim_absent;
  if (lpips != nullptr) {
    protocol.lpips_net = lpips->net();
    protocol.lpips_sha256 = lpips->sha256();
  }
  note_nets(protocol, options.nets);
  Json& p = value["protocol"] = Json::object();
  const Json full = protocol_to_json(protocol);
  for (const char* key : {"format", "lpips_net", "lpips_weights_sha256", "lpips_absent", "ssim_absent", "identity",
                          "identity_absent", "dists_weights_sha256", "dists_absent", "definitions"}) {
    p[key] = full[key];
  }
  for (const char* key : {"st_lpips_net", "st_lpips_weights_sha256"})
    if (full.contains(key)) p[key] = full[key];
  p["background"] = options.background;
  p["round_to_8_bits"] = true;
  const Average average = scores.average();
  Json& overall = value["overall"] = Json::object();
  overall["images"] = average.images;
  overall["foreground_images"] = average.counts[1];
  overall.update(scores_to_json(average.mean));
  value["sets"] = scores.sets ? set_distances_to_json(*scores.sets) : Json();
  Json& images = value["images"] = Json::array();
  for (const PictureScore& picture : scores.pictures) {
    Json row;
    row["name"] = picture.name;
    row["foreground"] = picture.foreground.empty() ? Json() : Json(picture.foreground);
    row.update(scores_to_json(picture.scores));
    images.push_back(std::move(row));
  }
  value["only_in_a"] = scores.only_in_a;
  value["only_in_b"] = scores.only_in_b;
  return value;
}

std::string picture_scores_table(const PictureScores& scores) {
  std::vector<std::vector<std::string>> rows = {{""}};
  const Scores mean = scores.average().mean;
  std::vector<std::size_t> shown;  // of the nets those that were there
  for (std::size_t k = 0; k < kMetrics; ++k)
    if (k < kPictureMetrics || !std::isnan(mean[k])) shown.push_back(k);
  for (const std::size_t k : shown) rows[0].emplace_back(kMetricLabels[k]);
  const auto add = [&](const std::string& name, const Scores& values) {
    rows.push_back({name});
    for (const std::size_t k : shown) rows.back().push_back(score_text(k, values[k]));
  };
  for (const PictureScore& picture : scores.pictures) add(picture.name, picture.scores);
  if (scores.pictures.size() > 1) add(fmt::format("mean of {}", scores.pictures.size()), mean);
  return aligned_table(rows);
}

std::array<double, 3> parse_background(const std::string& text) {
  if (text == "white") return {1, 1, 1};
  if (text == "black") return {0, 0, 0};
  if (text == "grey") return {128 / 255., 128 / 255., 128 / 255.};
  std::array<double, 3> colour{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int c = 0; c < 3; ++c) {
    int value = -1;
    const auto [stop, error] = std::from_chars(at, end, value);
    const bool last = c == 2;
    if (error != std::errc() || value < 0 || value > 255 || (last ? stop != end : stop == end || *stop != ',')) {
      fail_usage("--background {}: white, black, grey or R,G,B with 0 to 255 each", text);
    }
    colour[c] = value / 255.;
    at = last ? stop : stop + 1;
  }
  return colour;
}

}  // namespace spinfill
