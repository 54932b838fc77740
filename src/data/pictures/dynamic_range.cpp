// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/dynamic_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include <opencv2/core.hpp>

#include "core/error.h"

namespace spinfill {
namespace {

constexpr double kPeak = 1000, kReferenceWhite = 203;  // cd/m²; light is counted in reference whites below
constexpr double kPeakLight = kPeak / kReferenceWhite;
constexpr double kSystemGamma = 1.2;
constexpr int kSteps = 1 << 16;  // of a table: of every code there is, and of light finer than 8 bits can show

// HLG's inverse OETF (BT.2100-2, table 5): code → light of the scene, both 0 … 1.
double hlg_scene_light(double code) {
  constexpr double a = 0.17883277, b = 1 - 4 * a;
  const double c = 0.5 - a * std::log(4 * a);
  return code <= 0.5 ? code * code / 3 : (std::exp((code - c) / a) + b) / 12;
}

// PQ (BT.2100-2, table 4): code ↔ cd/m².
constexpr double kM1 = 2610.0 / 16384, kM2 = 2523.0 / 4096 * 128, kC1 = 3424.0 / 4096, kC2 = 2413.0 / 4096 * 32,
                 kC3 = 2392.0 / 4096 * 32;

double pq_luminance(double code) {
  const double root = std::pow(code, 1 / kM2);
  return 10000 * std::pow(std::max(root - kC1, 0.0) / (kC2 - kC3 * root), 1 / kM1);
}

double pq_code(double luminance) {
  const double root = std::pow(luminance / 10000, kM1);
  return std::pow((kC1 + kC2 * root) / (1 + kC3 * root), kM2);
}

// BT.2390's EETF for a black that stays: light → light ≤ 1.
double eetf(double light) {
  const double white = pq_code(kPeak), highest = pq_code(kReferenceWhite) / white;
  const double knee = 1.5 * highest - 0.5;
  const double from = std::min(pq_code(light * kReferenceWhite) / white, 1.0);
  if (from < knee) return light;
  const double t = (from - knee) / (1 - knee), t2 = t * t, t3 = t2 * t;
  const double to = (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (-2 * t3 + 3 * t2) * highest;
  return pq_luminance(to * white) / kReferenceWhite;
}

double srgb_code(double light) {
  return light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
}

template <class Function>
std::vector<float> tabulated(double highest, Function&& function) {
  std::vector<float> out(kSteps);
  for (int i = 0; i < kSteps; ++i)
    out[static_cast<std::size_t>(i)] = static_cast<float>(function(highest * i / (kSteps - 1)));
  return out;
}

float looked_up(const std::vector<float>& table, float share) {
  return table[static_cast<std::size_t>(cvRound(std::min(share, 1.0F) * (kSteps - 1)))];
}

// Between the steps, where a stair of the factor would be one of the product.
float interpolated(const std::vector<float>& table, float share) {
  const float at = share * (kSteps - 1);
  const auto i = std::min(static_cast<std::size_t>(at), table.size() - 2);
  return table[i] + (at - static_cast<float>(i)) * (table[i + 1] - table[i]);
}

// What the light of all pictures goes through.
struct ToneTables {
  std::vector<float> system = tabulated(1, [](double y) { return kPeakLight * std::pow(y, kSystemGamma - 1); });
  std::vector<float> tone = tabulated(kPeakLight, [](double m) { return m > 0 ? eetf(m) / m : 1; });
  std::vector<float> srgb = tabulated(1, [](double light) { return 255 * srgb_code(light); });
};

const ToneTables& tone_tables() {
  static const ToneTables tables;
  return tables;
}

const std::vector<float>& light_of_codes(DynamicRange range) {
  static const std::vector<float> hlg = tabulated(1, hlg_scene_light);
  static const std::vector<float> pq = tabulated(1, [](double code) { return pq_luminance(code) / kReferenceWhite; });
  return range == DynamicRange::hlg ? hlg : pq;
}

// Of the primaries of `Primaries`, white D65: the luminance of each, and the way to those of sRGB.
struct Gamut {
  cv::Vec3f luminance;
  cv::Matx33f to_srgb;
};
const std::array<Gamut, 3> kGamuts = {
    {{{0.212639F, 0.715169F, 0.072192F}, cv::Matx33f::eye()},
     {{0.228975F, 0.691739F, 0.079287F},
      {1.224940F, -0.224940F, 0, -0.042057F, 1.042057F, 0, -0.019638F, -0.078636F, 1.098274F}},
     {{0.262700F, 0.677998F, 0.059302F},
      {1.660491F, -0.587641F, -0.072850F, -0.124550F, 1.132900F, -0.008350F, -0.018151F, -0.100579F, 1.118730F}}}};

// `to_srgb` · light, clipped at 0. By the differences, since rows sum to 1: grey stays grey to the bit.
cv::Vec3f within_srgb(const cv::Vec3f& light, const cv::Matx33f& to_srgb) {
  cv::Vec3f out;
  for (int c = 0; c < 3; ++c) {
    out[c] = light[c];
    for (int j = 0; j < 3; ++j) out[c] += to_srgb(c, j) * (light[j] - light[c]);
    out[c] = std::max(out[c], 0.0F);
  }
  return out;
}

}  // namespace

std::string range_told(DynamicRange range) {
  return fmt::format("of high dynamic range ({}), tone-mapped to sRGB", range == DynamicRange::hlg ? "HLG" : "PQ");
}

DynamicRange dynamic_range_of(int transfer_characteristics) {
  return transfer_characteristics == 16   ? DynamicRange::pq
         : transfer_characteristics == 18 ? DynamicRange::hlg
                                          : DynamicRange::standard;
}

Primaries dynamic_range_primaries(int colour_primaries) {
  return colour_primaries == 1 ? Primaries::srgb : colour_primaries == 12 ? Primaries::display_p3 : Primaries::bt2020;
}

std::string coded_profile(int colour_primaries, int transfer_characteristics) {
  constexpr int kGamma22 = 4, kLinear = 8, kBt2020 = 9, kP3 = 12;
  const Primaries of = colour_primaries == kP3       ? Primaries::display_p3
                       : colour_primaries == kBt2020 ? Primaries::bt2020
                                                     : Primaries::srgb;
  const double gamma = transfer_characteristics == kGamma22 ? 2.2 : transfer_characteristics == kLinear ? 1 : 0;
  return of != Primaries::srgb || gamma != 0 ? rgb_profile(of, gamma) : "";
}

cv::Mat to_standard_range(const cv::Mat& rgb16, DynamicRange range, Primaries primaries) {
  const int channels = rgb16.channels();
  if (range == DynamicRange::standard || rgb16.depth() != CV_16U || (channels != 3 && channels != 4))
    fail("only pictures of 16 bits in PQ or HLG are brought to standard range");
  const std::vector<float>& light_of = light_of_codes(range);
  const ToneTables& tables = tone_tables();
  const Gamut& gamut = kGamuts[static_cast<std::size_t>(primaries)];
  cv::Mat out(rgb16.size(), CV_8UC(channels));
  for (int y = 0; y < rgb16.rows; ++y) {
    const auto* from = rgb16.ptr<std::uint16_t>(y);
    auto* to = out.ptr(y);
    for (int x = 0; x < rgb16.cols; ++x, from += channels, to += channels) {
      cv::Vec3f light(light_of[from[0]], light_of[from[1]], light_of[from[2]]);
      if (range == DynamicRange::hlg) light *= looked_up(tables.system, light.dot(gamut.luminance));
      light = within_srgb(light, gamut.to_srgb);
      const float most = std::max({light[0], light[1], light[2]});
      light *= most < float(kPeakLight) ? interpolated(tables.tone, most / float(kPeakLight)) : 1 / most;
      for (int c = 0; c < 3; ++c) to[c] = cv::saturate_cast<uchar>(looked_up(tables.srgb, light[c]));
      if (channels == 4) to[3] = static_cast<uchar>((from[3] + 128) / 257);
    }
  }
  return out;
}

}  // namespace spinfill
