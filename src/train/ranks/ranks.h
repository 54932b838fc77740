// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "train/ranks/rank_place.h"

namespace spinfill {

// Size of the pieces in which gradients and weights are sent, one after the other.
inline constexpr std::int64_t kBucketBytes = 25 << 20;

struct GroupMaker;

struct RankTimeouts {
  double join = 600;  // seconds until all processes must have met
  double wait = 300;  // seconds that a process waits for the others in one exchange
};

// The processes that train one model together (c10d: TCPStore; NCCL on GPUs, Gloo on processors). Every exchange is
// called by all ranks in the same order. With a world of one nothing is exchanged and no connection made.
//
// An exchange that fails or takes too long throws (exit 3) and says which rank was last seen at which step in which
// phase, and, if that rank itself failed, what it said. One that cannot be ended ends the process, with the same line
// and exit code (rank_watch.h). On GPUs, too, an exchange returns when it is made, not when it is begun.
class Ranks {
 public:
  Ranks();  // a world of one
  // `what` the processes do together, such as the run's folder: those that do something else are refused (exit 2).
  // Stopped where they are asked to stop before all have come.
  // `other`: exchanges by something else than NCCL or Gloo (train/ranks/connection.h), for tests.
  Ranks(const RankPlace& place, at::Device device, const std::string& what, const RankTimeouts& timeouts,
        const GroupMaker* other = nullptr);
  // Without leave() the connections are dropped, not closed cleanly: the others fail at once instead of waiting.
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  const RankPlace& place() const { return place_; }
  int rank() const { return place_.rank; }
  int world() const { return place_.world; }
  bool first() const { return place_.rank == 0; }  // writes the run's files

  // What this rank does from now on, for the others' messages.
  void at(std::int64_t step, const std::string& phase);
  // Why this rank ends, for the others' messages; call it before leaving by an error.
  void tell_failure(const std::string& message) noexcept;
  // Call it after the last exchange, all ranks together.
  void leave();

  void sum(at::Tensor& values);                                  // in place, over all ranks; bit-equal everywhere
  bool any(bool value);                                          // true where any rank's is
  void copy_from_first(const std::vector<at::Tensor>& tensors);  // in place
  // `slice` [n] becomes this rank's slice of the sum of `whole` [W·n] over all ranks (reduce-scatter); `whole` is lost.
  void sum_slices(const at::Tensor& whole, const at::Tensor& slice);
  // All ranks' slices [n], one after the other, in `whole` [W·n] (all-gather).
  void join_slices(const at::Tensor& slice, const at::Tensor& whole);
  std::vector<std::string> gather(const std::string& mine);  // of all ranks, in their order
  std::string from_first(const std::string& mine);
  // Seconds that this rank spent in exchanges so far: those above, and those of gradients that backward did not hide.
  // On GPUs this includes what the device still had to compute before.
  double waited_seconds() const { return waited_; }
  // Fails on every rank if some rank's text differs from rank 0's.
  void require_equal(const std::string& what, const std::string& mine);

 private:
  friend class GradientReducer;
  struct Connection;  // train/ranks/connection.h
  // Turns what goes wrong in `body` into the error that is described above.
  void guard(const std::function<void()>& body);
  void wait(const std::function<void()>& body);      // the same for what waits for other ranks, until it is made
  void exchange(const std::function<void()>& body);  // the same, and its time counts as waited
  RankPlace place_;
  at::Device device_ = at::kCPU;
  RankTimeouts timeouts_;
  std::int64_t step_ = 0;
  std::string phase_ = "start";
  double waited_ = 0;
  std::unique_ptr<Connection> connection_;
};

}  // namespace spinfill
