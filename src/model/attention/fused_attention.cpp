// SPDX-License-Identifier: Apache-2.0
#include "model/attention/fused_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <cmath>

namespace spinfill {

namespace {

constexpr std::int64_t kFewestKeys = 32;  // below, LibTorch's own attention is faster

using attention::Head;
using attention::Kernel;
using attention::Matrix;

// Head h of sample s of a contiguous [S,rows,D].
Matrix matrix_of(const at::Tensor& tensor, std::int64_t s, std::int64_t first_channel) {
  return {tensor.mutable_data_ptr<float>() + s * tensor.stride(0) + first_channel, tensor.stride(1)};
}

struct HeadTensors {
  at::Tensor q, k, v, out, log_sums, d_out, d_q, d_k, d_v;  // log_sums [S,heads,L]; undefined ones stay empty
};

template <class Run>
void for_each_head(const HeadTensors& tensors, std::int64_t heads, std::int64_t scratch(const Head&), const Run& run) {
  const std::int64_t channels = tensors.q.size(2) / heads;
  const auto head_of = [&](std::int64_t i) {
    const std::int64_t s = i / heads, first = i % heads * channels;
    const auto part = [&](const at::Tensor& tensor) {
      return tensor.defined() ? matrix_of(tensor, s, first) : Matrix{};
    };
    Head head;
    head.queries = tensors.q.size(1);
    head.keys = tensors.k.size(1);
    head.channels = channels;
    head.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(channels)));
    head.q = part(tensors.q);
    head.k = part(tensors.k);
    head.v = part(tensors.v);
    head.out = part(tensors.out);
    head.d_out = part(tensors.d_out);
    head.d_q = part(tensors.d_q);
    head.d_k = part(tensors.d_k);
    head.d_v = part(tensors.d_v);
    if (tensors.log_sums.defined()) head.log_sums = tensors.log_sums.mutable_data_ptr<float>() + i * head.queries;
    return head;
  };
  at::parallel_for(0, tensors.q.size(0) * heads, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::Tensor memory = at::empty({scratch(head_of(begin))}, at::kFloat);
    for (std::int64_t i = begin; i < end; ++i) run(head_of(i), memory.mutable_data_ptr<float>());
  });
}

at::Tensor run_forward(HeadTensors& tensors, std::int64_t heads, const Kernel& kernel) {
  tensors.out = at::empty_like(tensors.q);
  for_each_head(tensors, heads, kernel.forward_scratch, kernel.forward);
  return tensors.out;
}

class Fused : public torch::autograd::Function<Fused> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& query, const at::Tensor& key,
                            const at::Tensor& value, std::int64_t heads, const Kernel* kernel) {
    HeadTensors tensors;
    tensors.q = query.contiguous();
    tensors.k = key.contiguous();
    tensors.v = value.contiguous();
    tensors.log_sums = at::empty({query.size(0), heads, query.size(1)}, query.options());
    run_forward(tensors, heads, *kernel);
    context->save_for_backward({tensors.q, tensors.k, tensors.v, tensors.out, tensors.log_sums});
    context->saved_data["heads"] = heads;
    context->saved_data["kernel"] = reinterpret_cast<std::int64_t>(kernel);
    return tensors.out;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& kernel = *reinterpret_cast<const Kernel*>(context->saved_data["kernel"].toInt());
    HeadTensors tensors{saved[0], saved[1], saved[2], saved[3], saved[4], gradients[0].contiguous(), {}, {}, {}};
    RECORD_FUNCTION("spinfill::attention_backward", (std::array<c10::IValue, 3>{saved[0], saved[1], saved[2]}));
    tensors.d_q = at::empty_like(saved[0]);
    tensors.d_k = at::empty_like(saved[1]);
    tensors.d_v = at::empty_like(saved[2]);
    for_each_head(tensors, context->saved_data["heads"].toInt(), kernel.backward_scratch, kernel.backward);
    return {tensors.d_q, tensors.d_k, tensors.d_v, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

const std::vector<const attention::Kernel*>& usable_attention_kernels() {
  static const std::vector<const Kernel*> usable = [] {
    std::vector<const Kernel*> kernels;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) kernels.push_back(&attention::kAvx512);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) kernels.push_back(&attention::kAvx2);
#endif
    return kernels;
  }();
  return usable;
}

bool can_fuse_attention(const at::Tensor& query, const at::Tensor& key, std::int64_t heads) {
  return query.is_cpu() && query.scalar_type() == at::kFloat && query.numel() > 0 && key.size(1) >= kFewestKeys &&
         query.size(2) / heads >= 8 && !at::autocast::is_autocast_enabled(at::kCPU) &&
         !usable_attention_kernels().empty();
}

at::Tensor fused_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, std::int64_t heads,
                           const attention::Kernel& kernel) {
  // Here gradients are on, as cost/flops.h asks; within the function's forward they are off.
  RECORD_FUNCTION("spinfill::attention", (std::array<c10::IValue, 3>{query, key, value}));
  const bool gradient =
      at::GradMode::is_enabled() && (query.requires_grad() || key.requires_grad() || value.requires_grad());
  if (gradient) return Fused::apply(query, key, value, heads, &kernel);
  HeadTensors tensors;
  tensors.q = query.contiguous();
  tensors.k = key.contiguous();
  tensors.v = value.contiguous();
  return run_forward(tensors, heads, kernel);
}

}  // namespace spinfill
