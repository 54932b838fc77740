// SPDX-License-Identifier: Apache-2.0
#include "pages/shown_pictures.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/picture.h"
#include "metrics/evidence_errors.h"
#include "pages/html.h"

namespace spinfill {
namespace {

constexpr std::size_t kLosslessPixels = 128 * 128;
constexpr int kQuality = 85, kLossless = 101;  // of OpenCV's WebP writer

}  // namespace

cv::Mat shown_picture(const cv::Mat& picture, const cv::Rect& box, int widest) {
  const cv::Mat cut = picture(box);
  cv::Mat out = cut.channels() == 4 ? on_plain_ground(cut, cut.size(), cv::Scalar::all(255)) : cut.clone();
  if (out.cols > widest)
    cv::resize(out, out, {widest, std::max(1, out.rows * widest / out.cols)}, 0, 0, cv::INTER_AREA);
  return out;
}

cv::Mat error_map(const cv::Mat& a, const cv::Mat& b) {
  if (a.size() != b.size() || a.type() != CV_8UC3 || b.type() != CV_8UC3) fail("error map: pictures of unlike sizes");
  cv::Mat difference, grey, heat;
  cv::absdiff(a, b, difference);
  cv::transform(difference, grey, cv::Matx13f(1 / 3.0F, 1 / 3.0F, 1 / 3.0F));
  grey.convertTo(grey, CV_8U, 1 / kErrorScale);
  cv::applyColorMap(grey, heat, cv::COLORMAP_INFERNO);
  cv::cvtColor(heat, heat, cv::COLOR_BGR2RGB);
  return heat;
}

std::string error_note() {
  return fmt::format(
      "The error is |picture − truth|, mean over the channels: black is none, the brightest {:g} and more.",
      kErrorScale);
}

cv::Mat evidence_map(const cv::Mat& shares, const cv::Mat& rgba) {
  cv::Matx33f colours;
  for (int c = 0; c < 3; ++c)
    for (int k = 0; k < 3; ++k) colours(c, k) = static_cast<float>(kEvidenceColours[k][c]) / 255;
  cv::Mat rgb, alpha, out;
  cv::transform(shares, rgb, colours);
  cv::extractChannel(rgba, alpha, 3);
  cv::merge(std::vector<cv::Mat>{rgb, alpha}, out);
  return out;
}

std::string picture_address(const cv::Mat& rgb) {
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  std::vector<unsigned char> bytes;
  if (!cv::imencode(".webp", bgr, bytes,
                    {cv::IMWRITE_WEBP_QUALITY, rgb.total() <= kLosslessPixels ? kLossless : kQuality}))
    fail("a picture of {}x{} px cannot be encoded as WebP", rgb.cols, rgb.rows);
  return "data:image/webp;base64," + base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace spinfill
