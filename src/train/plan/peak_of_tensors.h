// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <optional>

#include "core/tensors/counted_memory.h"
#include "model/device.h"

namespace spinfill {

// The most bytes of tensors, of the whole process or on its GPU. Construct it before the first tensor of the run.
class PeakOfTensors {
 public:
  explicit PeakOfTensors(at::Device device) : device_(device) {
    if (device.is_cpu()) counted_.emplace(at::kCPU);
  }
  void reset() { counted_ ? counted_->reset_peak() : reset_peak_allocated(device_); }
  std::uint64_t bytes() const {
    return counted_ ? static_cast<std::uint64_t>(counted_->peak()) : peak_allocated_bytes(device_);
  }

 private:
  at::Device device_;
  std::optional<CountedMemory> counted_;
};

}  // namespace spinfill
