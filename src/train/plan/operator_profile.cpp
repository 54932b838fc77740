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

#include "model/cost/flops.h"

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

// Of products as they are computed: forward as cost/flops.h counts them, backward by the gradients that are asked for.
// Attention's makes five products where forward makes two, since it computes the weights again (Dao et al. 2022,
// "FlashAttention", alg. 4).
double computed_flops(const at::RecordFunction& function) {
  if (const auto call = counted_call(function)) return call->forward;
  const std::string_view name = function.name();
  const at::ArrayRef<at::IValue> in = function.inputs();
  const auto tensor = [&](std::size_t i) -> const at::Tensor& { return in[i].toTensor(); };
  if (name == "aten::convolution_backward") {  // gradient, input, weight, …, transposed, …, which gradients
    const auto wanted = in[in.size() - 1].toBoolList();
    const at::Tensor& places = in[7].toBool() ? tensor(1) : tensor(0);
    const double once = 2 * elements(places) * elements(tensor(2)) / static_cast<double>(tensor(2).size(0));
    return once * (static_cast<double>(wanted.get(0)) + static_cast<double>(wanted.get(1)));
  }
  const auto scores = [&](std::size_t query) {
    return 2 * elements(tensor(query)) * static_cast<double>(tensor(query + 1).size(-2));
  };
  if (name == "aten::_scaled_dot_product_flash_attention_for_cpu_backward") return 5 * scores(1);
  if (name == "spinfill::attention_backward") return 5 * scores(0);
  return 0;
}

struct Running;
thread_local Running* innermost = nullptr;
thread_local int within_counted = 0;

struct Running : at::ObserverContext {
  Running* outer = std::exchange(innermost, this);
  double called = 0;    // seconds of the operators that it calls
  std::string longest;  // the one that did its work, when that was not itself: convolution is done by another operator
  double longest_seconds = 0;
  double flops = 0;
  Clock::time_point start;
};

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  auto running = std::make_unique<Running>();
  if (within_counted == 0) running->flops = computed_flops(function);
  within_counted += running->flops > 0;
  running->start = Clock::now();
  return running;
}

void end(const at::RecordFunction& function, at::ObserverContext* context) {
  auto& running = *static_cast<Running*>(context);
  const double total = std::chrono::duration<double>(Clock::now() - running.start).count();
  const double own = total - running.called;
  const std::string name = function.name();
  const bool by_another = running.longest_seconds > own && kind_of(running.longest) == kind_of(name);
  const std::string& worker = by_another ? running.longest : name;
  within_counted -= running.flops > 0;
  innermost = running.outer;
  if (innermost != nullptr) {
    innermost->called += total;
    if (total > innermost->longest_seconds) {
      innermost->longest_seconds = total;
      innermost->longest = worker;
    }
  }
  std::shared_ptr<OperatorTable> table;
  {
    const std::lock_guard lock(newest_mutex);
    table = newest_table.lock();
  }
  if (!table) return;
  const std::lock_guard lock(table->mutex);
  OperatorTime& time = table->operators[name];
  ++time.calls;
  time.seconds += own;
  table->operators[worker].flops += running.flops;
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
