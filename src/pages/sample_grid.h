// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

#include "data/batches/batch.h"

namespace spinfill {

struct SampleGridOptions {
  std::int64_t first = 0, sets = 4;  // which sets of the batch
  at::Tensor normals = {};           // generated ones, [B,V,3,H,W]: two more columns where the batch has true ones
};

// A labelled PNG. Per set the references in a row, then a row for each target: truth, generated, the error
// |generated − truth| (error_map()) and mirror-or-prior (where the batch has priors), under its azimuth.
// generated is [B,V,3,H,W] in [0,1]; only the entries of targets are read. Atomic.
void draw_sample_grid(const Batch& batch, const at::Tensor& generated, const std::filesystem::path& path,
                      const SampleGridOptions& options = {});

}  // namespace spinfill
