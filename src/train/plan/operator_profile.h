// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace spinfill {

struct OperatorTable;

// What one tensor operator took on all threads together, without the operators that it calls.
struct OperatorTime {
  std::string name;  // "aten::convolution_backward"
  std::string kind;  // kind_of(name)
  std::int64_t calls = 0;
  double seconds = 0;  // wall time of each call, summed
  double flops = 0;    // of the products that it made, as computed: backward too (model/cost/flops.h)
};

// "convolution", "matrix product", "attention", "normalisation", "activation", "optimizer", "copy" (moves and memory)
// or "other" (element-wise, sums, autograd's own work).
std::string kind_of(const std::string& operator_name);

// Times every tensor operator of the process while it lives, on a processor: on a GPU operators only queue their work.
// Costs about a microsecond per call. Operators that LibTorch runs on several threads count the time of their caller.
class OperatorProfile {
 public:
  OperatorProfile();
  ~OperatorProfile();
  OperatorProfile(const OperatorProfile&) = delete;
  OperatorProfile& operator=(const OperatorProfile&) = delete;
  std::vector<OperatorTime> times() const;  // the longest first

 private:
  std::shared_ptr<OperatorTable> table_;
  std::uint64_t handle_;
};

// The same by kind, the longest first; names are left empty.
std::vector<OperatorTime> by_kind(const std::vector<OperatorTime>& operators);

}  // namespace spinfill
