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

// The store of a rank's world, once all ranks have joined it (joining.cpp). `what` is what they do together: "/runs/a".
// Within `seconds` in all, however that time is spent. Exit 3 names who did not come, and where. Exit 2: the world
// there is another one (number of ranks, job or `what` differ), or another process has this rank. Where a rank is asked
// to stop before all have come, all that came throw Stopped.
c10::intrusive_ptr<c10d::Store> meet(const RankPlace& place, const std::string& what, double seconds);

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
