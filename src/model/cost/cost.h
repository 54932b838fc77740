// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "data/batches/batch.h"
#include "data/config.h"
#include "model/cost/flops.h"
#include "model/denoiser/loss.h"
#include "model/distillation/distillation.h"

namespace spinfill {

// What training costs, found by running the real forward pass on tensors without memory: nothing is computed, and no
// formula can drift from the network. The denoiser, LPIPS and the batch are on at::kMeta.

struct ViewCounts {
  std::int64_t references = 0, targets = 0;  // together at most Batch::kViews
};
// Sets with so many views, all zero, of height × width px; with close-ups where these are more than 1 times as large.
Batch blank_batch(const std::vector<ViewCounts>& sets, std::int64_t height, std::int64_t width, at::Device device,
                  bool depth = false, std::int64_t close_up = 1);
// The same with every picture that the configuration reads.
Batch blank_batch(const std::vector<ViewCounts>& sets, const DataConfig& data, at::Device device);
// A batch's shapes and masks without its memory; priors that it lacks are added.
Batch without_memory(const Batch& batch);

// Operations of the forward and backward pass over a batch; with a teacher of its passes, too.
Flops training_flops(const Denoiser& denoiser, const Batch& batch, const LossOptions& options, std::uint64_t seed,
                     const PerceptualDistance& perceptual = {}, const Teacher* teacher = nullptr);

}  // namespace spinfill
