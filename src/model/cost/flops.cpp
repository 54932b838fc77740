// SPDX-License-Identifier: Apache-2.0
#include "model/cost/flops.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include <memory>
#include <string_view>

namespace spinfill {
namespace {

thread_local FlopCounter* counter = nullptr;
thread_local int within = 0;  // counted operations that call others

struct Within : at::ObserverContext {
  Within() { ++within; }
  ~Within() override { --within; }
};

double elements(const at::Tensor& tensor) {
  return static_cast<double>(tensor.numel());
}
double extent(const at::Tensor& tensor, std::int64_t dim) {
  return static_cast<double>(tensor.size(dim));
}

CountedCall product_call(const at::Tensor& a, const at::Tensor& b) {  // […,n,k] × […,k,m]
  return {2 * elements(a) * extent(b, -1), a.requires_grad() + b.requires_grad()};
}

CountedCall convolution_call(const at::Tensor& input, const at::Tensor& weight, at::ArrayRef<at::IValue> arguments) {
  const auto stride = arguments[3].toIntVector(), padding = arguments[4].toIntVector(),
             dilation = arguments[5].toIntVector();
  const bool transposed = arguments[6].toBool();
  const auto at_dim = [](const std::vector<std::int64_t>& list, std::size_t i) { return list[i % list.size()]; };
  double places = extent(input, 0);  // where the kernel is applied
  for (std::int64_t d = 2; d < input.dim(); ++d) {
    const auto i = static_cast<std::size_t>(d - 2);
    const std::int64_t reach = at_dim(dilation, i) * (weight.size(d) - 1) + 1;
    places *= transposed
                  ? extent(input, d)
                  : static_cast<double>((input.size(d) + 2 * at_dim(padding, i) - reach) / at_dim(stride, i) + 1);
  }
  return {2 * places * elements(weight), input.requires_grad() + weight.requires_grad()};
}

// q [S,heads,L,D], k and v [S,heads,K,D]: q·kᵀ and the weights by v, each with two factors.
CountedCall attention_call(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  const double pairs = elements(query) / extent(query, -1) * extent(key, -2);
  const bool gradient = query.requires_grad() || key.requires_grad() || value.requires_grad();
  return {2 * pairs * (extent(query, -1) + extent(value, -1)), gradient ? 2 : 0};
}

std::unique_ptr<at::ObserverContext> start(const at::RecordFunction& function) {
  if (counter == nullptr || within > 0) return nullptr;
  const std::optional<CountedCall> call = counted_call(function);
  if (!call) return nullptr;
  counter->add(*call);
  return std::make_unique<Within>();
}

}  // namespace

std::optional<CountedCall> counted_call(const at::RecordFunction& function) {
  const std::string_view name = function.name();
  const at::ArrayRef<at::IValue> in = function.inputs();
  const auto tensor = [&](std::size_t i) -> const at::Tensor& { return in[i].toTensor(); };
  if (name == "aten::convolution") return convolution_call(tensor(0), tensor(1), in);
  if (name == "aten::mm" || name == "aten::bmm" || name == "aten::mv" || name == "aten::dot") {
    return name == "aten::mv" || name == "aten::dot" ? product_call(tensor(0), tensor(1).unsqueeze(-1))
                                                     : product_call(tensor(0), tensor(1));
  }
  if (name == "aten::addmm" || name == "aten::baddbmm" || name == "aten::addbmm") {
    return product_call(tensor(1), tensor(2));
  }
  if (name == "aten::scaled_dot_product_attention" || name == "spinfill::attention")
    return attention_call(tensor(0), tensor(1), tensor(2));
  return std::nullopt;
}

FlopCounter::FlopCounter() : outer_(counter) {
  counter = this;
  handle_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(start, [](const at::RecordFunction&, at::ObserverContext*) {})
          .needsInputs(true)
          .scopes({at::RecordScope::FUNCTION}));
}

FlopCounter::~FlopCounter() {
  at::removeCallback(handle_);
  counter = outer_;
}

void FlopCounter::add(const CountedCall& call) {
  flops_.forward += call.forward;
  if (at::GradMode::is_enabled()) flops_.backward += call.forward * call.factors_with_gradient;
}

}  // namespace spinfill
