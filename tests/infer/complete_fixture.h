// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include <opencv2/core.hpp>

#include "core/files/files.h"
#include "data/pictures/canonical.h"
#include "data/pictures/picture.h"
#include "data/sets/view_set_writer.h"
#include "infer/complete.h"
#include "infer/small_model.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill::test {

// The largest difference of two pictures' channels, 0…255.
inline double farthest(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(a, b, cv::NORM_INF);
}

// Sets to complete, and what became of them.
class Complete : public ::testing::Test {
 protected:
  fs::path references(const std::vector<int>& slots, bool cameras = true, int width = 48, int height = 32) {
    const fs::path to = folder_ / fmt::format("references-{}", made_++);
    write_tiny_set(to, {.width = width, .height = height, .slots = slots, .cameras = cameras});
    return to;
  }
  static CompleteOptions steps(std::int64_t count, std::uint64_t seed = 0) {
    CompleteOptions options;
    options.runner.sampler.steps = count;
    options.runner.seed = seed;
    return options;
  }
  static std::string file(const fs::path& folder, int slot) {
    return read_file(folder / fmt::format("{:03}.png", 45 * slot));
  }
  TemporaryFolder folder_;
  int made_ = 0;
};

// Pictures 120 px wide, large enough to tell their cameras, each scaled and shifted in its own way.
inline fs::path write_uneven_photographs(const fs::path& to, bool cameras) {
  ViewSet set = write_tiny_set(to, {.width = 120, .height = 80, .cameras = true});
  for (Frame& frame : set.frames) {
    const double wave = std::sin(1.0 + 2.0 * frame.slot());
    frame.camera = reframed(*frame.camera, {0.93 + 0.06 * wave, 0.03 * wave, 0.04 * std::cos(3.0 * frame.slot()), 0});
    write_png(to / frame.file_path, render_tiny_vehicle(*frame.camera, 1));
    if (!cameras) frame.camera.reset();
  }
  write_transforms(set);
  return to;
}

}  // namespace spinfill::test
