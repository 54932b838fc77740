// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <string>

#include "core/config/named.h"

namespace spinfill {

enum class DeviceChoice { automatic, cpu, cuda };
template <>
inline constexpr Named<DeviceChoice> kNamesOf<DeviceChoice>[] = {
    {DeviceChoice::automatic, "auto"}, {DeviceChoice::cpu, "cpu"}, {DeviceChoice::cuda, "cuda"}};

// cuda (an error, exit 2, where there is none) or automatic: a GPU if there is one, the index-th of this machine (an
// error where there are fewer).
c10::Device choose_device(DeviceChoice choice, int index = 0);
c10::Device choose_device(const std::string& name, int index = 0);  // as a command line names it

// Most bytes that tensors held on a GPU since the start or reset_peak_allocated(), without what its allocator keeps in
// reserve. On a processor: core/tensors/counted_memory.h.
std::uint64_t peak_allocated_bytes(c10::Device gpu);
void reset_peak_allocated(c10::Device gpu);
// Of a GPU, or of the machine. Bytes.
std::uint64_t total_memory(c10::Device device);

// Peak memory so far: of the GPU's allocator, or the process's resident set on a CPU. Bytes.
std::uint64_t peak_bytes(c10::Device device);

// A processor's tensor on the device. A GPU fetches the copy on its own: nothing waits for it.
at::Tensor sent(const at::Tensor& tensor, c10::Device device);

}  // namespace spinfill
