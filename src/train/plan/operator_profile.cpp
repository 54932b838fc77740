// SPDX-License-Identifier: Apache-2.0
#include "train/plan/operator_profile.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <string_view>
#include <utility>

namespace spinfill {

struct OperatorTable {
  std::mutex mutex;
  std::map<std::string, OperatorTime> operators;
};

namespace {

// LibTorch's callbacks hold no state: they write to the newest table.
std::mutex newest_mutex;
std::weak_ptr<OperatorTable> newest_table;

using Clock = std::chrono::steady_clock;

double elements(const at::Tensor& tensor) {
  return static_cast<double>(tensor.numel());
}

bool holds(std::string_view name, std::string_view part) {
  return name.find(part) != std::string_view::npos;
}

// Multiply-adds counted twice. Convolution's backward makes one product for each gradient that is asked for;
// attention's makes five where forward makes two, since it computes the weights again (Dao et al. 2022,
// "FlashAttention", alg. 4).
double computed_flops(const at::RecordFunction& function) {
  const std::string_view name = function.name();
  const at::ArrayRef<at::IValue> in = function.inputs();
  const auto tensor = [&](std::size_t i) -> const at::Tensor& { return in[i].toTensor(); };
  const auto product = [](const at::Tensor& a, const at::Tensor& b) {
    return 2 * elements(a) * static_cast<double>(b.size(-1));
  };
  if (name == "aten::mm" || name == "aten::bmm") return product(tensor(0), tensor(1));
  if (name == "aten::addmm" || name == "aten::baddbmm") return product(tensor(1), tensor(2));
  if (name == "aten::convolution_backward") {  // gradient, input, weight, …, which gradients
    const auto wanted = in[in.size() - 1].toBoolList();
    const at::Tensor& result = in[7].toBool() ? tensor(1) : tensor(0);  // transposed: the input is the small side
    const double once = 2 * elements(result) * elements(tensor(2)) / static_cast<double>(tensor(2).size(0));
    return once * (static_cast<double>(wanted.get(0)) + static_cast<double>(wanted.get(1)));
  }
  const auto scores = [&](std::size_t query) { return product(tensor(query), tensor(query + 1).transpose(-1, -2)); };
  if (name == "aten::_scaled_dot_product_flash_attention_for_cpu" || name == "spinfill::attention")
    return 2 * scores(0);
  if (name == "aten::_scaled_dot_product_flash_attention_for_cpu_backward") return 5 * scores(1);
  if (name == "spinfill::attention_backward") return 5 * scores(0);
  return 0;
}

// Forward is counted from the result: it holds padding and stride.
double convolution_flops(const at::RecordFunction& function, const at::Tensor& weight) {
  if (function.outputs().empty() || !function.outputs()[0].isTensor()) return 0;
  return 2 * elements(function.outputs()[0].toTensor()) * elements(weight) / static_cast<double>(weight.size(0));
}

thread_local double* time_of_called = nullptr;  // of the operator that runs
thread_local int within_counted = 0;

struct Running : at::ObserverContext {
  double called = 0;
  double* outer = std::exchange(time_of_called, &called);
  double flops = 0;
  at::Tensor weight;  // of a convolution
  bool counted = false;
  Clock::time_point start;
};

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  auto running = std::make_unique<Running>();
  if (within_counted == 0) {
    running->flops = computed_flops(function);
    if (std::string_view(function.name()) == "aten::convolution" && !function.inputs()[6].toBool()) {
      running->weight = function.inputs()[1].toTensor();
    }
    running->counted = running->flops > 0 || running->weight.defined();
    within_counted += running->counted;
  }
  running->start = Clock::now();
  return running;
}

void end(const at::RecordFunction& function, at::ObserverContext* context) {
  auto& running = *static_cast<Running*>(context);
  const double total = std::chrono::duration<double>(Clock::now() - running.start).count();
  time_of_called = running.outer;
  if (time_of_called != nullptr) *time_of_called += total;
  within_counted -= running.counted;
  if (running.weight.defined()) running.flops = convolution_flops(function, running.weight);
  std::shared_ptr<OperatorTable> table;
  {
    const std::lock_guard lock(newest_mutex);
    table = newest_table.lock();
  }
  if (!table) return;
  const std::lock_guard lock(table->mutex);
  OperatorTime& time = table->operators[function.name()];
  ++time.calls;
  time.seconds += total - running.called;
  time.flops += running.flops;
}

}  // namespace

std::string kind_of(const std::string& operator_name) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 24> kKinds = {{
      {"conv", "convolution"},    {"scaled_dot_product", "attention"},
      {"::mm", "matrix product"}, {"addmm", "matrix product"},
      {"bmm", "matrix product"},  {"vector_norm", "optimizer"},
      {"foreach", "optimizer"},   {"adamw", "optimizer"},
      {"_norm", "normalisation"}, {"silu", "activation"},
      {"gelu", "activation"},     {"sigmoid", "activation"},
      {"tanh", "activation"},     {"softmax", "activation"},
      {"copy", "copy"},           {"aten::cat", "copy"},
      {"clone", "copy"},          {"contiguous", "copy"},
      {"empty", "copy"},          {"resize", "copy"},
      {"index_select", "copy"},   {"pixel_", "copy"},
      {"fill_", "copy"},          {"zero_", "copy"},
  }};
  if (operator_name.starts_with("spinfill::attention")) return "attention";
  if (!operator_name.starts_with("aten::")) return "other";
  for (const auto& [part, kind] : kKinds) {
    if (holds(operator_name, part)) return kind;
  }
  return "other";
}

OperatorProfile::OperatorProfile() : table_(std::make_shared<OperatorTable>()) {
  {
    const std::lock_guard lock(newest_mutex);
    newest_table = table_;
  }
  handle_ = at::addGlobalCallback(at::RecordFunctionCallback(begin, end)
                                      .needsInputs(true)
                                      .needsOutputs(true)
                                      .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
}

OperatorProfile::~OperatorProfile() {
  at::removeCallback(handle_);
}

std::vector<OperatorTime> OperatorProfile::times() const {
  const std::lock_guard lock(table_->mutex);
  std::vector<OperatorTime> list;
  for (const auto& [name, time] : table_->operators) {
    list.push_back(time);
    list.back().name = name;
    list.back().kind = kind_of(name);
  }
  std::ranges::sort(list, std::greater{}, &OperatorTime::seconds);
  return list;
}

std::vector<OperatorTime> by_kind(const std::vector<OperatorTime>& operators) {
  std::map<std::string, OperatorTime> kinds;
  for (const OperatorTime& time : operators) {
    OperatorTime& sum = kinds[time.kind];
    sum.kind = time.kind;
    sum.calls += time.calls;
    sum.seconds += time.seconds;
    sum.flops += time.flops;
  }
  std::vector<OperatorTime> list;
  for (auto& [kind, sum] : kinds) list.push_back(std::move(sum));
  std::ranges::sort(list, std::greater{}, &OperatorTime::seconds);
  return list;
}

}  // namespace spinfill
