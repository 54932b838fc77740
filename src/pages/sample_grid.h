// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

#include "data/batches/batch.h"

namespace spinfill {

struct SampleGridOptions {
  std::int64_t first = 0, sets = 4;  // which sets of the batch
  double error_scale = 0.25;         // the error map's brightest colour: mean absolute difference over the channels
};

// A labelled PNG. Per set one band of rows over the eight azimuths: given (the references), generated, truth,
// mirror-or-prior (where the batch has priors) and the error |generated − truth| as a heat map with its scale.
// generated is [B,V,3,H,W] in [0,1]; only the entries of targets are read. Atomic.
void draw_sample_grid(const Batch& batch, const at::Tensor& generated, const std::filesystem::path& path,
                      const SampleGridOptions& options = {});

}  // namespace spinfill
