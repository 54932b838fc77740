// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "model/denoiser/denoiser.h"

namespace spinfill {

// D of a batch's targets under classifier-free guidance of the scale g: D_∅ + g·(D_c − D_∅) (Ho & Salimans 2022), the
// two branches computed one after the other; g = 1: D_c alone. The denoiser must outlive it.
class GuidedDenoiser {
 public:
  // `arrangement`: the batch's, with the conditions that c lacks. cache: the references are computed once.
  GuidedDenoiser(const Denoiser& denoiser, const Batch& batch, const Arrangement& arrangement, double guidance,
                 bool cache = true);
  const Conditioning& conditioning() const { return branches_.front().conditioning; }
  const SourceFields& fields() const { return fields_; }     // of the last evaluation, with all conditions
  at::Tensor operator()(const at::Tensor& x, double sigma);  // x [ΣT·M,C,h,w]

 private:
  struct Branch {
    Conditioning conditioning;
    ReferenceCache references;
  };
  void add_branch(const Batch& batch, const Arrangement& arrangement);
  at::Tensor evaluate(const Branch& branch, const at::Tensor& x, const at::Tensor& sigma, SourceFields* fields) const;

  const Denoiser& denoiser_;
  double guidance_;
  bool cache_;
  std::vector<Branch> branches_;
  SourceFields fields_;
};

// A scale other than 1 needs a model that was trained with dropped conditions (else exit 2).
void require_guidable(const ModelConfig& model, double guidance);

}  // namespace spinfill
