// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace spinfill {

// What a random number is for. Streams never overlap, so that one use does not shift another.
enum class Stream : std::uint32_t {
  order = 1,     // order of samples
  subset,        // reference subsets
  augmentation,  // mirror, background, colour
  noise,         // diffusion noise and noise level
  dropout,       // conditioning dropout
  weights,       // initial weights
  vehicle,       // synthetic vehicles
  camera,        // synthetic cameras
  rendering,     // pixel and light samples
  sampling,      // generation
  test,
  replay,        // which samples come from the replayed data set
  surroundings,  // synthetic vehicles' environments
  details,       // synthetic vehicles' photo look
  bootstrap,     // which vehicles an interval draws
  close_up,      // windows of a loss at the photographs' size
};

// Counter-based generator: a pure function of (seed, index, stream), so that any sample's numbers can be drawn without
// those before it. Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t index, Stream stream);

  std::uint32_t bits();
  std::uint64_t bits64();
  double uniform();                          // [0, 1)
  double uniform(double low, double high);   // [low, high)
  std::int64_t integer(std::int64_t count);  // 0 … count−1, unbiased; count ≥ 1
  double normal();                           // N(0, 1)
  bool chance(double probability) { return uniform() < probability; }

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

// Philox4x32-10's block function, exposed for its known-answer test.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

}  // namespace spinfill
