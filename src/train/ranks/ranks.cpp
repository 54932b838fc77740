// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/ranks.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "train/ranks/connection.h"

namespace spinfill {
namespace {

constexpr auto kClosing = std::chrono::seconds(30);  // limit for a clean close
constexpr double kLastLeave = 10;                    // seconds: the store is served until all have left, but no longer
constexpr auto kLookForLeft = std::chrono::milliseconds(20);
constexpr const char* kHaveLeft = "have left";

// Whether it came to its end in time; else it is left behind, at work.
bool done_in_time(const std::function<void()>& work) {
  auto promise = std::make_shared<std::promise<void>>();
  const std::future<void> done = promise->get_future();
  std::thread([promise, work = work]() mutable {
    try {
      std::exchange(work, nullptr)();
    } catch (const std::exception&) {
      // Everything was exchanged: there is nothing left that could be lost.
    }
    promise->set_value();
  }).detach();
  return done.wait_for(kClosing) == std::future_status::ready;
}

// A store that a rank serves ends with that rank.
void wait_until_all_have_left(c10d::Store& store, const RankPlace& place) {
  if (place.store_is_served) return;
  try {
    const Stopwatch watch;
    std::int64_t left = store.add(kHaveLeft, 1);
    while (place.rank == 0 && left < place.world && watch.seconds() < kLastLeave) {
      std::this_thread::sleep_for(kLookForLeft);
      left = store.add(kHaveLeft, 0);
    }
  } catch (const std::exception&) {
    // Rank 0 is gone.
  }
}

}  // namespace

Ranks::Ranks() = default;

Ranks::Ranks(const RankPlace& place, at::Device device, const std::string& what, const RankTimeouts& timeouts,
             const GroupMaker* other)
    : place_(place), device_(device), timeouts_(timeouts) {
  if (place.world == 1) return;
  connection_ = std::make_unique<Connection>();
  connection_->store = meet(place, what, timeouts.join);
  guard([&] {
    connection_->watch =
        std::make_unique<RankWatch>(place, connection_->store->clone(), connection_->store, timeouts.wait);
  });
  at(0, "start");
  wait([&] {
    RankGroup& group = connection_->group;
    group = (other != nullptr ? *other : GroupMaker()).make(connection_->store, place, device, timeouts.wait);
    connection_->watch->protect(group.abort, group.patience);
  });
}

Ranks::~Ranks() {
  if (!connection_) return;
  // A clean close would wait for exchanges that will never end.
  connection_->watch->abort();
  connection_->watch.reset();
  (void)connection_.release();
}

void Ranks::at(std::int64_t step, const std::string& phase) {
  step_ = step;
  phase_ = phase;
  if (!connection_) return;
  connection_->watch->at(step, phase);
  try {
    set_place(*connection_->store, place_.rank, step, phase);
  } catch (const std::exception&) {
    // The store only carries messages by now; the next exchange shows whether its process is gone.
  }
}

void Ranks::tell_failure(const std::string& message) noexcept {
  // Where others made this rank end, they are to be named.
  if (!connection_ || !connection_->store || connection_->watch->judged()) return;
  try {
    set_failure(*connection_->store, place_.rank, step_, phase_, message);
    say_over(*connection_->store, fmt::format("rank {} ended", place_.rank));
  } catch (const std::exception&) {
    // It is printed on this rank's own stderr as well.
  }
}

void Ranks::leave() {
  if (!connection_) return;
  any(false);
  const bool closed = done_in_time(connection_->group.close);
  if (!closed) {
    log_warning("rank {}: the connections to the other ranks could not be closed; all was done before", place_.rank);
    connection_->watch->abort();
  }
  // Nobody uses the store any more when its server ends.
  connection_->watch.reset();
  wait_until_all_have_left(*connection_->store, place_);
  if (closed)
    connection_.reset();
  else
    (void)connection_.release();
}

void Ranks::guard(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    if (!connection_ || !connection_->watch) throw;
    const std::string line = connection_->watch->line(first_line(error.what()));
    connection_->watch->abort();
    throw Error(ExitCode::runtime, line);
  }
}

