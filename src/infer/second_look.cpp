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
#include "data/walkaround/common_frame.h"
#include "data/walkaround/masked_photographs.h"
#include "infer/references.h"
#include "infer/walkaround_set.h"

namespace spinfill {
namespace {

// What was found about a folder's pictures, and the names of those whose masks the others contradict.
struct Looked {
  std::optional<FirstLook> found;  // none where no cameras can be found, which whoever needs them says
  std::set<std::string> odd;
};
Looked odd_masks(const fs::path& folder) {
  ViewSet set = read_references(folder, {}, /*quiet=*/true);  // completing reads it again and tells
  Stabilisation estimate;
  try {
    estimate = stabilise_set(set);
  } catch (const Error&) {
    return {};
  }
  set = with_cameras(set, estimate);
  set.missing.clear();
  const ReferencePictures pictures = read_reference_pictures(set, {}, /*quiet=*/true);
  std::vector<bool> trusted;
  for (const StabilisedView& view : estimate.views) trusted.push_back(view.trusted);
  Looked out{FirstLook{std::move(estimate), odd_references(set, pictures.frames, pictures.further, trusted)}, {}};
  std::size_t at = 0;
  for (const auto* list : {&set.frames, &set.further})
    for (const Frame& frame : *list)
      if (std::ranges::any_of(out.found->odd.at(at++), is_of_mask)) out.odd.insert(frame.file_path);
  return out;
}

cv::Mat previewed(const cv::Mat& alpha, const cv::Mat& like) {
  cv::Mat out;
  cv::resize(alpha, out, like.size(), 0, 0, cv::INTER_AREA);
  return out;
}

}  // namespace

std::optional<FirstLook> look_again(WalkaroundReport& report, std::vector<cv::Mat>& crops, const Photographs& listed,
                                    LazySegmenter& segmenter, const fs::path& folder) {
  Looked now = odd_masks(folder);
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
      Looked left = odd_masks(folder);
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

}  // namespace spinfill
