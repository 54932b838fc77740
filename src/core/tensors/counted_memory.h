// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace spinfill {

// Counts the bytes that tensors hold, over all threads, by standing in front of LibTorch's allocator of the processor
// (kCPU) or of tensors without memory (kMeta: what they would hold). Not counted: what was allocated before, and
// the data set's pictures and indexes, which are no tensors. One object per kind of device at a time, made
// and destroyed while no other thread uses tensors of it; tensors may outlive it.
class CountedMemory {
 public:
  explicit CountedMemory(c10::DeviceType device);
  ~CountedMemory();
  CountedMemory(const CountedMemory&) = delete;
  CountedMemory& operator=(const CountedMemory&) = delete;

  std::int64_t held() const;  // bytes now
  std::int64_t peak() const;  // most bytes since the start or the last reset_peak()
  void reset_peak();          // to what is held now

 private:
  c10::DeviceType device_;
};

}  // namespace spinfill
