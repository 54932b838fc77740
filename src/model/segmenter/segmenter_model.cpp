// SPDX-License-Identifier: Apache-2.0
#include "model/segmenter/segmenter_model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include <opencv2/imgproc.hpp>

#include "core/side_by_side.h"
#include "core/tensors/model_folder.h"
#include "data/walkaround/segmenter_samples.h"

namespace spinfill {
namespace {

constexpr ModelFolderKind kSegmenterKind{"spinfill-segmenter", "a segmenter", "data train-segmenter"};

}  // namespace

SegmenterModel load_segmenter_model(const std::filesystem::path& folder) {
  const ModelFolder stored = read_model_folder(folder, kSegmenterKind);
  return {segmenter_network_of(stored.weights, stored.weights_file), stored.training, stored.sha256};
}

void write_segmenter_model(const SegmenterModel& model, const std::filesystem::path& folder) {
  write_model_folder(folder, kSegmenterKind, model.network->state(), model.training);
}

cv::Size segmenter_size(cv::Size photograph) {
  const double scale = static_cast<double>(kSegmenterSide) / std::max(photograph.width, photograph.height);
  const auto side = [&](int length) {
    return std::clamp(static_cast<int>(std::lround(scale * length / 16)) * 16, 32, kSegmenterSide);
  };
  return {side(photograph.width), side(photograph.height)};
}

cv::Mat ModelSegmenter::saliency(const cv::Mat& rgb) const {
  const cv::Size size = segmenter_size(rgb.size());
  cv::Mat seen, mirrored;
  cv::resize(rgb, seen, size, 0, 0, rgb.cols > size.width ? cv::INTER_AREA : cv::INTER_LINEAR);
  cv::flip(seen, mirrored, 1);
  const KeepTorchThreads keep;
  use_one_torch_thread();
  const at::NoGradGuard no_grad;
  SegmenterNetwork network = model_.network;
  const at::Tensor both = at::sigmoid(network->forward(picture_tensor({seen, mirrored})));
  const at::Tensor mean = ((both[0][0] + both[1][0].flip({1})) / 2).contiguous();
  cv::Mat out(size, CV_32F);
  std::memcpy(out.data, mean.const_data_ptr<float>(), out.total() * sizeof(float));
  return out;
}

LazySegmenter lazy_segmenter(const std::string& given) {
  return {given, [](const std::filesystem::path& folder) -> std::unique_ptr<Segmenter> {
            return std::make_unique<ModelSegmenter>(load_segmenter_model(folder));
          }};
}

}  // namespace spinfill
