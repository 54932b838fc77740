// SPDX-License-Identifier: Apache-2.0
#include "data/photo/weighed_references.h"

#include <algorithm>
#include <string>

#include "core/log.h"

namespace spinfill {
namespace {

// By frame: whether its silhouette is one that the others agree with.
std::vector<bool> agreeing(const std::vector<Oddities>& odd) {
  std::vector<bool> out;
  for (const Oddities& of : odd) out.push_back(std::ranges::none_of(of, is_of_mask));
  return out;
}

bool all_of(const std::vector<bool>& trusted) {
  return std::ranges::find(trusted, false) == trusted.end();
}

WeighedReferences estimated_without(const ViewSet& set, const std::vector<bool>& trusted) {
  WeighedReferences out{as_photographed(set), {}, {}};
  for (auto* list : {&out.set.frames, &out.set.further})
    for (Frame& frame : *list) frame.camera.reset();
  out.set.missing.clear();
  out.estimate = stabilise_set(out.set, trusted);
  out.set = with_cameras(out.set, *out.estimate);
  return out;
}

}  // namespace

WeighedReferences weigh_references(ViewSet set, std::optional<Stabilisation> estimate, const SlotPictures& pictures,
                                   const std::vector<cv::Mat>& further, const std::vector<Oddities>* known) {
  WeighedReferences out{std::move(set), std::move(estimate), {}};
  std::vector<bool> trusted;
  if (out.estimate)
    for (const StabilisedView& view : out.estimate->views) trusted.push_back(view.trusted);
  out.odd = known != nullptr ? *known : odd_references(out.set, pictures, further, trusted);
  if (out.estimate && all_of(trusted)) {
    trusted = agreeing(out.odd);
    if (!all_of(trusted)) {
      out = estimated_without(out.set, trusted);
      log_info("{}: cameras estimated again without the silhouette that contradicts the others: confidence {:.2f}",
               out.set.id, out.estimate->confidence);
      trusted.clear();
      for (const StabilisedView& view : out.estimate->views) trusted.push_back(view.trusted);
      out.odd = odd_references(out.set, pictures, further, trusted);
    }
  }
  std::size_t at = 0;
  for (const auto* list : {&out.set.frames, &out.set.further})
    for (const Frame& frame : *list)
      for (const OddReference& found : out.odd.at(at++))
        log_warning("{}: {}: {}: {}", out.set.id, frame.file_path, found.problem, found.advice);
  return out;
}

ViewSet without_contradicting(ViewSet set, const std::vector<Oddities>& odd) {
  std::size_t i = 0;
  for (auto* list : {&set.frames, &set.further})
    std::erase_if(*list, [&](const Frame&) { return weight_of(odd.at(i++)) == 0; });
  return set;
}

SlotWeights weights_of(const ViewSet& set, const std::vector<Oddities>& odd) {
  SlotWeights weights = kEqualWeights;
  for (std::size_t i = 0; i < set.frames.size(); ++i)
    weights[static_cast<std::size_t>(set.frames[i].slot())] = weight_of(odd[i]);
  return weights;
}

std::vector<FurtherPicture> weighed_further(const ViewSet& set, const std::vector<cv::Mat>& further,
                                            const std::vector<Oddities>& odd) {
  std::vector<FurtherPicture> out;
  for (std::size_t i = 0; i < set.further.size(); ++i) {
    const double weight = weight_of(odd.at(set.frames.size() + i));
    if (weight > 0) out.push_back({further.at(i), weight});
  }
  return out;
}

}  // namespace spinfill
