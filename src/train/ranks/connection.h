// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "train/ranks/rank_watch.h"
#include "train/ranks/ranks.h"

// Internal to train/ranks: the only folder that depends on LibTorch's distributed interface, which changes between
// releases (CMake pins the version).
namespace spinfill {

// What exchanges, and what is done to it. All of it may be called from any thread.
struct RankGroup {
  c10::intrusive_ptr<c10d::ProcessGroup> exchanges;
  double patience = 0;                   // seconds after which the watch ends a wait
  std::function<void()> finish = [] {};  // returns once the device has made the exchanges begun so far
  std::function<void()> abort = [] {};   // ends them, wherever they are
  std::function<void()> close = [] {};   // after the last exchange, all ranks together
};

// The ranks' process group: NCCL on GPUs, Gloo on processors. `wait`: seconds that an exchange may take.
RankGroup make_rank_group(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place, at::Device device,
                          double wait);
struct GroupMaker {
  std::function<RankGroup(const c10::intrusive_ptr<c10d::Store>&, const RankPlace&, at::Device, double)> make =
      make_rank_group;
};

struct Ranks::Connection {
  c10::intrusive_ptr<c10d::Store> store;
  RankGroup group;
  std::unique_ptr<RankWatch> watch;
};

// The store of a rank's world, once all ranks have joined it (joining.cpp). `what` is what they do together: "/runs/a".
// Within `seconds` in all, however that time is spent. Exit 3 names who did not come, and where. Exit 2: the world
// there is another one (number of ranks, job or `what` differ), or another process has this rank. Where a rank is asked
// to stop before all have come, all that came throw Stopped.
c10::intrusive_ptr<c10d::Store> meet(const RankPlace& place, const std::string& what, double seconds);

// Keys of the store are below this. A launcher's store outlives a restart: each attempt has keys of its own.
std::string store_prefix();

// What a rank tells the others about itself: where it is, why it ends, that it lives and whether it waits for them.
void set_place(c10d::Store& store, int rank, std::int64_t step, const std::string& phase);
void set_failure(c10d::Store& store, int rank, std::int64_t step, const std::string& phase, const std::string& why);
void set_beat(c10d::Store& store, int rank, bool waits);
std::string beat_of(c10d::Store& store, int rank);  // another one with every beat; empty before the first
// What its launcher saw of a rank's end: "ended by signal 9 (Killed)".
void set_end(c10d::Store& store, int rank, const std::string& how);
// That the ranks will not go on together, and why; empty where nobody said so.
void say_over(c10d::Store& store, const std::string& why);
std::string said_over(c10d::Store& store);
// What the other ranks last said, first those that failed, ended or were seen longest ago, then those that let the
// others wait; the store may be gone or hang.
std::string others_told(c10d::Store& store, const RankPlace& place);

std::chrono::milliseconds milliseconds_of(double seconds);

// The first line of a message of LibTorch or Gloo, without the place in their source.
std::string first_line(const std::string& text);

}  // namespace spinfill
