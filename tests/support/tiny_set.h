// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/sets/view_set.h"

namespace spinfill::test {

// A vehicle that costs a millisecond: an ellipsoid of semi-axes (0.5, 0.22, 0.17) with a dark band of windows, a bright
// front, a red rear, a spot on its left side only, and paint that depends on the seed. Rendered analytically with
// anti-aliased alpha, from exactly the cameras that transforms.json states.
struct TinySetOptions {
  std::string id = "tiny";
  std::string category = "sedan";
  int width = 48, height = 32;                        // px
  std::vector<int> slots = {0, 1, 2, 3, 4, 5, 6, 7};  // azimuth 45·slot
  std::uint64_t seed = 1;                             // paint, elevation and distance
  bool cameras = true;                                // false: transforms.json gives azimuths only
  std::vector<float> identity = {};                   // written as identity.safetensors when not empty
  bool normals = false;                               // normal pictures, too
};
Turntable tiny_turntable(const TinySetOptions& options);
cv::Mat render_tiny_vehicle(const Camera& camera, std::uint64_t seed);  // RGBA, 8 bits, straight alpha
cv::Mat tiny_normals(const Camera& camera);  // CV_32FC3, unit, vehicle frame, 0 beside; at the pixels' centres
ViewSet write_tiny_set(const std::filesystem::path& folder, const TinySetOptions& options = {});

// Sets tiny-00, tiny-01, … of seeds 1, 2, … and alternating categories; splits.json gives the last set to test, the
// one before to val and the rest to train.
void write_tiny_data_set(const std::filesystem::path& folder, int count, const TinySetOptions& options = {});

// Sections of a run's configuration for such sets, all but `train`: a step takes milliseconds.
inline constexpr const char* kTinyModelYaml = R"(
data: {width: 24, height: 16, priors: {grid: 16}}
model:
  block_out_channels: [16, 16]
  attention_levels: [0, 1]
  attention_heads: 2
  cross_attention_dim: 16
  norm_num_groups: 4
optimizer: {warmup_steps: 2}
)";

}  // namespace spinfill::test
