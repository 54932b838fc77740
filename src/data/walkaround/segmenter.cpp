// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/segmenter.h"

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/sha256.h"
#include "core/log.h"
#include "core/tensors/model_folder.h"
#include "data/walkaround/grab_cut.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;

}  // namespace

cv::Mat seen_by_segmenter(const cv::Mat& picture, int side) {
  cv::Mat seen;
  const bool smaller = std::max(picture.cols, picture.rows) > side;
  cv::resize(picture, seen, cv::Size(side, side), 0, 0, smaller ? cv::INTER_AREA : cv::INTER_LINEAR);
  return seen;
}

struct NetworkSegmenter::Net {
  mutable std::mutex busy;
  mutable cv::dnn::Net net;
};

NetworkSegmenter::NetworkSegmenter(const fs::path& onnx) : net_(std::make_unique<Net>()), file_(onnx) {
  if (!fs::exists(onnx))
    fail_usage("{}: there is no such segmentation model; --segmenter grabcut does without, and worse", onnx.string());
  const std::string bytes = read_file(onnx, kMaxBytes);
  sha256_ = sha256_hex(bytes);
  // It prints its own complaints about damaged files.
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  try {
    net_->net = cv::dnn::readNetFromONNX(bytes.data(), bytes.size());
    net_->net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    saliency(cv::Mat(8, 8, CV_8UC3, cv::Scalar::all(128)));
  } catch (const cv::Exception&) {
    fail(
        "{}: cannot be used as a segmentation network: an ONNX model with U-2-Net's interface is needed (input "
        "1×3×{}×{}, the first output one channel); without --segmenter it is the program's own",
        onnx.string(), kSegmenterSide, kSegmenterSide);
  }
}

NetworkSegmenter::~NetworkSegmenter() = default;

cv::Mat NetworkSegmenter::saliency(const cv::Mat& rgb) const {
  cv::Mat input;
  seen_by_segmenter(rgb).convertTo(input, CV_32FC3, 1 / 255.0);
  cv::subtract(input, cv::Scalar(.485, .456, .406), input);
  cv::divide(input, cv::Scalar(.229, .224, .225), input);
  const cv::Mat blob = cv::dnn::blobFromImage(input);
  cv::Mat seen;
  {
    const std::lock_guard lock(net_->busy);
    std::vector<std::string> names = net_->net.getUnconnectedOutLayersNames();
    std::vector<cv::Mat> outputs;
    net_->net.setInput(blob);
    net_->net.forward(outputs, names);
    if (outputs.empty() || outputs[0].depth() != CV_32F || outputs[0].dims != 4 || outputs[0].size[1] != 1 ||
        outputs[0].size[2] != kSegmenterSide || outputs[0].size[3] != kSegmenterSide)
      fail("{}: its first output is not one channel of {}×{}", file_.string(), kSegmenterSide, kSegmenterSide);
    seen = cv::Mat(kSegmenterSide, kSegmenterSide, CV_32F, outputs[0].ptr<float>()).clone();
  }
  double low = 0, high = 0;
  cv::minMaxLoc(seen, &low, &high);
  if (high - low < 1e-6) return cv::Mat::zeros(seen.size(), CV_32F);
  return (seen - low) / (high - low);
}

const Segmenter& LazySegmenter::get() {
  if (loaded_) return *loaded_;
  const fs::path file = segmenter_file(given_);
  if (file == kGrabCut) {
    log_warning(
        "masks come from GrabCut, by colours alone, and are worse than a segmentation network's: the median IoU is .92 "
        "on twelve photographed cars, where the network's is .99, and .68 on show floors: look at every mask");
    loaded_ = std::make_unique<GrabCutSegmenter>();
  } else if (fs::is_directory(file)) {
    loaded_ = read_folder_(file);
  } else {
    loaded_ = std::make_unique<NetworkSegmenter>(file);
  }
  return *loaded_;
}

fs::path segmenter_file(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* named = std::getenv("SPINFILL_SEGMENTER"); named != nullptr && *named != '\0') return named;
  if (const auto own = model_with_program("segmenter")) return *own;
  fail_usage(
      "there is no segmentation model with the program: name one by --segmenter or SPINFILL_SEGMENTER; --segmenter "
      "grabcut does without, and worse");
}

}  // namespace spinfill
