// SPDX-License-Identifier: Apache-2.0
#include "synth/render/environment.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {
namespace {

struct Level {
  float roughness;
  int width;  // 0: as wide as the picture
};
constexpr std::array<Level, 7> kLevels = {
    {{0.04f, 0}, {0.12f, 256}, {0.22f, 128}, {0.35f, 64}, {0.5f, 64}, {0.7f, 32}, {1, 32}}};
constexpr int kWidest = 1024, kBeamWidth = 256, kLobeSamples = 192, kSectors = 12;

// Direction of a point of an equirectangular picture; u, v in [0, 1], v downwards.
Vec3 direction_at(float u, float v) {
  const float azimuth = 2 * kPi * (0.5f - u), polar = kPi * v;
  return {std::sin(polar) * std::cos(azimuth), std::sin(polar) * std::sin(azimuth), std::cos(polar)};
}

Vec3 texel(const cv::Mat& picture, int x, int y) {
  const auto& p = picture.at<cv::Vec3f>(y, x);
  return {p[0], p[1], p[2]};
}

// Bilinear; goes on round the sphere, and stops at the poles.
Vec3 looked_up(const cv::Mat& picture, const Vec3& d) {
  const float u = 0.5f - std::atan2(d.y(), d.x()) / (2 * kPi), v = std::acos(std::clamp(d.z(), -1.0f, 1.0f)) / kPi;
  const float x = u * static_cast<float>(picture.cols) - 0.5f;
  const float y = std::clamp(v * static_cast<float>(picture.rows) - 0.5f, 0.0f, static_cast<float>(picture.rows - 1));
  const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(y), y1 = std::min(y0 + 1, picture.rows - 1);
  const int left = (x0 + picture.cols) % picture.cols, right = (x0 + 1) % picture.cols;
  const float tx = x - static_cast<float>(x0), ty = y - static_cast<float>(y0);
  return mix(mix(texel(picture, left, y0), texel(picture, right, y0), tx),
             mix(texel(picture, left, y1), texel(picture, right, y1), tx), ty);
}

// Visits (x, y, direction, solid angle) of every texel.
template <class Visit>
void each_texel(cv::Size size, const Visit& visit) {
  for (int y = 0; y < size.height; ++y) {
    const float v = (static_cast<float>(y) + 0.5f) / static_cast<float>(size.height);
    const float area =
        std::sin(kPi * v) * (kPi / static_cast<float>(size.height)) * (2 * kPi / static_cast<float>(size.width));
    for (int x = 0; x < size.width; ++x) {
      visit(x, y, direction_at((static_cast<float>(x) + 0.5f) / static_cast<float>(size.width), v), area);
    }
  }
}

cv::Mat reduced(const cv::Mat& picture, int width) {
  if (picture.cols <= width) return picture;
  cv::Mat out;
  cv::resize(picture, out, {width, width / 2}, 0, 0, cv::INTER_AREA);
  return out;
}

// Of unit mean luminance. Doubles, since the file's unit may be any.
cv::Mat normalised(const cv::Mat& picture, const std::string& where) {
  double sum = 0, areas = 0;
  each_texel(picture.size(), [&](int x, int y, const Vec3&, float area) {
    const auto& p = picture.at<cv::Vec3f>(y, x);
    sum += area * (0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2]);
    areas += area;
  });
  if (!(sum > 0)) fail("{}: is black: no light comes from it", where);
  cv::Mat out;
  picture.convertTo(out, CV_64F, areas / sum);
  out.convertTo(out, CV_32F);
  return out;
}

// The radical inverse of base 2: with i / n, a Hammersley set.
float radical_inverse(std::uint32_t bits) {
  bits = (bits << 16) | (bits >> 16);
  bits = ((bits & 0x55555555U) << 1) | ((bits & 0xAAAAAAAAU) >> 1);
  bits = ((bits & 0x33333333U) << 2) | ((bits & 0xCCCCCCCCU) >> 2);
  bits = ((bits & 0x0F0F0F0FU) << 4) | ((bits & 0xF0F0F0F0U) >> 4);
  bits = ((bits & 0x00FF00FFU) << 8) | ((bits & 0xFF00FF00U) >> 8);
  return static_cast<float>(bits) * 0x1.0p-32f;
}

struct LobeSample {
  Vec3 direction;  // about +Z
  float weight;
  std::size_t source;  // which of the reduced pictures has texels about as large as the sample's share of the lobe
};

// Filtered importance sampling (Křivánek and Colbert, "Real-time shading with filtered importance sampling", EGSR
// 2008).
std::vector<LobeSample> lobe_samples(float roughness, const std::vector<cv::Mat>& sources) {
  const float alpha = roughness * roughness, a2 = alpha * alpha;
  std::vector<LobeSample> out;
  for (std::uint32_t i = 0; i < kLobeSamples; ++i) {
    const float u = (static_cast<float>(i) + 0.5f) / kLobeSamples, angle = 2 * kPi * radical_inverse(i);
    const float cosine = std::sqrt((1 - u) / (1 + (a2 - 1) * u)), sine = std::sqrt(1 - cosine * cosine);
    const Vec3 half(sine * std::cos(angle), sine * std::sin(angle), cosine);
    const Vec3 direction = 2 * cosine * half - Vec3(0, 0, 1);
    if (direction.z() <= 0) continue;
    const float below = cosine * cosine * (a2 - 1) + 1, density = a2 / (kPi * below * below) / 4;  // D · cos / (4 cos)
    const float share = 1 / (kLobeSamples * density);
    std::size_t source = sources.size() - 1;
    const auto texel_area = [&](std::size_t k) {
      return 4 * kPi / static_cast<float>(sources[k].cols * sources[k].rows);
    };
    while (source > 0 && texel_area(source) > share) --source;
    out.push_back({direction, direction.z(), source});
  }
  return out;
}

}  // namespace

