// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/walkaround/report.h"

namespace spinfill {

// Writes the photographs that are used into `folder`, framed alike (data/walkaround/common_frame.h), with their
// azimuths in transforms.json, in their order. crops: one for each photograph, 8-bit straight RGBA.
void write_walkaround_set(const WalkaroundReport& report, const std::vector<cv::Mat>& crops,
                          const std::filesystem::path& folder);

}  // namespace spinfill
