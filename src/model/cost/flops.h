// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/record_function.h>

#include <cstdint>
#include <optional>

namespace spinfill {

// Floating-point operations of matrix products, convolutions and attention: 2 per multiply-add; everything else
// (norms, activations, sums) counts nothing, as in Kaplan et al. 2020, "Scaling laws for neural language models", §2.1,
// and Chowdhery et al. 2022, "PaLM", appendix B. Backward makes one product of the same size for each factor that needs
// a gradient: 2× forward within the network, 1× where the weights are fixed (LPIPS). What gradient checkpointing would
// compute twice counts once.
struct Flops {
  double forward = 0, backward = 0;
  double total() const { return forward + backward; }
};

// What one call of LibTorch's operators counts, from its inputs; none where it counts nothing. Calls within a counted
// one are that one's own.
struct CountedCall {
  double forward = 0;
  int factors_with_gradient = 0;
};
std::optional<CountedCall> counted_call(const at::RecordFunction& function);

// Counts what this thread computes forward while the object lives, on any device, kMeta too. Backward follows from
// what requires a gradient; do not run it meanwhile.
class FlopCounter {
 public:
  FlopCounter();
  ~FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;
  const Flops& flops() const { return flops_; }
  void add(const CountedCall& call);

 private:
  Flops flops_;
  std::uint64_t handle_;
  FlopCounter* outer_;
};

}  // namespace spinfill