Environment::Environment(const cv::Mat& picture, const std::string& where) {
  if (picture.cols != 2 * picture.rows || picture.cols < 64)
    fail("{}: {}x{} px is no equirectangular picture: twice as wide as high, at least 64 px wide, is needed", where,
         picture.cols, picture.rows);
  const cv::Mat own = reduced(normalised(picture, where), kWidest);
  find_beams(own);
  blur(own);
}

void Environment::find_beams(const cv::Mat& picture) {
  const cv::Mat coarse = reduced(picture, kBeamWidth);
  std::array<Sector, kSectors> sectors;
  for (Sector& sector : sectors) sector = {{}, Vec3::Zero(), 0};
  each_texel(coarse.size(), [&](int x, int y, const Vec3& d, float area) {
    const Vec3 light = texel(coarse, x, y);
    // From above the horizon only: what lies below is the ground, which the vehicle darkens.
    const float excess = d.z() > 0 ? std::max(0.0f, 1 - kBeamLevel / std::max(kBeamLevel, luminance(light))) : 0;
    ambient_.add(d, area, (1 - excess) * light);
    if (excess <= 0) return;
    const Vec3 beam = excess * area / kPi * light;
    beams_ += beam * d.transpose();
    Sector& sector = sectors[static_cast<std::size_t>(x * kSectors / coarse.cols)];
    sector.towards += luminance(beam) * d;
    sector.light += luminance(beam);
    sector.texels.push_back({x, y, sector.light, light / luminance(light)});
  });
  for (Sector& sector : sectors) {
    for (Texel& each : sector.texels) {
      each.cumulative /= sector.light;
      each.power *= sector.light;
    }
    if (!sector.texels.empty()) sectors_.push_back(std::move(sector));
  }
}

void Environment::blur(const cv::Mat& picture) {
  levels_.push_back(picture);
  std::vector<cv::Mat> sources;
  for (int width = picture.cols; width >= 16; width /= 2) sources.push_back(reduced(picture, width));
  for (std::size_t k = 1; k < kLevels.size(); ++k) {
    const auto samples = lobe_samples(kLevels[k].roughness, sources);
    cv::Mat level(kLevels[k].width / 2, kLevels[k].width, CV_32FC3);
    each_texel(level.size(), [&](int x, int y, const Vec3& n, float) {
      const Vec3 side = (std::abs(n.z()) < 0.9f ? Vec3(0, 0, 1) : Vec3(1, 0, 0)).cross(n).normalized();
      const Vec3 up = n.cross(side);
      Vec3 sum = Vec3::Zero();
      float weights = 0;
      for (const LobeSample& s : samples) {
        sum += s.weight *
               looked_up(sources[s.source], s.direction.x() * side + s.direction.y() * up + s.direction.z() * n);
        weights += s.weight;
      }
      sum /= weights;
      level.at<cv::Vec3f>(y, x) = {sum.x(), sum.y(), sum.z()};
    });
    levels_.push_back(level);
  }
}

Vec3 Environment::radiance(const Vec3& direction, float roughness) const {
  std::size_t k = 0;
  while (k + 1 < kLevels.size() && kLevels[k + 1].roughness <= roughness) ++k;
  Vec3 light = looked_up(levels_[k], direction);
  if (k + 1 == kLevels.size() || roughness <= kLevels[k].roughness) return light;
  const float t = (roughness - kLevels[k].roughness) / (kLevels[k + 1].roughness - kLevels[k].roughness);
  return mix(light, looked_up(levels_[k + 1], direction), t);
}

Vec3 Environment::irradiance(const Vec3& normal) const {
  // The beams as one: exact where they stand on one side of the surface.
  return ambient(normal) + Vec3(beams_ * normal).cwiseMax(0.0f);
}

Light::Beam Environment::beam(const Vec2& at, const Vec3& normal) const {
  std::array<float, kSectors> weights;
  float total = 0;
  for (std::size_t i = 0; i < sectors_.size(); ++i) {
    // Some of it may be faced where its mean is not.
    weights[i] = std::max(0.0f, normal.dot(sectors_[i].towards)) + 0.02f * sectors_[i].light;
    total += weights[i];
  }
  float left = at.x() * total;
  std::size_t chosen = 0;
  while (chosen + 1 < sectors_.size() && left >= weights[chosen]) left -= weights[chosen++];
  const auto& texels = sectors_[chosen].texels;
  left = std::clamp(left / weights[chosen], 0.0f, 1.0f);
  const auto found = std::ranges::lower_bound(texels, left, {}, &Texel::cumulative);
  const Texel& texel = found == texels.end() ? texels.back() : *found;
  const float before = &texel == texels.data() ? 0 : (&texel - 1)->cumulative;
  // What is left of both numbers moves the direction within the texel.
  const float along = std::clamp((left - before) / std::max(1e-9f, texel.cumulative - before), 0.0f, 1.0f);
  const auto width = static_cast<float>(std::min(kBeamWidth, levels_[0].cols));
  return {
      direction_at((static_cast<float>(texel.x) + along) / width, (static_cast<float>(texel.y) + at.y()) / (width / 2)),
      total / weights[chosen] * texel.power};
}

}  // namespace spinfill::synth
