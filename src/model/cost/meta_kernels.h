// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spinfill {

// LibTorch can run most operations on tensors without memory (at::kMeta), where only shapes are made; those that it
// has in Python alone, and that the network and LPIPS need, are added here, forward and backward. They allocate what
// the processor's and the GPU's kernels return and keep for backward (attention its output and one number per query,
// as the fused kernels do), not their scratch memory. May be called often.
void use_meta_kernels();

}  // namespace spinfill
