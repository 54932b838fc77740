// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/colour_profile.h"

#include <lcms2.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <new>
#include <opencv2/core.hpp>

#include "core/error.h"

namespace spinfill {
namespace {

using LcmsContext =
    std::unique_ptr<std::remove_pointer_t<cmsContext>, decltype([](cmsContext c) { cmsDeleteContext(c); })>;
using LcmsProfile = std::unique_ptr<void, decltype([](void* p) { cmsCloseProfile(p); })>;
using LcmsTransform = std::unique_ptr<void, decltype([](void* t) { cmsDeleteTransform(t); })>;

// One of its own for each call: nothing is shared between threads. Its errors are told by what fails.
struct LcmsEngine {
  LcmsContext context{cmsCreateContext(nullptr, nullptr)};
  LcmsProfile srgb;
  LcmsEngine() {
    if (!context) throw std::bad_alloc();
    srgb.reset(cmsCreate_sRGBProfileTHR(context.get()));
    if (!srgb) throw std::bad_alloc();
  }
  LcmsProfile opened(std::string_view icc) const {
    return LcmsProfile(cmsOpenProfileFromMemTHR(context.get(), icc.data(), static_cast<cmsUInt32Number>(icc.size())));
  }
  LcmsTransform transform(const LcmsProfile& from, cmsUInt32Number layout, cmsUInt32Number to,
                          cmsUInt32Number flags) const {
    return LcmsTransform(cmsCreateTransformTHR(context.get(), from.get(), layout, srgb.get(), to,
                                               INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_BLACKPOINTCOMPENSATION | flags));
  }
};

void apply_lcms(const LcmsTransform& transform, const cv::Mat& from, cv::Mat& to) {
  for (int y = 0; y < from.rows; ++y)
    cmsDoTransform(transform.get(), from.ptr(y), to.ptr(y), static_cast<cmsUInt32Number>(from.cols));
}

// Whether no colour of a grid moves by more than rounding.
bool leaves_colours(const LcmsTransform& transform) {
  cv::Mat grid(1, 9 * 9 * 9, CV_8UC4), moved(grid.size(), CV_8UC4);
  for (int i = 0; i < grid.cols; ++i) {
    const auto level = [](int step) { return static_cast<uchar>(255 * step / 8); };
    grid.at<cv::Vec4b>(0, i) = {level(i % 9), level(i / 9 % 9), level(i / 81), 255};
  }
  grid.copyTo(moved);
  apply_lcms(transform, grid, moved);
  return cv::norm(grid, moved, cv::NORM_INF) <= 1;
}

bool grey_to_srgb(const LcmsEngine& engine, const LcmsProfile& from, cv::Mat& rgba) {
  const LcmsTransform transform = engine.transform(from, TYPE_GRAY_8, TYPE_RGB_8, 0);
  if (!transform) return false;
  cv::Mat levels(1, 256, CV_8UC1), colours(1, 256, CV_8UC3);
  for (int i = 0; i < 256; ++i) levels.at<uchar>(0, i) = static_cast<uchar>(i);
  apply_lcms(transform, levels, colours);
  for (auto& pixel : cv::Mat_<cv::Vec4b>(rgba)) {
    if (pixel[0] != pixel[1] || pixel[1] != pixel[2]) return false;
  }
  for (auto& pixel : cv::Mat_<cv::Vec4b>(rgba)) {
    const auto& colour = colours.at<cv::Vec3b>(0, pixel[0]);
    pixel = {colour[0], colour[1], colour[2], pixel[3]};
  }
  return true;
}

}  // namespace

bool to_srgb(cv::Mat& rgba, std::string_view icc_profile) {
  const LcmsEngine engine;
  const LcmsProfile from = engine.opened(icc_profile);
  if (!from) return false;
  const cmsColorSpaceSignature space = cmsGetColorSpace(from.get());
  if (space == cmsSigGrayData) return grey_to_srgb(engine, from, rgba);
  if (space != cmsSigRgbData) return false;
  const LcmsTransform transform = engine.transform(from, TYPE_RGBA_8, TYPE_RGBA_8, cmsFLAGS_COPY_ALPHA);
  if (!transform) return false;
  if (!leaves_colours(transform)) apply_lcms(transform, rgba, rgba);
  return true;
}

cv::Mat cmyk_to_srgb(const cv::Mat& cmyk, std::string_view icc_profile) {
  cv::Mat out(cmyk.size(), CV_8UC4, cv::Scalar::all(255));
  if (!icc_profile.empty()) {
    const LcmsEngine engine;
    const LcmsProfile from = engine.opened(icc_profile);
    const bool fits = from && cmsGetColorSpace(from.get()) == cmsSigCmykData;
    if (const LcmsTransform transform = fits ? engine.transform(from, TYPE_CMYK_8, TYPE_RGBA_8, 0) : nullptr) {
      apply_lcms(transform, cmyk, out);
      return out;
    }
  }
  for (int y = 0; y < cmyk.rows; ++y) {
    for (int x = 0; x < cmyk.cols; ++x) {
      const auto& ink = cmyk.at<cv::Vec4b>(y, x);
      const auto light = [&](int c) { return static_cast<uchar>(((255 - ink[c]) * (255 - ink[3]) + 127) / 255); };
      out.at<cv::Vec4b>(y, x) = {light(0), light(1), light(2), 255};
    }
  }
  return out;
}

std::string rgb_profile(Primaries primaries, double gamma) {
  // ITU-R BT.709-6, SMPTE EG 432-1 and ITU-R BT.2020-2: x and y of red, green, blue.
  static constexpr std::array<std::array<double, 6>, 3> kPlaces = {{{0.64, 0.33, 0.30, 0.60, 0.15, 0.06},
                                                                    {0.68, 0.32, 0.265, 0.69, 0.15, 0.06},
                                                                    {0.708, 0.292, 0.17, 0.797, 0.131, 0.046}}};
  const auto& p = kPlaces[static_cast<std::size_t>(primaries)];
  const cmsCIExyY white = {0.3127, 0.3290, 1};
  const cmsCIExyYTRIPLE places = {{p[0], p[1], 1}, {p[2], p[3], 1}, {p[4], p[5], 1}};
  const LcmsContext context(cmsCreateContext(nullptr, nullptr));
  if (!context) throw std::bad_alloc();
  // IEC 61966-2-1: ((v + 0.055)/1.055)^2.4 above 0.04045, v/12.92 below.
  const std::array<double, 5> srgb = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  cmsToneCurve* curve =
      gamma > 0 ? cmsBuildGamma(context.get(), gamma) : cmsBuildParametricToneCurve(context.get(), 4, srgb.data());
  if (curve == nullptr) throw std::bad_alloc();
  cmsToneCurve* const curves[] = {curve, curve, curve};
  const LcmsProfile profile(cmsCreateRGBProfileTHR(context.get(), &white, &places, curves));
  cmsFreeToneCurve(curve);
  cmsUInt32Number size = 0;
  if (!profile || cmsSaveProfileToMem(profile.get(), nullptr, &size) == 0) throw std::bad_alloc();
  std::string bytes(size, '\0');
  if (cmsSaveProfileToMem(profile.get(), bytes.data(), &size) == 0) throw std::bad_alloc();
  return bytes;
}

}  // namespace spinfill
