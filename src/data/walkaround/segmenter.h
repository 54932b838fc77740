// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// Tells the vehicle of a photograph from its background.
class Segmenter {
 public:
  virtual ~Segmenter() = default;
  // rgb: 8-bit, of any size. CV_32F in [0,1], small; stretched over the photograph.
  virtual cv::Mat saliency(const cv::Mat& rgb) const = 0;
  // What reports call it.
  virtual std::string identity() const = 0;
};

inline constexpr int kSegmenterSide = 320;  // px
// A photograph, or its mask, as networks see it: stretched to `side` px both ways.
cv::Mat seen_by_segmenter(const cv::Mat& picture, int side = kSegmenterSide);

// A network for salient objects: U-2-Net (Qin et al., "U²-Net: going deeper with nested U-structure for salient object
// detection", Pattern Recognition 2020) or another ONNX model with its interface: input 1×3×320×320, RGB/255 with
// ImageNet's mean and deviation; the first output, one channel, is the saliency.
class NetworkSegmenter final : public Segmenter {
 public:
  // Exit 2: no such file; exit 3: no such network.
  explicit NetworkSegmenter(const std::filesystem::path& onnx);
  ~NetworkSegmenter() override;

  // The network's 320×320, stretched so that its extremes are 0 and 1.
  cv::Mat saliency(const cv::Mat& rgb) const override;
  std::string identity() const override { return sha256_; }  // of the weights

 private:
  struct Net;
  std::unique_ptr<Net> net_;
  std::filesystem::path file_;
  std::string sha256_;
};

// In place of a model's file: no network, but GrabCut (grab_cut.h), which is worse. Only ever by that name.
inline constexpr const char* kGrabCut = "grabcut";

// The model that a command uses, an ONNX file or the folder of a trained one (model/segmenter/segmenter_model.h):
// `given` where it is not empty, else $SPINFILL_SEGMENTER, else the one that lies with the program
// (core/tensors/model_folder.h). Exit 2 with what to do where there is none.
std::filesystem::path segmenter_file(const std::string& given);

// Makes a segmenter of the folder of a trained one, which this layer does not know.
using ReadSegmenterFolder = std::function<std::unique_ptr<Segmenter>(const std::filesystem::path& folder)>;

// Loaded where a photograph is first segmented: those that are cut out already need no model. A warning says so where
// it is GrabCut. Made by lazy_segmenter() (model/segmenter/segmenter_model.h).
class LazySegmenter {
 public:
  LazySegmenter(std::string given, ReadSegmenterFolder read_folder)  // given: of segmenter_file
      : given_(std::move(given)), read_folder_(std::move(read_folder)) {}
  const Segmenter& get();
  // Empty where none was needed.
  std::string identity() const { return loaded_ ? loaded_->identity() : std::string(); }

 private:
  std::string given_;
  ReadSegmenterFolder read_folder_;
  std::unique_ptr<Segmenter> loaded_;
};

}  // namespace spinfill
