// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/batches/batch.h"
#include "model/denoiser/denoiser.h"

namespace spinfill::test {

// A network of a few thousand parameters with every condition on.
ModelConfig tiny_config();

// Every parameter redrawn, so that nothing is zero that could hide a fault.
void randomise(Denoiser& denoiser, std::uint64_t seed = 7);

// B sets of random pictures and priors on the canonical turntable, picture height × width. slots: one letter per view,
// 'r' reference, 't' target, '-' absent, e.g. {"rrrrtrrt", "trr-r-rt"}.
Batch make_batch(const std::vector<std::string>& slots, std::int64_t height = 16, std::int64_t width = 24,
                 std::uint64_t seed = 3);

// Uniform or normal numbers from a generator of their own.
at::Tensor random_uniform(at::IntArrayRef shape, std::uint64_t seed);
at::Tensor random_normal(at::IntArrayRef shape, std::uint64_t seed);

double max_difference(const at::Tensor& a, const at::Tensor& b);

}  // namespace spinfill::test
