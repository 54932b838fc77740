// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/letterbox.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"

namespace spinfill {
namespace {

struct Tap {
  int at;
  float weight;
};
using AxisTaps = std::vector<std::vector<Tap>>;  // per output pixel

double keys_cubic(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

AxisTaps taps_along(int from, int to, double scale, double offset) {
  AxisTaps taps(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    auto& own = taps[static_cast<std::size_t>(i)];
    const double low = (i - offset) / scale, high = (i + 1 - offset) / scale;
    if (scale <= 1) {
      for (int s = std::max(0, static_cast<int>(std::floor(low))); s < from && s < high; ++s) {
        const double overlap = std::min(high, s + 1.0) - std::max(low, static_cast<double>(s));
        if (overlap > 1e-9) own.push_back({s, static_cast<float>(overlap * scale)});
      }
      continue;
    }
    const double centre = (low + high) / 2;
    if (centre <= 0 || centre >= from) continue;
    const int first = static_cast<int>(std::floor(centre - 0.5)) - 1;
    for (int s = first; s < first + 4; ++s) {
      const double weight = keys_cubic(centre - (s + 0.5));
      if (weight != 0) own.push_back({std::clamp(s, 0, from - 1), static_cast<float>(weight)});
    }
  }
  return taps;
}

}  // namespace

Letterbox fit(int from_width, int from_height, int to_width, int to_height) {
  if (from_width < 1 || from_height < 1 || to_width < 1 || to_height < 1) {
    fail("a picture of {}x{} px cannot be fitted into {}x{} px", from_width, from_height, to_width, to_height);
  }
  Letterbox out{from_width, from_height, to_width, to_height};
  out.scale = std::min(static_cast<double>(to_width) / from_width, static_cast<double>(to_height) / from_height);
  out.offset_x = (to_width - out.scale * from_width) / 2;
  out.offset_y = (to_height - out.scale * from_height) / 2;
  return out;
}

Letterbox Letterbox::inverse() const {
  return {to_width, to_height, from_width, from_height, 1 / scale, -offset_x / scale, -offset_y / scale};
}

Camera Letterbox::camera(const Camera& camera) const {
  if (camera.width != from_width || camera.height != from_height) {
    fail("a camera of {}x{} px does not belong to a picture of {}x{} px", camera.width, camera.height, from_width,
         from_height);
  }
  Camera out = camera;
  out.fl_x = scale * camera.fl_x;
  out.fl_y = scale * camera.fl_y;
  out.cx = scale * camera.cx + offset_x;
  out.cy = scale * camera.cy + offset_y;
  out.width = to_width;
  out.height = to_height;
  return out;
}

bool Letterbox::identity() const {
  return from_width == to_width && from_height == to_height && scale == 1;
}

cv::Mat resample(const cv::Mat& source, const Letterbox& letterbox) {
  if (source.type() != CV_32FC4 || source.cols != letterbox.from_width || source.rows != letterbox.from_height) {
    fail("resample: a picture of {}x{} px is not the {}x{} px that the letterbox was made for", source.cols,
         source.rows, letterbox.from_width, letterbox.from_height);
  }
  if (letterbox.identity()) return source.clone();
  const AxisTaps across = taps_along(source.cols, letterbox.to_width, letterbox.scale, letterbox.offset_x);
  const AxisTaps down = taps_along(source.rows, letterbox.to_height, letterbox.scale, letterbox.offset_y);
  cv::Mat narrow(source.rows, letterbox.to_width, CV_32FC4);
  for (int y = 0; y < narrow.rows; ++y) {
    const auto* in = source.ptr<cv::Vec4f>(y);
    auto* out = narrow.ptr<cv::Vec4f>(y);
    for (std::size_t x = 0; x < across.size(); ++x) {
      cv::Vec4f sum(0, 0, 0, 0);
      for (const Tap& tap : across[x]) sum += tap.weight * in[tap.at];
      out[x] = sum;
    }
  }
  cv::Mat result(letterbox.to_height, letterbox.to_width, CV_32FC4, cv::Scalar::all(0));
  for (std::size_t y = 0; y < down.size(); ++y) {
    auto* out = result.ptr<cv::Vec4f>(static_cast<int>(y));
    for (const Tap& tap : down[y]) {
      const auto* in = narrow.ptr<cv::Vec4f>(tap.at);
      for (int x = 0; x < result.cols; ++x) out[x] += tap.weight * in[x];
    }
    for (int x = 0; x < result.cols; ++x) {  // the cubic's overshoot
      out[x][3] = std::clamp(out[x][3], 0.0F, 1.0F);
      for (int c = 0; c < 3; ++c) out[x][c] = std::clamp(out[x][c], 0.0F, out[x][3]);
    }
  }
  return result;
}

cv::Mat premultiplied(const cv::Mat& rgba) {
  if (rgba.type() != CV_8UC4) fail("premultiplied: needs 8-bit RGBA");
  cv::Mat out(rgba.rows, rgba.cols, CV_32FC4);
  for (int y = 0; y < rgba.rows; ++y) {
    const auto* in = rgba.ptr<cv::Vec4b>(y);
    auto* to = out.ptr<cv::Vec4f>(y);
    for (int x = 0; x < rgba.cols; ++x) {
      const float alpha = in[x][3] / 255.0F;
      to[x] = {in[x][0] / 255.0F * alpha, in[x][1] / 255.0F * alpha, in[x][2] / 255.0F * alpha, alpha};
    }
  }
  return out;
}

cv::Mat straight(const cv::Mat& premultiplied) {
  if (premultiplied.type() != CV_32FC4) fail("straight: needs float RGBA");
  cv::Mat out(premultiplied.rows, premultiplied.cols, CV_8UC4);
  const auto byte = [](float value) {
    return static_cast<unsigned char>(std::lround(255 * std::clamp(value, 0.0F, 1.0F)));
  };
  for (int y = 0; y < out.rows; ++y) {
    const auto* in = premultiplied.ptr<cv::Vec4f>(y);
    auto* to = out.ptr<cv::Vec4b>(y);
    for (int x = 0; x < out.cols; ++x) {
      const float alpha = in[x][3];
      for (int c = 0; c < 3; ++c) to[x][c] = alpha > 0 ? byte(in[x][c] / alpha) : 0;
      to[x][3] = byte(alpha);
    }
  }
  return out;
}

}  // namespace spinfill
