// SPDX-License-Identifier: Apache-2.0
#include "data/photo/weighed_references.h"

#include <algorithm>
#include <string>

#include "core/log.h"

namespace spinfill {
namespace {

std::string path_of(const ViewSet& set, std::size_t frame) {
  return (set.folder / set.frames[frame].file_path).string();
}

// By frame: whether its silhouette is one that the others agree with.
std::vector<bool> agreeing(const std::vector<Oddities>& odd) {
  std::vector<bool> out;
  for (const Oddities& of : odd) {
    out.push_back(std::ranges::none_of(of, [](const OddReference& found) {
      return found.what == Oddity::contradicting || found.what == Oddity::oversized_mask;
    }));
  }
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

// Of further photographs, without which each primary view is still shown.
void leave_out_contradicting(WeighedReferences& weighed) {
  if (!weighed.estimate) return;
  std::size_t at = weighed.set.frames.size();
  std::erase_if(weighed.set.further, [&](const Frame& frame) {
    const bool leaves = !weighed.estimate->views.at(at++).trusted;
    if (leaves)
      log_warning("{}: is not used: its silhouette contradicts the others: check its azimuth ({:.0f}) and its mask",
                  (weighed.set.folder / frame.file_path).string(),
                  frame.stated_azimuth_deg.value_or(frame.azimuth_deg));
    return leaves;
  });
}

}  // namespace

WeighedReferences weigh_references(ViewSet set, std::optional<Stabilisation> estimate, const SlotPictures& pictures) {
  WeighedReferences out{std::move(set), std::move(estimate), {}};
  std::vector<bool> trusted;
  if (out.estimate)
    for (std::size_t i = 0; i < out.set.frames.size(); ++i) trusted.push_back(out.estimate->views[i].trusted);
  out.odd = odd_references(out.set, pictures, trusted);
  if (out.estimate && all_of(trusted)) {
    trusted = agreeing(out.odd);
    if (!all_of(trusted)) {
      out = estimated_without(out.set, trusted);
      log_info("{}: cameras estimated again without the silhouette that contradicts the others: confidence {:.2f}",
               out.set.id, out.estimate->confidence);
      out.odd = odd_references(out.set, pictures, trusted);
    }
  }
  leave_out_contradicting(out);
  for (std::size_t i = 0; i < out.odd.size(); ++i)
    for (const OddReference& found : out.odd[i])
      log_warning("{}: {}: {}", path_of(out.set, i), found.problem, found.advice);
  return out;
}

ViewSet without_contradicting(ViewSet set, const std::vector<Oddities>& odd) {
  std::size_t i = 0;
  std::erase_if(set.frames, [&](const Frame&) { return weight_of(odd[i++]) == 0; });
  return set;
}

SlotWeights weights_of(const ViewSet& set, const std::vector<Oddities>& odd) {
  SlotWeights weights = kEqualWeights;
  for (std::size_t i = 0; i < odd.size(); ++i)
    weights[static_cast<std::size_t>(set.frames[i].slot())] = weight_of(odd[i]);
  return weights;
}

}  // namespace spinfill
