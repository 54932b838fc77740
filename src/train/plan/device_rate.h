// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <optional>
#include <string>

namespace spinfill {

// Operations a second of matrix products, 2 per multiply-add: what a step's achieved rate is compared with.
struct MeasuredRate {
  double flops_per_second = 0;
  std::string how;  // "a float32 matrix product of 1024³ on 2 threads"
};
// Of the fastest of several products; on a processor, with `threads` threads.
MeasuredRate measure_rate(c10::Device device, c10::ScalarType dtype, int threads);

// "NVIDIA H100 80GB HBM3", as the driver names this machine's first GPU; empty for a processor or where it names none.
std::string device_name(c10::Device device);

// Dense tensor-core rates from the makers' data sheets, without sparsity. float32 is given as TF32's, which
// convolutions use; 0 where there is none.
struct SheetRate {
  std::string name;
  double bfloat16 = 0, float32 = 0;
};
// Of a device whose name contains a known one ("H100", "RTX 4090").
std::optional<SheetRate> sheet_rate(const std::string& device_name);

}  // namespace spinfill
