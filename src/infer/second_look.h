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

// Masks that contradict the others' silhouettes, or reach below the vehicle (Oddity::contradicting, oversized_mask),
// are made again from other looks at their photographs (data/walkaround/vehicle_mask.h); the first with which the set's
// masks agree is kept in `crops`, `report` and the folder, which write_walkaround_set() has written, and told.
// Photographs that came cut out stay as they are. What was found about the pictures that lie in the folder now; none
// where no cameras can be found.
std::optional<FirstLook> look_again(WalkaroundReport& report, std::vector<cv::Mat>& crops, const Photographs& listed,
                                    LazySegmenter& segmenter, const std::filesystem::path& folder);

}  // namespace spinfill
