// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/tensors/safetensors.h"

namespace spinfill {

// What the feature nets of scores share.

using NetShapes = std::map<std::string, std::vector<std::int64_t>>;

// The tensors of these keys as float32. Exit 3 names the file and the keys: missing, of another shape, not of a
// floating-point type, not finite. `name` is the net's.
TensorMap checked_weights(const TensorMap& tensors, const NetShapes& shapes, const std::string& where,
                          const std::string& name);
std::string first_keys(const std::vector<std::string>& keys);  // the first three, for messages

// Neither autocast nor TF32 nor gradients, while it lives. TF32 is a setting of the whole process and of the GPU alone:
// on the CPU, where several threads may be scoring, it is left as it is.
class FullPrecision {
 public:
  explicit FullPrecision(bool cuda);
  ~FullPrecision();
  FullPrecision(const FullPrecision&) = delete;
  FullPrecision& operator=(const FullPrecision&) = delete;

 private:
  bool change_tf32_;
  c10::impl::ExcludeDispatchKeyGuard guard_;
  at::NoGradGuard no_grad_;
};

}  // namespace spinfill
