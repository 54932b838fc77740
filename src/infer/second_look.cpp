// SPDX-License-Identifier: Apache-2.0
#include "infer/second_look.h"

#include <algorithm>
#include <set>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "data/photo/odd_references.h"
#include "data/pictures/picture.h"
#include "data/spins/stabilise.h"
#include "data/spins/stray_pieces.h"
#include "data/walkaround/common_frame.h"
#include "data/walkaround/masked_photographs.h"
#include "infer/references.h"
#include "infer/walkaround_set.h"

namespace spinfill {
namespace {

constexpr int kRounds = 3;  // of taking away

// What was found about a folder's pictures, and the names of those whose masks the others contradict.
struct Looked {
  std::optional<FirstLook> found;
  std::set<std::string> odd;
};
Looked looked(const fs::path& folder, std::optional<FirstLook> found) {
  Looked out{std::move(found), {}};
  if (!out.found) return out;
  const ViewSet set = read_references(folder, {}, /*quiet=*/true);
  std::size_t at = 0;
  for (const auto* list : {&set.frames, &set.further})
    for (const Frame& frame : *list)
      if (std::ranges::any_of(out.found->odd.at(at++), is_of_mask)) out.odd.insert(frame.file_path);
  return out;
}

// `share` of a picture as one that lies in it sees it.
cv::Mat carried_back(const cv::Mat& share, const Similarity& place, const cv::Size& size) {
  // OpenCV's pixel centres lie at whole numbers.
  const Eigen::Vector2d offset = place.offset + place.linear * Eigen::Vector2d(0.5, 0.5) - Eigen::Vector2d(0.5, 0.5);
  const cv::Matx23d to(place.linear(0, 0), place.linear(0, 1), offset.x(), place.linear(1, 0), place.linear(1, 1),
                       offset.y());
  cv::Mat out;
  cv::warpAffine(share, out, to, size, cv::INTER_LINEAR | cv::WARP_INVERSE_MAP);
  return out;
}

cv::Rect seen_box(const cv::Mat& alpha) {
  return cv::boundingRect(cv::Mat(alpha >= kSeenAlpha));
}

// Where a photograph's preview lies in its crop: the vehicle's box is the same.
Similarity place_in_crop(const cv::Mat& preview_alpha, const cv::Mat& crop_alpha) {
  const cv::Rect from = seen_box(preview_alpha), to = seen_box(crop_alpha);
  Similarity place;
  place.linear *= static_cast<double>(to.width) / std::max(1, from.width);
  place.offset = Eigen::Vector2d(to.x, to.y) - place.linear * Eigen::Vector2d(from.x, from.y);
  return place;
}

// alpha·(1 − share), 8-bit.
cv::Mat without(const cv::Mat& alpha, const cv::Mat& share) {
  cv::Mat out;
  cv::multiply(alpha, 1 - share, out, 1, CV_8U);
  return out;
}

cv::Mat previewed(const cv::Mat& alpha, const cv::Mat& like) {
  cv::Mat out;
  cv::resize(alpha, out, like.size(), 0, 0, cv::INTER_AREA);
  return out;
}

}  // namespace

std::optional<FirstLook> first_look(const fs::path& folder) {
  ViewSet set = read_references(folder, {}, /*quiet=*/true);  // completing reads it again and tells
  Stabilisation estimate;
  try {
    estimate = stabilise_set(set);
  } catch (const Error&) {
    return std::nullopt;
  }
  set = with_cameras(set, estimate);
  set.missing.clear();
  const ReferencePictures pictures = read_reference_pictures(set, {}, /*quiet=*/true);
  std::vector<bool> trusted;
  for (const StabilisedView& view : estimate.views) trusted.push_back(view.trusted);
  std::vector<Oddities> odd = odd_references(set, pictures.frames, pictures.further, trusted);
  return FirstLook{std::move(estimate), std::move(odd)};
}

std::optional<FirstLook> look_again(WalkaroundReport& report, std::vector<cv::Mat>& crops, const Photographs& listed,
                                    LazySegmenter& segmenter, const fs::path& folder, std::optional<FirstLook> found) {
  Looked now = looked(folder, std::move(found));
  if (now.odd.empty()) return now.found;
  constexpr std::int64_t kLooks = std::ssize(kNamesOf<MaskLook>);
  Progress progress("masks again", kLooks * std::ssize(now.odd), "looks");
  std::int64_t photographs = 0;
  for (const std::size_t i : report.used_in_order()) {
    PhotographReport& one = report.photographs[i];
    if (!now.odd.contains(one.reference)) continue;
    std::int64_t looks = kLooks * photographs++;
    const cv::Mat rgba = read_picture(listed.path(one.file));
    if (is_cut_out(rgba)) {
      progress.update(kLooks * photographs);
      continue;
    }
    MaskedPhotograph again = masked_photograph(one.file, rgba, segmenter);
    const cv::Rect first = again.mask.box;
    const cv::Mat before = crops[i];
    bool agrees = false;
    for (const auto& [look, name] : kNamesOf<MaskLook>) {
      progress.update(looks++);
      again.mask = vehicle_mask(segmenter.get(), again.rgb, look, first);
      if (again.mask.box.empty()) continue;
      crops[i] = vehicle_crop(again.rgba(), again.mask.box);
      write_walkaround_set(report, crops, folder);
      Looked left = looked(folder, first_look(folder));
      if (left.odd.contains(one.reference) || left.odd.size() >= now.odd.size()) continue;
      agrees = true;
      now = std::move(left);
      one.mask = previewed(again.mask.alpha, one.preview);
      report.add_why(one.reference, fmt::format("its mask contradicted the others' and was made again, {}", name));
      log_info("{}: its mask contradicted the others and was made again, {}: they agree now", one.file, name);
      break;
    }
    progress.update(kLooks * photographs);
    if (agrees) continue;
    crops[i] = before;
    write_walkaround_set(report, crops, folder);
  }
  return now.found;
}

namespace {

// What is left of photographs, and what is told of each.
struct Trimmed {
  WalkaroundReport report;
  std::vector<cv::Mat> crops;
  std::vector<std::string> told;
};

std::vector<StrayPiece> strays_of(const ViewSet& set, const Stabilisation& estimate,
                                  std::vector<std::string>& references) {
  std::vector<SpinPicture> pictures;
  std::vector<Camera> cameras;
  for (const auto* list : {&set.frames, &set.further}) {
    for (const Frame& frame : *list) {
      const StabilisedView& view = estimate.views.at(pictures.size());
      pictures.push_back(spin_picture(set, frame));
      pictures.back().trusted = view.trusted;
      cameras.push_back(view.camera);
      references.push_back(frame.file_path);
    }
  }
  return stray_pieces(pictures, cameras, estimate.miss);
}

Trimmed trimmed(const WalkaroundReport& report, const std::vector<cv::Mat>& crops, const Photographs& listed,
                const fs::path& folder, const Stabilisation& estimate) {
  Trimmed out{report, crops, {}};
  std::vector<std::string> references;
  const std::vector<StrayPiece> strays = strays_of(read_references(folder, {}, /*quiet=*/true), estimate, references);
  const std::vector<std::size_t> used = report.used_in_order();
  std::vector<cv::Mat> shown;
  for (const std::size_t i : used) shown.push_back(crops[i]);
  const CommonFrame frame = common_frame(shown);
  for (std::size_t at = 0; at < used.size(); ++at) {
    const std::size_t i = used[at];
    PhotographReport& one = out.report.photographs[i];
    const auto k = std::ranges::find(references, one.reference) - references.begin();
    const StrayPiece& stray = strays.at(static_cast<std::size_t>(k));
    if (stray.share.empty() || is_cut_out(read_picture(listed.path(one.file)))) continue;
    cv::Mat alpha;
    cv::extractChannel(crops[i], alpha, 3);
    const cv::Mat share = carried_back(stray.share, frame.places[at], alpha.size());
    one.mask = without(one.mask, carried_back(share, place_in_crop(one.mask, alpha), one.mask.size()));
    out.crops[i] = crops[i].clone();
    cv::insertChannel(without(alpha, share), out.crops[i], 3);
    const std::string what =
        fmt::format("no other photograph shows {:.1f} % of its mask, which was taken away", 100 * stray.area);
    out.report.add_why(one.reference, what);
    out.told.push_back(fmt::format("{}: {}: something behind or beside the vehicle", one.file, what));
  }
  return out;
}

}  // namespace

std::optional<FirstLook> take_strays_away(WalkaroundReport& report, std::vector<cv::Mat>& crops,
                                          const Photographs& listed, const fs::path& folder,
                                          std::optional<FirstLook> found) {
  // What is gone bends no cameras any more, so that more may be seen.
  Looked before = looked(folder, std::move(found));
  for (int round = 0; before.found && round < kRounds; ++round) {
    Trimmed left = trimmed(report, crops, listed, folder, before.found->estimate);
    if (left.told.empty()) break;
    write_walkaround_set(left.report, left.crops, folder);
    Looked now = looked(folder, first_look(folder));
    const bool better = now.found && now.found->estimate.miss < before.found->estimate.miss;
    if (!better || now.odd.size() > before.odd.size()) {
      write_walkaround_set(report, crops, folder);
      break;
    }
    for (const std::string& line : left.told) log_info("{}", line);
    report = std::move(left.report);
    crops = std::move(left.crops);
    before = std::move(now);
  }
  return before.found;
}

}  // namespace spinfill
