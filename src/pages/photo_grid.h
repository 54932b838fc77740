// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "metrics/photo/photo_evaluation.h"

namespace spinfill {

// A labelled PNG of one sample at its photographs' size: a row per view asked for, cropped as it is scored, with truth,
// model, error |model − truth| as a heat map, and the baselines. Atomic.
void draw_photo_grid(const PhotoScored& scored, const std::filesystem::path& path);

}  // namespace spinfill
