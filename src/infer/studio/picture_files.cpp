// SPDX-License-Identifier: Apache-2.0
#include "infer/studio/picture_files.h"

#include <vector>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/heif.h"
#include "data/pictures/picture.h"
#include "data/pictures/xmp.h"

namespace spinfill {
namespace {

std::string by_opencv(const cv::Mat& rgba, const char* ending, int option, int quality, bool with_alpha) {
  cv::Mat bgr;
  cv::cvtColor(rgba, bgr, with_alpha ? cv::COLOR_RGBA2BGRA : cv::COLOR_RGBA2BGR);
  std::vector<uchar> bytes;
  if (!cv::imencode(ending, bgr, bytes, {option, quality}))
    fail("a picture of {}x{} px cannot be encoded as {}", rgba.cols, rgba.rows, ending);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::string encoded(const cv::Mat& rgba, StudioFormat format, int quality, bool with_alpha, const std::string& packet) {
  const auto marked = [&](std::string file) { return packet.empty() ? file : with_xmp(file, packet); };
  switch (format) {
    case StudioFormat::png: {
      cv::Mat rgb;
      if (!with_alpha) cv::cvtColor(rgba, rgb, cv::COLOR_RGBA2RGB);
      return marked(encode_png(with_alpha ? rgba : rgb));
    }
    case StudioFormat::webp: return marked(by_opencv(rgba, ".webp", cv::IMWRITE_WEBP_QUALITY, quality, with_alpha));
    case StudioFormat::jpeg: return marked(by_opencv(rgba, ".jpg", cv::IMWRITE_JPEG_QUALITY, quality, false));
    case StudioFormat::avif: return encode_avif(rgba, quality, with_alpha, packet);
  }
  fail("no such format");
}

std::string ending_of(StudioFormat format) {
  return format == StudioFormat::jpeg ? ".jpg" : "." + std::string(name_of(format));
}

}  // namespace spinfill
