// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "data/photo/odd_references.h"
#include "data/photo/photo_warp.h"
#include "data/spins/stabilise.h"

namespace spinfill {

// A set's references and what each of them is worth.
struct WeighedReferences {
  ViewSet set;                            // with their cameras
  std::optional<Stabilisation> estimate;  // of these; none where they were stated or are the turntable's
  std::vector<Oddities> odd;              // of set.frames and set.further, in their order
};
// What a first look at the same references found: their cameras, and what is odd about each.
struct FirstLook {
  Stabilisation estimate;
  std::vector<Oddities> odd;
};
// Looks for references that differ from the others and warns of each, once per picture and problem. `set` has the
// cameras of `estimate`, where there is one, which is then made again without the silhouettes that contradict the
// others: they bend the others' cameras, too. `pictures` as in odd_references(), whose answer for `estimate` is
// `known`, unless that is null.
WeighedReferences weigh_references(ViewSet set, std::optional<Stabilisation> estimate, const SlotPictures& pictures,
                                   const std::vector<cv::Mat>& further = {},
                                   const std::vector<Oddities>* known = nullptr);

// `set`, whose frames and further ones are those that `odd` is about, without those that weigh nothing: what views are
// generated from.
ViewSet without_contradicting(ViewSet set, const std::vector<Oddities>& odd);
SlotWeights weights_of(const ViewSet& set, const std::vector<Oddities>& odd);
// Of the further frames that are left then; `further` holds the pictures of all.
std::vector<FurtherPicture> weighed_further(const ViewSet& set, const std::vector<cv::Mat>& further,
                                            const std::vector<Oddities>& odd);

}  // namespace spinfill
