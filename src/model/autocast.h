// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>

namespace spinfill {

struct AutocastState {
  c10::DeviceType device = c10::DeviceType::CPU;
  c10::ScalarType dtype = c10::ScalarType::Float;  // Float: off
  bool as_gpu = false;                             // of tensors without memory: cast what a GPU casts
};

// While it lives, this thread's products (convolutions, linear layers, attention) run in the dtype, with weights that
// stay float32. LibTorch's cache of cast weights is off meanwhile and empty afterwards: nobody else clears it, so
// products after an in-place update would use the old weights, and a weight first used without gradients would never
// get one. LibTorch casts nothing on tensors without memory (kMeta): there cast_product and cast_norm do.
class Autocast {
 public:
  explicit Autocast(const AutocastState& state);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
  static AutocastState current(c10::DeviceType device);

 private:
  AutocastState state_;
  bool known_;  // device that LibTorch casts on
  AutocastState without_memory_before_;
  c10::ScalarType dtype_before_;
  bool enabled_before_, cache_before_;
};

// Cast an argument of a product (convolution, linear layer, attention) or of a normalisation as LibTorch would, where
// it is a tensor without memory; others, undefined ones too, come back as they are. A GPU normalises in float32.
at::Tensor cast_product(const at::Tensor& argument);
at::Tensor cast_norm(const at::Tensor& argument);

}  // namespace spinfill
