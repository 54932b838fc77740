// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/config/config.h"
#include "core/tensors/safetensors.h"

namespace spinfill {

// DISTS: Ding, Ma, Wang and Simoncelli, "Image quality assessment: unifying structure and texture similarity", IEEE
// TPAMI 2022, eq. 5 to 8, with VGG16's features behind L2 pooling (eq. 2). A texture that is another sample of the same
// kind costs little, unlike in LPIPS. The weights are the state dict of the DISTS_pytorch package's module as
// safetensors: stage1.0, stage1.2, stage2.5 … stage5.28 (.weight, .bias), alpha and beta [1,1475,1,1]; its constants
// (mean, std, stage2.4.filter …) may be there. Any other file is one error (exit 3).
class Dists {
 public:
  static Dists load(const std::filesystem::path& weights);
  static Dists from_tensors(const TensorMap& tensors, const std::string& where, const std::string& sha256 = {});
  const std::string& sha256() const { return sha256_; }  // of the weights file
  Dists to(at::Device device) const;

  // [N,3,H,W] in [0,1] against truths of the same shape or one truth [1,3,H,W] → [N] float64 on the CPU; lower is
  // better. Features in float32, on the CPU picture by picture with one thread, statistics in float64: no bit depends
  // on the batch or on the number of threads.
  at::Tensor distance(const at::Tensor& pictures, const at::Tensor& truths) const;

 private:
  std::vector<at::Tensor> features(const at::Tensor& pictures) const;  // the pictures, then of five stages
  at::Tensor compare(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) const;

  std::string sha256_;
  TensorMap weights_;
};

struct DistsConfig {
  std::string weights;  // empty: none
  void bind(Fields& f);
};

// DISTS where weights are named, else the one line that says how to get it.
struct DistsChoice {
  std::shared_ptr<const Dists> dists;  // null: absent
  std::string absent;
};
DistsChoice choose_dists(const DistsConfig& config, at::Device device);

}  // namespace spinfill
