// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/tensors/safetensors.h"
#include "metrics/feature_cache.h"

namespace spinfill {

// LPIPS v0.1: Zhang, Isola, Efros, Shechtman and Wang, "The unreasonable effectiveness of deep features as a perceptual
// metric", CVPR 2018, eq. 1, with the input scaling and heads of the `lpips` package's version 0.1. The weights are
// that package's state dict as safetensors, or as an ONNX file (by its name) that was exported from it, whose weights
// alone are used; the net (alex, vgg or squeeze) is recognised by its keys. Keys, shapes and values are checked
// strictly: any other file is one error (exit 3) that names the file and the keys.
//
// ST-LPIPS: Ghildyal and Liu, "Shift-tolerant perceptual similarity metric", ECCV 2022: the same distance by nets whose
// pooling is blurred, so that a shift of a few pixels costs less. The weights are the stlpips_pytorch package's state
// dict (alex or vgg) as safetensors.
class Lpips {
 public:
  static Lpips load(const std::filesystem::path& weights);
  static Lpips from_tensors(const TensorMap& tensors, const std::string& where, const std::string& sha256 = {});

  const std::string& net() const { return net_; }  // "alex", "vgg" or "squeeze"; "st-alex" or "st-vgg"
  bool shift_tolerant() const;
  std::string title() const;                             // "LPIPS-squeeze", "ST-LPIPS-alex"
  const std::string& sha256() const { return sha256_; }  // of the weights file
  int layers() const;
  int smallest_size() const;  // px: no smaller side passes through the net's pooling
  Lpips to(at::Device device) const;
  // The same net, which keeps the features of truths that it is given as one [1,3,H,W], at most `bytes` of them: where
  // many pictures are scored by the same truths, in several calls and threads. No bit of a score changes.
  Lpips keeping_truths(std::uint64_t bytes) const;
  const FeatureCache* truths() const { return truths_.get(); }  // null: none are kept

  // Letters: N pictures, L layers. Pictures are [N,3,H,W] in [0,1] on any device, truths the same or [1,3,H,W]. Scores
  // are float64 on the CPU. Computed on the weights' device in float32 without TF32 or autocast; on the CPU picture by
  // picture with one thread, so that no bit depends on the batch or on the number of threads.
  at::Tensor distance(const at::Tensor& pictures, const at::Tensor& truths) const;   // [N]
  at::Tensor per_layer(const at::Tensor& pictures, const at::Tensor& truths) const;  // [N,L], sums to the distance
  // The distance as a part of a loss: [N] float32 on the weights' device, differentiable in the pictures.
  at::Tensor differentiable_distance(const at::Tensor& pictures, const at::Tensor& truths) const;

 private:
  void check(const at::Tensor& pictures, const at::Tensor& truths) const;
  // Of each layer the difference under its head, [N,h,w].
  std::vector<at::Tensor> differences(const std::vector<at::Tensor>& of_pictures,
                                      const std::vector<at::Tensor>& of_truths) const;
  std::vector<at::Tensor> features(const at::Tensor& pictures) const;  // unit length over channels, per layer
  std::vector<at::Tensor> features_of_truth(const at::Tensor& truth) const;

  std::string net_, sha256_;
  TensorMap weights_;
  std::shared_ptr<FeatureCache> truths_;
};

struct LpipsConfig {
  std::string weights;  // empty: the environment variable SPINFILL_LPIPS_WEIGHTS
  void bind(Fields& f);
};

// LPIPS where weights are given, else the one line that says how to get it. Weights that are named but cannot be used
// are an error, never an absence.
struct LpipsChoice {
  std::shared_ptr<const Lpips> lpips;  // null: absent
  std::string absent;                  // why and what to do; empty where present
};
LpipsChoice choose_lpips(const LpipsConfig& config, at::Device device);

struct StLpipsConfig {
  std::string weights;  // empty: none
  void bind(Fields& f);
};
// Null where no weights are named. Weights of LPIPS are refused here, those of ST-LPIPS above (exit 3).
std::shared_ptr<const Lpips> choose_st_lpips(const StLpipsConfig& config, at::Device device);

}  // namespace spinfill
