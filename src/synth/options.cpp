// SPDX-License-Identifier: Apache-2.0
#include "synth/options.h"

#include <algorithm>
#include <cmath>
#include <thread>

#include "core/error.h"
#include "data/sets/categories.h"
#include "data/sets/view_set_reader.h"
#include "synth/import/orientation.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

int SynthOptions::picture_height() const {
  return height > 0 ? height : std::max(8, 8 * static_cast<int>(std::lround(width * 2.0 / 3.0 / 8.0)));
}

std::size_t SynthOptions::thread_count() const {
  return threads > 0 ? static_cast<std::size_t>(threads) : std::max(1U, std::thread::hardware_concurrency());
}

void SynthOptions::check() const {
  const auto range = [](const char* name, const Range& r, double low, double high) {
    if (!(r.low >= low && r.high <= high && r.low <= r.high)) {
      fail_usage("--{} {},{}: low,high within {} … {} is needed", name, r.low, r.high, low, high);
    }
  };
  if (out.empty()) fail_usage("--out: a folder is needed");
  if (sets < (meshes.empty() ? 1 : 0) || sets > 10'000'000) fail_usage("--sets {}: 1 … 10000000 is allowed", sets);
  if (width < 16 || width > 8192) fail_usage("--size {}: 16 … 8192 px is allowed", width);
  if (height != 0 && (height < 16 || height > 8192)) fail_usage("--height {}: 16 … 8192 px is allowed", height);
  if (threads < 0 || threads > 1024) fail_usage("--threads {}: 1 … 1024 is allowed, 0 for all processors", threads);
  if (views < 1 || views > kMaxFrames) fail_usage("--views {}: 1 … {} is allowed", views, kMaxFrames);
  const auto jitter = [](const char* name, double value, double most, const char* unit) {
    if (!(value >= 0 && value <= most)) fail_usage("--{}-jitter {}: 0 … {}{} is allowed", name, value, most, unit);
  };
  jitter("azimuth", azimuth_jitter, 20, " degrees");
  jitter("elevation", elevation_jitter, 20, " degrees");
  jitter("scale", scale_jitter, 0.5, "");
  jitter("shift", shift_jitter, 0.3, "");
  jitter("roll", roll_jitter, 20, " degrees");
  range("elevation", elevation, -10, 60);
  range("focal", focal, 0.5, 20);
  range("fill", fill, 0.1, 0.97);
  if (render.samples < 1 || render.samples > 1024) fail_usage("--samples {}: 1 … 1024 is allowed", render.samples);
  if (render.edge_samples < 1 || render.edge_samples > 4096)
    fail_usage("--edge-samples {}: 1 … 4096 is allowed", render.edge_samples);
  for (const double share : splits) {
    if (!(share >= 0 && share <= 1e6))
      fail_usage("--splits {},{},{}: three shares ≥ 0 are needed", splits[0], splits[1], splits[2]);
  }
  if (splits[0] + splits[1] + splits[2] <= 0) fail_usage("--splits: at least one share must be above 0");
  for (const auto& [name, text] : {std::pair{"--up", up}, std::pair{"--front", front}}) {
    if (text != "auto" && !is_axis(text)) fail_usage("{} {}: auto, x, -x, y, -y, z or -z is needed", name, text);
  }
  if (meshes.empty() && (up != "auto" || front != "auto")) fail_usage("--up and --front are for --meshes");
  if (variants < 0 || variants > 100'000) fail_usage("--variants {}: 1 … 100000 is allowed", variants);
  if (variants > 0 && meshes.empty()) fail_usage("--variants is for --meshes");
  if (variants > 0 && sets > 0)
    fail_usage("--variants {}: gives the number of sets itself; leave out --sets", variants);
  if (meshes.empty() && skip_bad) fail_usage("--skip-bad is for --meshes");
  if (meshes.empty()) {
    for (const auto& category : categories) {
      if (std::find(kCategories.begin(), kCategories.end(), category) == kCategories.end()) {
        fail_usage("--categories {}: not one of {}", category, fmt::join(kCategories, ", "));
      }
    }
  }
}

void make_hand_held(SynthOptions& options, const std::function<bool(const std::string&)>& given) {
  const auto jitter = [&](const char* name, double& value, double by_hand) {
    if (!given(name)) value = by_hand;
  };
  jitter("--azimuth-jitter", options.azimuth_jitter, 15);
  jitter("--elevation-jitter", options.elevation_jitter, 5);
  jitter("--scale-jitter", options.scale_jitter, 0.08);
  jitter("--shift-jitter", options.shift_jitter, 0.04);
  jitter("--roll-jitter", options.roll_jitter, 1.5);
  if (!given("--elevation")) options.elevation = {5, 15};
  if (!given("--focal")) options.focal = {1.1, 2.8};
}

}  // namespace spinfill::synth
