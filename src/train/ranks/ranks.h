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

struct RankTimeouts {
  double join = 600;  // seconds until all processes must have met
  double wait = 300;  // seconds that a process waits for the others in one exchange
};

// The processes that train one model together (c10d: TCPStore; NCCL on GPUs, Gloo on processors). Every exchange is
// called by all ranks in the same order. With a world of one nothing is exchanged and no connection made.
//
// An exchange that fails or takes too long throws (exit 3): which rank was last seen at which step in which phase, and
// what it said when it failed itself.
class Ranks {
 public:
  Ranks();  // a world of one
  Ranks(const RankPlace& place, at::Device device, const RankTimeouts& timeouts);
  // Without leave() the connections are dropped, not closed in order: the others fail at once instead of waiting.
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
  // After the last exchange, all ranks together.
  void leave();

  void sum(at::Tensor& values);                                  // in place, over all ranks; bit-equal everywhere
  bool any(bool value);                                          // true where any rank's is
  void copy_from_first(const std::vector<at::Tensor>& tensors);  // in place
  // `whole` [W·n] becomes undefined; `slice` [n] this rank's slice of its sum over all ranks (reduce-scatter).
  void sum_slices(const at::Tensor& whole, const at::Tensor& slice);
  // All ranks' slices [n], one after the other, in `whole` [W·n] (all-gather).
  void join_slices(const at::Tensor& slice, const at::Tensor& whole);
  std::vector<std::string> gather(const std::string& mine);  // of all ranks, in their order
  std::string from_first(const std::string& mine);
  // Seconds that this rank spent in exchanges so far: those above, and of the gradients what backward did not hide. On
  // GPUs exchanges wait on the device, which this clock does not see.
  double waited_seconds() const { return waited_; }
  // Fails on every rank where some rank's text differs from rank 0's.
  void require_equal(const std::string& what, const std::string& mine);

 private:
  friend class GradientExchange;
  struct Connection;
  void exchange(const std::function<void()>& body);
  std::string diagnosis();
  RankPlace place_;
  at::Device device_ = at::kCPU;
  RankTimeouts timeouts_;
  std::int64_t step_ = 0;
  std::string phase_ = "start";
  double waited_ = 0;
  std::unique_ptr<Connection> connection_;
};

// The store where ranks meet, served by this process at a free port until it is destroyed.
class StoreServer {
 public:
  StoreServer();
  ~StoreServer();
  StoreServer(const StoreServer&) = delete;
  StoreServer& operator=(const StoreServer&) = delete;
  int port() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class WeightShards;

// Adds up the gradients of all ranks: in buckets, while backward still runs (c10d::Reducer), or at once; or, where
// weights are shared among ranks, for each piece on the rank that holds it.
class GradientExchange {
 public:
  // `overlap`: in buckets while backward runs, for which every parameter must take part in every last micro-batch.
  GradientExchange(Ranks& ranks, std::vector<at::Tensor> parameters, bool overlap = true,
                   WeightShards* shards = nullptr);
  ~GradientExchange();

  // Backward of a loss; with `last`, of a step's last micro-batch, the gradients of all ranks are added up on the way.
  void backward(const at::Tensor& loss, bool last);
  // Adds up gradients that were made without backward().
  void sum_now();
  // The norm of all gradients, of that of those which the optimiser of this rank has.
  double norm(double own) const;
  // After the optimiser's step: its pieces become all ranks' weights, where they are shared.
  void publish();
  // By what the gradients must be multiplied to be sums: the reducer gives means.
  double factor() const;

 private:
  Ranks& ranks_;
  std::vector<at::Tensor> parameters_;
  struct Reducer;
  struct LastGradient;  // when backward made it
  std::unique_ptr<LastGradient> last_gradient_;
  std::vector<unsigned> hooks_;  // of parameters_
  std::unique_ptr<Reducer> reducer_;
  WeightShards* shards_;
  bool reduced_ = false;
};

}  // namespace spinfill
