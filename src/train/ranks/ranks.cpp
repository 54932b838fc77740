// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/ranks.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "core/error.h"
#include "core/stopwatch.h"
#include "train/ranks/connection.h"

namespace spinfill {
namespace {

constexpr auto kAskingTakes = std::chrono::seconds(5);  // limit for the store's answer after a failure

}  // namespace

Ranks::Ranks() = default;

Ranks::Ranks(const RankPlace& place, at::Device device, const std::string& what, const RankTimeouts& timeouts)
    : place_(place), device_(device), timeouts_(timeouts) {
  if (place.world == 1) return;
  connection_ = std::make_unique<Connection>();
  connection_->store = meet(place, what, timeouts.join);
  at(0, "start");
  guard([&] {
    connection_->group = make_process_group(connection_->store, place, device, milliseconds_of(timeouts.wait));
  });
}

Ranks::~Ranks() {
  // A clean close would wait for exchanges that will never end.
  if (connection_) (void)connection_.release();
}

void Ranks::at(std::int64_t step, const std::string& phase) {
  step_ = step;
  phase_ = phase;
  if (!connection_) return;
  try {
    set_place(*connection_->store, place_.rank, step, phase);
  } catch (const std::exception&) {
    // The store only carries messages by now; the next exchange shows whether its process is gone.
  }
}

void Ranks::tell_failure(const std::string& message) noexcept {
  if (!connection_ || !connection_->store) return;
  try {
    set_failure(*connection_->store, place_.rank, step_, phase_, message);
  } catch (const std::exception&) {
    // It is printed on this rank's own stderr as well.
  }
}

void Ranks::leave() {
  if (!connection_) return;
  any(false);
  connection_->group.reset();
  connection_.reset();
}

std::string Ranks::diagnosis() {
  // The store may be gone or hang, so another thread asks it.
  auto asked = std::make_shared<std::promise<std::string>>();
  std::future<std::string> answer = asked->get_future();
  std::thread([asked, store = connection_->store, place = place_] {
    try {
      asked->set_value(others_told(*store, place));
    } catch (const std::exception&) {
      asked->set_value("");
    }
  }).detach();
  const std::string server = place_.store_is_served ? "the launcher" : "rank 0";
  if (answer.wait_for(kAskingTakes) != std::future_status::ready)
    return fmt::format("the store of {} at {}:{} does not answer", server, place_.host, place_.port);
  const std::string others = answer.get();
  return others.empty() ? fmt::format("the store of {} at {}:{} is gone", server, place_.host, place_.port) : others;
}

void Ranks::guard(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail("rank {} of {} could not go on at step {} ({}): {}; {}", place_.rank, place_.world, step_, phase_,
         first_line(error.what()), diagnosis());
  }
}

void Ranks::exchange(const std::function<void()>& body) {
  const Stopwatch watch;
  guard(body);
  waited_ += watch.seconds();
}

void Ranks::sum(at::Tensor& values) {
  if (!connection_) return;
  exchange([&] {
    std::vector<at::Tensor> list = {values.to(device_).contiguous()};
    connection_->group->allreduce(list)->wait();
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
      connection_->group->broadcast(list, options)->wait();
      if (!list[0].is_same(tensor)) tensor.detach().copy_(list[0]);
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
    connection_->group->_reduce_scatter_base(to, from)->wait();
  });
}

void Ranks::join_slices(const at::Tensor& slice, const at::Tensor& whole) {
  if (!connection_) {
    whole.copy_(slice);
    return;
  }
  exchange([&] {
    at::Tensor from = slice, to = whole;
    connection_->group->_allgather_base(to, from)->wait();
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
    connection_->group->allgather(out, in)->wait();
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
