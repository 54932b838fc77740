// SPDX-License-Identifier: Apache-2.0
#include "synth/import/front_evidence.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace spinfill::synth {
namespace {

constexpr int kBins = 64;
constexpr std::size_t kSigns = 5;
using Signs = std::array<float, kSigns>;

// Height of the vehicle along its length, from the rear to the front, both from 0 to 1; and where it touches the
// ground.
struct Profile {
  std::array<float, kBins> top{};
  std::array<bool, kBins> ground{};
};

Profile profile_of(const std::vector<Vec3>& points, const Vec3& forward, const Vec3& up) {
  float low_x = 1e30f, high_x = -1e30f, low_z = 1e30f, high_z = -1e30f;
  for (const auto& p : points) {
    low_x = std::min(low_x, p.dot(forward));
    high_x = std::max(high_x, p.dot(forward));
    low_z = std::min(low_z, p.dot(up));
    high_z = std::max(high_z, p.dot(up));
  }
  Profile out;
  for (const auto& p : points) {
    const float x = (p.dot(forward) - low_x) / std::max(1e-12f, high_x - low_x),
                z = (p.dot(up) - low_z) / std::max(1e-12f, high_z - low_z);
    const auto bin = static_cast<std::size_t>(std::clamp(static_cast<int>(x * kBins), 0, kBins - 1));
    out.top[bin] = std::max(out.top[bin], z);
    if (z < 0.03f) out.ground[bin] = true;
  }
  return out;
}

// How far from an end the vehicle reaches a height.
float crossing(const Profile& profile, float level, bool from_front) {
  for (std::size_t i = 0; i < kBins; ++i) {
    if (profile.top[from_front ? kBins - 1 - i : i] >= level) return static_cast<float>(i) / kBins;
  }
  return 1;
}

// Length of the slope below the roof: that of a windscreen, or of a rear window.
float slope(const Profile& profile, bool at_front) {
  return std::min(0.12f, crossing(profile, 0.93f, at_front) - crossing(profile, 0.78f, at_front));
}

// What tells front from rear. Every sign changes its sign with the direction.
Signs signs_of(const Profile& profile) {
  constexpr std::size_t kEnd = 8;
  float weight = 0, moment = 0, front_end = 0, rear_end = 0;
  int first = kBins, last = -1;
  for (std::size_t i = 0; i < kBins; ++i) {
    const float above = std::max(0.0f, profile.top[i] - 0.6f);
    weight += above;
    moment += above * ((static_cast<float>(i) + 0.5f) / kBins - 0.5f);
    if (i < kEnd) rear_end += profile.top[i] / kEnd;
    if (i >= kBins - kEnd) front_end += profile.top[i] / kEnd;
    if (!profile.ground[i]) continue;
    first = std::min(first, static_cast<int>(i));
    last = static_cast<int>(i);
  }
  const float wheels = last - first > 20 ? static_cast<float>(first + last + 1) / 2 / kBins - 0.5f : 0;
  return {slope(profile, true) - slope(profile, false),  // a windscreen slopes more than a rear window
          -moment / std::max(1e-6f, weight),             // cabin and load lie behind the middle
          std::clamp(wheels, -0.06f, 0.06f),             // the front overhang is the shorter one
          rear_end - front_end,                          // the bonnet is lower than the tail
          crossing(profile, 0.75f, true) - crossing(profile, 0.75f, false)};  // and longer
}

struct Kind {
  Signs mean, spread;
};
// Of 60 drawn vehicles of each category (synth/vehicles), their spread widened by 0.3 of itself and 0.02, since real
// vehicles vary more.
constexpr std::array<Kind, 7> kKinds = {
    {{{-0.010f, 0.101f, 0.007f, 0.213f, 0.189f}, {0.080f, 0.036f, 0.028f, 0.051f, 0.083f}},   // sedan
     {{0.039f, 0.136f, 0.003f, 0.288f, 0.268f}, {0.049f, 0.033f, 0.027f, 0.070f, 0.062f}},    // suv
     {{0.031f, 0.119f, -0.011f, 0.259f, 0.237f}, {0.056f, 0.036f, 0.028f, 0.068f, 0.062f}},   // hatchback
     {{-0.007f, 0.146f, 0.029f, 0.318f, 0.307f}, {0.050f, 0.039f, 0.037f, 0.072f, 0.059f}},   // jeep
     {{0.069f, -0.009f, 0.028f, 0.080f, -0.113f}, {0.053f, 0.052f, 0.028f, 0.048f, 0.108f}},  // pickup
     {{0.053f, -0.099f, 0.027f, -0.344f, 0.002f}, {0.109f, 0.138f, 0.054f, 0.340f, 0.315f}},  // truck
     {{0.008f, 0.006f, 0.026f, 0.037f, 0.009f}, {0.031f, 0.024f, 0.046f, 0.050f, 0.031f}}}};  // bus
// Any other vehicle: as likely the one way as the other.
constexpr Kind kOther = {{}, {0.079f, 0.164f, 0.039f, 0.396f, 0.327f}};
constexpr float kShareOfOthers = 0.2f;

float density(const Kind& kind, const Signs& signs) {
  float exponent = 0, volume = 1;
  for (std::size_t k = 0; k < kSigns; ++k) {
    const float off = (signs[k] - kind.mean[k]) / kind.spread[k];
    exponent -= off * off / 2;
    volume *= kind.spread[k];
  }
  return std::exp(exponent) / volume;
}

float likelihood(const Signs& signs) {
  float sum = 0;
  for (const Kind& kind : kKinds) sum += density(kind, signs) / kKinds.size();
  return (1 - kShareOfOthers) * sum + kShareOfOthers * density(kOther, signs);
}

}  // namespace

float front_probability(const std::vector<Vec3>& points, const Vec3& forward, const Vec3& up) {
  const Signs ahead = signs_of(profile_of(points, forward, up));
  Signs behind = ahead;
  for (float& sign : behind) sign = -sign;
  const float a = likelihood(ahead), b = likelihood(behind);
  return a + b > 0 ? a / (a + b) : 0.5f;
}

}  // namespace spinfill::synth
