// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/config/named.h"
#include "synth/render/renderer.h"

namespace spinfill::synth {

struct Range {
  double low, high;
};

// How drawn vehicles look: as they always did, or nearer to photographs.
enum class Look { plain, photo };

}  // namespace spinfill::synth

namespace spinfill {
template <>
inline constexpr Named<synth::Look> kNamesOf<synth::Look>[] = {{synth::Look::plain, "plain"},
                                                               {synth::Look::photo, "photo"}};
}  // namespace spinfill

namespace spinfill::synth {

struct SynthOptions {
  std::filesystem::path out;
  std::int64_t sets = 0;
  std::vector<std::string> categories;  // empty: all seven
  int width = 96, height = 0;           // px; height 0: two thirds of the width, a multiple of 8
  std::uint64_t seed = 0;
  int threads = 0;                                 // 0: as many as there are processors
  std::array<double, 3> splits = {0.8, 0.1, 0.1};  // train, val, test
  int views = 8;                                   // evenly spaced from azimuth 0
  // Departures of single photographs from the turntable, uniform in ± these. The written cameras include them.
  double azimuth_jitter = 0;    // degrees
  double elevation_jitter = 0;  // degrees
  double scale_jitter = 0;      // share of the size
  double shift_jitter = 0;      // share of the width, in both directions
  double roll_jitter = 0;       // degrees
  Range elevation = {3, 14};    // degrees
  Range focal = {1.8, 3.5};     // share of the picture's width
  Range fill = {0.85, 0.92};    // width of the vehicle in its widest view, share of the picture's width
  RenderOptions render;
  Look look = Look::plain;
  std::filesystem::path environments;       // light from these .hdr files instead of the studio
  bool masks = false;                       // alpha as a picture of its own
  bool replace = false;                     // an earlier output of synth
  std::filesystem::path meshes;             // render these models instead
  std::int64_t variants = 0;                // of each model: repainted, re-lit, stretched a little; 0: as they are
  std::string licence = "unknown";          // of these models
  std::string up = "auto", front = "auto";  // axes of the models: x, -x, y, -y, z, -z
  bool skip_bad = false;                    // go on without models that cannot be used
  void check() const;                       // exit 2
  std::size_t thread_count() const;
  int picture_height() const;
};

// Makes the views what people take by hand: azimuths up to 15° off, elevations of 0 to 20°, shorter focal lengths,
// framed and held unevenly. What is given stays; given(name) says so by the command line's name ("--azimuth-jitter").
void make_hand_held(SynthOptions& options, const std::function<bool(const std::string&)>& given);

}  // namespace spinfill::synth
