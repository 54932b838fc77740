// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/photo/weighed_references.h"
#include "data/walkaround/photographs.h"
#include "data/walkaround/report.h"
#include "data/walkaround/segmenter.h"

namespace spinfill {

// What can be told of the pictures of a folder that write_walkaround_set() has written; none where no cameras can be
// found, which whoever needs them says.
std::optional<FirstLook> first_look(const std::filesystem::path& folder);

// Both mend masks in `crops`, `report` and the folder, and tell of it, and return what is found about the pictures that
// lie there then; `found` is what was found about those that lie there now. Photographs that came cut out stay as they
// are.

// What of a mask no other photograph shows, a parked car behind the vehicle (data/spins/stray_pieces.h), is taken away;
// all stays as it is unless the masks fit together better then, and no more of them contradict the others.
std::optional<FirstLook> take_strays_away(WalkaroundReport& report, std::vector<cv::Mat>& crops,
                                          const Photographs& listed, const std::filesystem::path& folder,
                                          std::optional<FirstLook> found);

// Masks that contradict the others' silhouettes, or reach below the vehicle (Oddity::contradicting, oversized_mask),
// are made again from other looks at their photographs (data/walkaround/vehicle_mask.h); the first with which the set's
// masks agree is kept.
std::optional<FirstLook> look_again(WalkaroundReport& report, std::vector<cv::Mat>& crops, const Photographs& listed,
                                    LazySegmenter& segmenter, const std::filesystem::path& folder,
                                    std::optional<FirstLook> found);

}  // namespace spinfill
