// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "model/denoiser/denoiser.h"
#include "model/denoiser/target_windows.h"
#include "model/sampling/sampler.h"

namespace spinfill {

// D of a batch's targets under classifier-free guidance of the scale g: D_∅ + g·(D_c − D_∅) (Ho & Salimans 2022), the
// two branches computed one after the other, each with a cache of the references; without guidance D_c alone. g grows
// evenly from guidance.scale at a reference's own azimuth to guidance.far half a turn from the nearest reference, or
// where there is none (a triangle over the spin as in SV3D, Voleti et al. 2024, by the references that there are); it
// acts between two noise levels alone where they are given (Kynkäänniemi et al. 2024, "Applying guidance in a limited
// interval"). The denoiser must outlive it.
class GuidedDenoiser {
 public:
  // `arrangement`: the batch's, with the conditions that c lacks. cache: the references are computed once.
  GuidedDenoiser(const Denoiser& denoiser, const Batch& batch, const Arrangement& arrangement, const Guidance& guidance,
                 bool cache = true);
  const Conditioning& conditioning() const { return branches_.front().conditioning; }
  const SourceFields& fields() const { return fields_; }     // of the last evaluation, with all conditions
  at::Tensor operator()(const at::Tensor& x, double sigma);  // x [ΣT·M,C,h,w]
  // From now on of the windows alone: x [K,C,height,width]. Needs the cache.
  void look_through(const TargetWindows& windows);

 private:
  struct Branch {
    Conditioning conditioning;
    ReferenceCache references;
  };
  void add_branch(const Batch& batch, const Arrangement& arrangement);
  at::Tensor evaluate(const Branch& branch, const at::Tensor& x, const at::Tensor& sigma, SourceFields* fields) const;

  const Denoiser& denoiser_;
  Guidance guidance_;
  bool cache_;
  std::vector<Branch> branches_;
  at::Tensor scales_;  // [ΣT,1,1,1]
  SourceFields fields_;
};

// Guidance needs a model that was trained with dropped conditions (else exit 2).
void require_guidable(const ModelConfig& model, const Guidance& guidance);

}  // namespace spinfill
