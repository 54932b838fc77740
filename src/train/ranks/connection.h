// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "train/ranks/ranks.h"

// Internal to train/ranks: the only folder that depends on LibTorch's distributed interface, which changes between
// releases (CMake pins the version).
namespace spinfill {

struct Ranks::Connection {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroup> group;
};

// The store of a rank's world, once all ranks have joined it. Errors (exit 3) name who did not, and where.
c10::intrusive_ptr<c10d::Store> meet(const RankPlace& place, double seconds);

// What a rank tells the others about itself: where it is, and why it ends.
void set_place(c10d::Store& store, int rank, std::int64_t step, const std::string& phase);
void set_failure(c10d::Store& store, int rank, std::int64_t step, const std::string& phase, const std::string& why);
// What the other ranks last said, first those that failed or were seen longest ago; the store may be gone or hang.
std::string others_told(c10d::Store& store, const RankPlace& place);

// The ranks' process group: NCCL on GPUs, Gloo on processors. `wait` is the time that an exchange may take.
c10::intrusive_ptr<c10d::ProcessGroup> make_process_group(const c10::intrusive_ptr<c10d::Store>& store,
                                                          const RankPlace& place, at::Device device,
                                                          std::chrono::milliseconds wait);

std::chrono::milliseconds milliseconds_of(double seconds);

// The first line of a message of LibTorch or Gloo, without the place in their source.
std::string first_line(const std::string& text);

}  // namespace spinfill
