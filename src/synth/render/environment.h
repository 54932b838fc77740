// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/random.h"
#include "synth/render/light.h"

namespace spinfill::synth {

// The light of a place, from an equirectangular picture of it (.hdr, twice as wide as high, horizon in the middle).
// Frame: +Z up; the picture's middle column lies along +X, columns to its left along +Y. Unit: the mean over the sphere
// has luminance 1.
class Environment {
 public:
  // `picture`: as decode_radiance gives it. Exit 3, a line that begins with `where`: not 2:1, below 64 px wide, black.
  Environment(const cv::Mat& picture, const std::string& where);

  // Blurred by the GGX lobe (Walter et al., EGSR 2007, eq. 33, α = roughness²) seen along its own normal: the
  // prefiltered environment of Karis, "Real shading in Unreal Engine 4", SIGGRAPH 2013 course.
  Vec3 radiance(const Vec3& direction, float roughness) const;
  // Irradiance over π: of everything, and without what is brighter than kBeamLevel.
  Vec3 irradiance(const Vec3& normal) const;
  Vec3 ambient(const Vec3& normal) const { return ambient_.irradiance(normal).cwiseMax(0.02f); }
  // What is brighter than that: importance sampling, first of a sector by how much of its light a surface with this
  // normal gets, then of a texel of it by its light.
  bool has_beams() const { return !sectors_.empty(); }
  Light::Beam beam(const Vec2& at, const Vec3& normal) const;

 private:
  struct Texel {
    int x, y;          // of the beams' picture
    float cumulative;  // share of its sector's light up to this one, 1 at the last
    Vec3 power;        // of the whole sector, in this texel's colour
  };
  struct Sector {
    std::vector<Texel> texels;  // not empty
    Vec3 towards;               // Σ luminance · direction
    float light;                // Σ luminance
  };
  void find_beams(const cv::Mat& picture);
  void blur(const cv::Mat& picture);

  std::vector<cv::Mat> levels_;  // [h,w] 3 × float, of the roughnesses in environment.cpp
  std::vector<Sector> sectors_;
  Eigen::Matrix3f beams_ = Eigen::Matrix3f::Zero();  // Σ light · directionᵀ over π
  Harmonics ambient_;
};

// What is brighter than so many times the mean casts shadows of its own.
inline constexpr float kBeamLevel = 6;

struct NamedEnvironment {
  std::string name;  // the file's
  Environment environment;
};

// All .hdr files of a folder, by name. Exit 2: no folder, none in it, or more than 200. Exit 3: one that cannot be
// used.
std::vector<NamedEnvironment> read_environments(const std::filesystem::path& folder);

// The light of one set: one of the environments, turned about the vertical, exposed and white-balanced as a camera
// does. Half of the sets stand on a turntable in it, half stand still and are walked round.
class EnvironmentLight final : public Light {
 public:
  // The environments are not empty and outlive the light.
  EnvironmentLight(const std::vector<NamedEnvironment>& environments, Random& random);

  Vec3 radiance(const Vec3& direction, float roughness) const override;
  Vec3 irradiance(const Vec3& normal) const override;
  Vec3 ambient(const Vec3& normal) const override;
  bool has_beams() const override { return chosen_.environment.has_beams(); }
  Beam beam(const Vec2& at, const Vec3& normal) const override;
  bool stands_with_camera() const override { return turntable_; }
  float exposure() const override { return exposure_; }
  // "potsdamer_platz_1k.hdr turned by 123°, turntable"
  std::string description() const;

 private:
  const NamedEnvironment& chosen_;
  float turn_ = 0;  // radians, counter-clockwise from above
  bool turntable_ = true;
  Vec3 balance_ = Vec3::Ones();
  float exposure_ = 1;
};

}  // namespace spinfill::synth