void Ranks::wait(const std::function<void()>& body) {
  guard([&] {
    RankWatch& watch = *connection_->watch;
    watch.begin_wait();
    const auto judged = [&] { return watch.end_wait(); };
    try {
      body();
      connection_->group.finish();
    } catch (...) {
      judged();
      throw;
    }
    // Its results are no results.
    if (judged()) throw std::runtime_error("an exchange was given up");
  });
}

void Ranks::exchange(const std::function<void()>& body) {
  const Stopwatch watch;
  wait(body);
  waited_ += watch.seconds();
}

void Ranks::sum(at::Tensor& values) {
  if (!connection_) return;
  exchange([&] {
    std::vector<at::Tensor> list = {values.to(device_).contiguous()};
    connection_->group.exchanges->allreduce(list)->wait();
    values.copy_(list[0]);
  });
}

bool Ranks::any(bool value) {
  if (!connection_) return value;
  at::Tensor flag = at::full({1}, value ? 1.0 : 0.0, at::kFloat);
  sum(flag);
  return flag.item<float>() > 0;
}

void Ranks::copy_from_first(const std::vector<at::Tensor>& tensors) {
  if (!connection_) return;
  const at::NoGradGuard no_grad;
  exchange([&] {
    for (const at::Tensor& tensor : tensors) {
      std::vector<at::Tensor> list = {tensor.detach().to(device_).contiguous()};
      c10d::BroadcastOptions options;
      connection_->group.exchanges->broadcast(list, options)->wait();
      if (!list[0].is_same(tensor)) tensor.detach().copy_(list[0]);
      connection_->watch->progress();
    }
  });
}

void Ranks::sum_slices(const at::Tensor& whole, const at::Tensor& slice) {
  if (!connection_) {
    slice.copy_(whole);
    return;
  }
  exchange([&] {
    at::Tensor from = whole, to = slice;
    connection_->group.exchanges->_reduce_scatter_base(to, from)->wait();
  });
}

void Ranks::join_slices(const at::Tensor& slice, const at::Tensor& whole) {
  if (!connection_) {
    whole.copy_(slice);
    return;
  }
  exchange([&] {
    at::Tensor from = slice, to = whole;
    connection_->group.exchanges->_allgather_base(to, from)->wait();
  });
}

std::vector<std::string> Ranks::gather(const std::string& mine) {
  if (!connection_) return {mine};
  at::Tensor lengths = at::zeros({world()}, at::kLong);
  lengths[rank()] = static_cast<std::int64_t>(mine.size());
  sum(lengths);
  const std::int64_t longest = std::max<std::int64_t>(1, lengths.max().item<std::int64_t>());
  std::vector<std::string> all;
  exchange([&] {
    at::Tensor bytes = at::zeros({longest}, at::kByte);
    std::copy(mine.begin(), mine.end(), bytes.mutable_data_ptr<std::uint8_t>());
    std::vector<at::Tensor> in = {bytes.to(device_)};
    std::vector<std::vector<at::Tensor>> out(1);
    for (int rank = 0; rank < world(); ++rank) out[0].push_back(at::empty_like(in[0]));
    connection_->group.exchanges->allgather(out, in)->wait();
    for (int rank = 0; rank < world(); ++rank) {
      const at::Tensor own = out[0][static_cast<std::size_t>(rank)].cpu();
      const auto* data = reinterpret_cast<const char*>(own.const_data_ptr<std::uint8_t>());
      all.emplace_back(data, static_cast<std::size_t>(lengths[rank].item<std::int64_t>()));
    }
  });
  return all;
}

std::string Ranks::from_first(const std::string& mine) {
  return gather(first() ? mine : "").front();
}

void Ranks::require_equal(const std::string& what, const std::string& mine) {
  const std::vector<std::string> all = gather(mine);
  for (int rank = 1; rank < world(); ++rank) {
    if (all[static_cast<std::size_t>(rank)] != all.front())
      fail_usage("rank {} has another {} than rank 0: start all processes alike", rank, what);
  }
}

}  // namespace spinfill
