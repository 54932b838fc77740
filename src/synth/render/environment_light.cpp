// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/radiance_file.h"
#include "synth/import/mesh_files.h"
#include "synth/render/environment.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {
namespace {

constexpr std::size_t kMaxEnvironments = 200;                 // all are kept: about 7 MiB each
constexpr std::uint64_t kMaxFile = std::uint64_t{160} << 20;  // an unpacked picture of the largest size

Vec3 turned(const Vec3& d, float angle) {
  const float c = std::cos(angle), s = std::sin(angle);
  return {c * d.x() - s * d.y(), s * d.x() + c * d.y(), d.z()};
}

}  // namespace

std::vector<NamedEnvironment> read_environments(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (lower(entry->path().extension().string()) == ".hdr") files.push_back(entry->path());
  }
  if (error) fail_usage("--environments {}: cannot be read: {}", folder.string(), error.message());
  if (files.empty()) fail_usage("--environments {}: has no .hdr file", folder.string());
  if (files.size() > kMaxEnvironments)
    fail_usage("--environments {}: {} files; at most {} are used at once", folder.string(), files.size(),
               kMaxEnvironments);
  std::ranges::sort(files);
  std::vector<NamedEnvironment> out;
  for (const auto& file : files) {
    const cv::Mat picture = decode_radiance(read_file(file, kMaxFile), file.string());
    out.push_back({file.filename().string(), Environment(picture, file.string())});
  }
  return out;
}

EnvironmentLight::EnvironmentLight(const std::vector<NamedEnvironment>& environments, Random& random)
    : chosen_(environments[static_cast<std::size_t>(random.integer(static_cast<std::int64_t>(environments.size())))]),
      turn_(static_cast<float>(random.uniform(0, 2 * std::numbers::pi))),
      turntable_(random.chance(0.5)) {
  // A camera sees what it looks at: the sides round about where it goes round, its own side on a turntable.
  Vec3 seen = irradiance(Vec3(0, 0, 1));
  const int sides = turntable_ ? 3 : 8;
  for (int i = 0; i < sides; ++i) {
    const float angle = turntable_ ? static_cast<float>(i - 1) * kPi / 4 : static_cast<float>(i) * kPi / 4;
    seen += 2.0f / static_cast<float>(sides) * irradiance({std::cos(angle), std::sin(angle), 0});
  }
  // White balance never takes away the whole cast.
  const auto strength = static_cast<float>(random.uniform(0.5, 0.95));
  for (int c = 0; c < 3; ++c) balance_[c] = std::pow(luminance(seen) / std::max(1e-3f, seen[c]), strength);
  exposure_ = static_cast<float>(random.uniform(0.85, 1.2)) * 3 / std::max(0.1f, luminance(seen));
}

Vec3 EnvironmentLight::radiance(const Vec3& direction, float roughness) const {
  return chosen_.environment.radiance(turned(direction, -turn_), roughness).cwiseProduct(balance_);
}

Vec3 EnvironmentLight::irradiance(const Vec3& normal) const {
  return chosen_.environment.irradiance(turned(normal, -turn_)).cwiseProduct(balance_);
}

Vec3 EnvironmentLight::ambient(const Vec3& normal) const {
  return chosen_.environment.ambient(turned(normal, -turn_)).cwiseProduct(balance_);
}

Light::Beam EnvironmentLight::beam(const Vec2& at, const Vec3& normal) const {
  const Beam beam = chosen_.environment.beam(at, turned(normal, -turn_));
  return {turned(beam.direction, turn_), beam.power.cwiseProduct(balance_)};
}

std::string EnvironmentLight::description() const {
  return fmt::format("{} turned by {:.0f}°, {}", chosen_.name, turn_ * 180 / kPi,
                     turntable_ ? "turntable" : "walked round");
}

}  // namespace spinfill::synth
