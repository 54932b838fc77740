// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/attention/attention_kernel.h"

namespace spinfill {

// The kernels that this processor runs, the fastest first; none but on x86-64 with AVX2.
const std::vector<const attention::Kernel*>& usable_attention_kernels();

// Whether fused_attention takes these: float32 on a processor that has a kernel, without autocast, enough keys that
// their panels are filled. Arguments as there.
bool can_fuse_attention(const at::Tensor& query, const at::Tensor& key, std::int64_t heads);

// softmax(q·kᵀ/√d)·v, d channels of each head, on all of LibTorch's threads, one head a thread at a time: results do
// not depend on their number. query [S,L,D], key and value [S,K,D], the heads' channels one after the other → [S,L,D].
// Its gradients are computed with the weights made again (Dao et al. 2022, "FlashAttention", alg. 4), once
// differentiable.
at::Tensor fused_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, std::int64_t heads,
                           const attention::Kernel& kernel = *usable_attention_kernels().front());

}  // namespace spinfill
