// SPDX-License-Identifier: Apache-2.0
#include "model/cost/meta_kernels.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <array>
#include <optional>
#include <tuple>

namespace spinfill {
namespace {

using at::Tensor;
using std::optional;
using Three = std::tuple<Tensor, Tensor, Tensor>;

Tensor convolution(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias, at::IntArrayRef stride,
                   at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding,
                   std::int64_t groups) {
  TORCH_CHECK_NOT_IMPLEMENTED(!transposed, "transposed convolution without memory");
  std::vector<std::int64_t> sizes = {input.size(0), weight.size(0)};
  for (std::int64_t i = 2; i < input.dim(); ++i) {
    const auto d = static_cast<std::size_t>(std::min<std::int64_t>(i - 2, std::ssize(stride) - 1));
    sizes.push_back((input.size(i) + 2 * padding[d] - dilation[d] * (weight.size(i) - 1) - 1) / stride[d] + 1);
  }
  const bool channels_last = input.suggest_memory_format() == at::MemoryFormat::ChannelsLast ||
                             weight.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
  return at::empty(sizes, input.options(),
                   channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

Three convolution_backward(const Tensor& gradient, const Tensor& input, const Tensor& weight,
                           at::OptionalIntArrayRef bias_sizes, at::IntArrayRef stride, at::IntArrayRef padding,
                           at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding,
                           std::int64_t groups, std::array<bool, 3> mask) {
  Three out;
  if (mask[0]) std::get<0>(out) = at::empty_like(input);
  if (mask[1]) std::get<1>(out) = at::empty_like(weight);
  if (mask[2]) std::get<2>(out) = at::empty({weight.size(0)}, weight.options());
  return out;
}

Three native_group_norm(const Tensor& input, const optional<Tensor>& weight, const optional<Tensor>& bias,
                        std::int64_t N, std::int64_t C, std::int64_t HxW, std::int64_t groups, double eps) {
  const auto options = input.options().dtype(at::kFloat);
  return {at::empty_like(input), at::empty({N, groups}, options), at::empty({N, groups}, options)};
}

Three native_group_norm_backward(const Tensor& gradient, const Tensor& input, const Tensor& mean, const Tensor& rstd,
                                 const optional<Tensor>& weight, std::int64_t N, std::int64_t C, std::int64_t HxW,
                                 std::int64_t groups, std::array<bool, 3> mask) {
  Three out;
  if (mask[0]) std::get<0>(out) = at::empty_like(input);
  if (mask[1]) std::get<1>(out) = at::empty({C}, input.options());
  if (mask[2]) std::get<2>(out) = at::empty({C}, input.options());
  return out;
}

Three native_layer_norm(const Tensor& input, at::IntArrayRef shape, const optional<Tensor>& weight,
                        const optional<Tensor>& bias, double eps) {
  std::vector<std::int64_t> rows = input.sizes().vec();
  for (std::size_t i = rows.size() - shape.size(); i < rows.size(); ++i) rows[i] = 1;
  const auto options = input.options().dtype(at::kFloat);
  return {at::empty_like(input, at::MemoryFormat::Contiguous), at::empty(rows, options), at::empty(rows, options)};
}

Three native_layer_norm_backward(const Tensor& gradient, const Tensor& input, at::IntArrayRef shape, const Tensor& mean,
                                 const Tensor& rstd, const optional<Tensor>& weight, const optional<Tensor>& bias,
                                 std::array<bool, 3> mask) {
  Three out;
  if (mask[0]) std::get<0>(out) = at::empty_like(input);
  if (mask[1] && weight) std::get<1>(out) = at::empty_like(*weight);
  if (mask[2] && bias) std::get<2>(out) = at::empty_like(*bias);
  return out;
}

Tensor index_select(const Tensor& self, std::int64_t dim, const Tensor& index) {
  std::vector<std::int64_t> sizes = self.sizes().vec();
  sizes[static_cast<std::size_t>(dim < 0 ? dim + self.dim() : dim)] = index.numel();
  return at::empty(sizes, self.options());
}

Tensor grid_sampler_2d(const Tensor& input, const Tensor& grid, std::int64_t mode, std::int64_t padding,
                       bool align_corners) {
  return at::empty({input.size(0), input.size(1), grid.size(1), grid.size(2)}, input.options());
}

std::tuple<Tensor, Tensor> grid_sampler_2d_backward(const Tensor& gradient, const Tensor& input, const Tensor& grid,
                                                    std::int64_t mode, std::int64_t padding, bool align_corners,
                                                    std::array<bool, 2> mask) {
  return {mask[0] ? at::empty_like(input) : Tensor(), at::empty_like(grid)};
}

Tensor where_self(const Tensor& condition, const Tensor& self, const Tensor& other) {
  const auto sizes = at::infer_size(at::infer_size(condition.sizes(), self.sizes()), other.sizes());
  return at::empty(sizes, condition.options().dtype(at::result_type(self, other)));
}

Tensor& logical_and_out(const Tensor& self, const Tensor& other, Tensor& out) {
  out.resize_(at::infer_size(self.sizes(), other.sizes()));
  return out;
}

Tensor relu(const Tensor& self) {
  return at::empty_like(self);
}
Tensor& relu_(Tensor& self) {
  return self;
}

// Attention as the fused kernels do it: nothing of the size queries × keys is kept.
class FusedAttention : public torch::autograd::Function<FusedAttention> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& query, const Tensor& key,
                        const Tensor& value) {
    const std::int64_t S = query.size(0), heads = query.size(1), L = query.size(2);
    const Tensor out = at::empty({S, L, heads, value.size(3)}, query.options()).transpose(1, 2);
    const Tensor logsumexp = at::empty({S, heads, L}, query.options().dtype(at::kFloat));
    context->save_for_backward({query, key, value, out, logsumexp});
    return out;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    return {at::empty_like(saved[0]), at::empty_like(saved[1]), at::empty_like(saved[2])};
  }
};

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const optional<Tensor>& mask, double dropout, bool causal, optional<double> scale,
                                    bool grouped) {
  TORCH_CHECK_NOT_IMPLEMENTED(!mask && dropout == 0 && !grouped && query.dim() == 4,
                              "attention without memory: only [S,heads,L,D] without mask and dropout");
  return FusedAttention::apply(query, key, value);
}

}  // namespace

void use_meta_kernels() {
  static const auto libraries = [] {
    using torch::Library;
    std::array<Library, 2> both = {Library(Library::IMPL, "aten", c10::DispatchKey::Meta, __FILE__, __LINE__),
                                   Library(Library::IMPL, "aten", c10::DispatchKey::AutogradMeta, __FILE__, __LINE__)};
    both[0].impl("convolution", convolution);
    both[0].impl("convolution_backward", convolution_backward);
    both[0].impl("native_group_norm", native_group_norm);
    both[0].impl("native_group_norm_backward", native_group_norm_backward);
    both[0].impl("native_layer_norm", native_layer_norm);
    both[0].impl("native_layer_norm_backward", native_layer_norm_backward);
    both[0].impl("index_select", index_select);
    both[0].impl("grid_sampler_2d", grid_sampler_2d);
    both[0].impl("grid_sampler_2d_backward", grid_sampler_2d_backward);
    both[0].impl("where.self", where_self);
    both[0].impl("logical_and.out", logical_and_out);
    both[0].impl("relu", relu);
    both[0].impl("relu_", relu_);
    both[1].impl("scaled_dot_product_attention", scaled_dot_product_attention);
    return both;
  }();
}

}  // namespace spinfill
