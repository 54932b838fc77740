// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "train/ranks/rank_place.h"

namespace spinfill {

// Sees to it that a wait for ranks that will not come ends: on GPUs nothing else would (Work::wait() of NCCL only
// orders streams, and a copy to the host then blocks for ever). From threads of its own, so that it also does while
// the training thread is blocked.
//
// Every rank writes its heartbeat into the store and reads that of the next one, rank + 1, so that all are watched at
// a cost that does not depend on their number. While the training thread waits, and only then, it is judged that the
// wait will not end, where
//   · some rank said that it ends (say_over), or the launcher said so of a rank (store_server.h);
//   · the next rank's heartbeat, once it beat, stood still for silence_limit() seconds: it is dead or stopped;
//   · the store was rank 0's and is gone;
//   · the wait has taken longer than the group's patience: a rank lives, but hangs.
// Then the process group is aborted, which ends the wait; the training thread comes back and throws line(). Where not
// even that ends it within kGrace seconds, the line is printed here and the process ends with exit code 3.
//
// A process that was itself stopped for a while, and the store while it does not answer, count as no silence.
class RankWatch {
 public:
  static constexpr double kGrace = 5;  // seconds

  // `own`: a client of the store that nobody else uses; `asked`: one for what is asked once the wait is judged.
  // `wait`: train.rank_timeout, seconds.
  RankWatch(const RankPlace& place, c10::intrusive_ptr<c10d::Store> own, c10::intrusive_ptr<c10d::Store> asked,
            double wait);
  ~RankWatch();
  RankWatch(const RankWatch&) = delete;
  RankWatch& operator=(const RankWatch&) = delete;

  // What ends the waits of the training thread, and how many seconds one may take.
  void protect(std::function<void()> abort, double patience);
  void at(std::int64_t step, const std::string& phase);

  // Around every wait of the training thread. end_wait: whether it was judged; nothing that it brought may be used
  // then.
  void begin_wait();
  bool end_wait();
  void progress();  // the wait is a new one from here on

  bool judged() const;  // this rank ends for others, not by itself
  // The one line for the user; `why`: what went wrong, where nothing was judged. The watch ends no process from here
  // on.
  std::string line(const std::string& why);
  void abort();  // of the process group, once; waits kGrace seconds at most

  // Seconds: a fifth of the time that a wait may take, but at least ten.
  static double silence_limit(double wait);

 private:
  struct State;
  std::shared_ptr<State> state_;  // its threads may be blocked in the store, and are left behind then
};

}  // namespace spinfill
