// SPDX-License-Identifier: Apache-2.0
#include "model/segmenter/segmenter_model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstring>

#include <opencv2/imgproc.hpp>

#include "core/side_by_side.h"
#include "core/tensors/model_folder.h"
#include "data/pictures/picture_tensor.h"

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

cv::Mat ModelSegmenter::saliency(const cv::Mat& rgb) const {
  const cv::Mat seen = seen_by_segmenter(rgb);
  cv::Mat mirrored;
  cv::flip(seen, mirrored, 1);
  const KeepTorchThreads keep;
  use_one_torch_thread();
  const at::NoGradGuard no_grad;
  SegmenterNetwork network = model_.network;
  const at::Tensor both = at::sigmoid(network->forward(picture_tensor({seen, mirrored})));
  const at::Tensor mean = ((both[0][0] + both[1][0].flip({1})) / 2).contiguous();
  cv::Mat out(seen.size(), CV_32F);
  std::memcpy(out.data, mean.const_data_ptr<float>(), out.total() * sizeof(float));
  return out;
}

LazySegmenter lazy_segmenter(const std::string& given) {
  return {given, [](const std::filesystem::path& folder) -> std::unique_ptr<Segmenter> {
            return std::make_unique<ModelSegmenter>(load_segmenter_model(folder));
          }};
}

}  // namespace spinfill
