// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <opencv2/core/mat.hpp>

#include "core/files/json.h"
#include "data/walkaround/segmenter.h"
#include "model/segmenter/segmenter_network.h"

namespace spinfill {

// A trained segmenter, ready to be asked (docs/photos.md). Its folder: weights.safetensors and manifest.json.
struct SegmenterModel {
  SegmenterNetwork network{nullptr};
  Json training;       // what it was trained on and from, with licences; part of the manifest
  std::string sha256;  // of the weights
};

// Exit 2: no such model. Exit 3: damaged, of another version or kind, or weights that do not fit the manifest's hash.
SegmenterModel load_segmenter_model(const std::filesystem::path& folder);
// Writes both files into the folder, weights as fp16.
void write_segmenter_model(const SegmenterModel& model, const std::filesystem::path& folder);

// As a segmenter of photographs: the mean of the network's probabilities for the photograph and its mirror image, each
// as seen_by_segmenter() has it (data/walkaround/segmenter.h). No bit depends on the number of threads.
class ModelSegmenter final : public Segmenter {
 public:
  explicit ModelSegmenter(SegmenterModel model) : model_(std::move(model)) {}
  cv::Mat saliency(const cv::Mat& rgb) const override;
  std::string identity() const override { return model_.sha256; }

 private:
  SegmenterModel model_;
};

// For commands: `given` as segmenter_file() takes it, an ONNX file or a trained segmenter's folder.
LazySegmenter lazy_segmenter(const std::string& given);

}  // namespace spinfill
