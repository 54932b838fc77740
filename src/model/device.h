// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace spinfill {

// "cpu", "cuda" (an error, exit 2, where there is none) or "auto": a GPU if there is one, the index-th of this machine
// (an error where there are fewer).
c10::Device choose_device(const std::string& name, int index = 0);

// Peak memory so far: of the GPU's allocator, or the process's resident set on a CPU. Bytes.
std::uint64_t peak_bytes(c10::Device device);

}  // namespace spinfill
