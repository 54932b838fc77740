// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <array>
#include <cerrno>
#include <future>
#include <memory>
#include <thread>

#include "core/error.h"
#include "core/files/descriptor.h"
#include "core/signals.h"
#include "core/stopwatch.h"
#include "train/ranks/connection.h"

namespace spinfill {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(50);
constexpr double kAnswer = 4;  // seconds that a store gets to answer after the time is over or a stop was asked for
constexpr double kLinger = 2;  // seconds that it is served for the others to read the verdict

// Keys of the store. The world is what rank 0 says it is; a seat is a rank's process; the verdict is the first word
// that says how the joining ended, "go", "stop", or why it failed.
constexpr const char* kWorld = "world";
constexpr const char* kVerdict = "verdict";
constexpr const char* kCame = "came";
constexpr const char* kLeft = "left";
std::string seat_key(int rank) {
  return fmt::format("seat/{}", rank);
}

std::string this_process() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("process {} on {}", ::getpid(), host.data());
}

std::string world_text(const RankPlace& place, const std::string& what) {
  return fmt::format("{} processes{}{} for {}", place.world, place.job.empty() ? "" : " of ", place.job, what);
}

// Whether something listens at the port; waits a second at most.
bool reachable(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, ::freeaddrinfo);
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    const Descriptor tried(::socket(one->ai_family, one->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (tried.get() < 0) continue;
    if (::connect(tried.get(), one->ai_addr, one->ai_addrlen) == 0) return true;
    if (errno != EINPROGRESS) continue;
    pollfd wait{tried.get(), POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (::poll(&wait, 1, 1000) == 1 && ::getsockopt(tried.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
        error == 0)
      return true;
  }
  return false;
}

// One rank's way into its world. All of it runs in a thread that the caller can leave behind.
class Joining {
 public:
  Joining(const RankPlace& place, const std::string& what, double seconds)
      : place_(place), own_world_(world_text(place, what)), seconds_(seconds) {}

  c10::intrusive_ptr<c10d::Store> run() {
    open_store();
    agree_on_world();
    take_seat();
    return wait_for_verdict();
  }
  std::string late(int rank) const {
    return fmt::format("rank {} did not come to {}:{} within {:g} s (train.join_timeout)", rank, place_.host,
                       place_.port, seconds_);
  }

 private:
  double left() const { return seconds_ - watch_.seconds(); }
  std::string me() const { return fmt::format("rank {} of {}", place_.rank, place_.world); }

  void open_store() {
    const bool serves = place_.rank == 0 && !place_.store_is_served;
    while (!serves && !reachable(place_.host, place_.port)) {
      end_if_stopped();
      if (left() <= 0)
        fail("{}: no store at {}:{} within {:g} s (train.join_timeout): is rank 0 there, and is the port reachable?",
             me(), place_.host, place_.port, seconds_);
      std::this_thread::sleep_for(kPoll);
    }
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(place_.port);
    options.isServer = serves;
    options.waitWorkers = false;
    options.timeout = milliseconds_of(std::max(1.0, left()));
    try {
      store_ = c10::make_intrusive<c10d::TCPStore>(place_.host, options);
    } catch (const std::exception& error) {
      fail("{}: no store at {}:{} ({}): is it rank 0's, and is the port free? MASTER_PORT names another", me(),
           place_.host, place_.port, first_line(error.what()));
    }
    store_ = c10::make_intrusive<c10d::PrefixStore>(store_prefix(), store_);
  }

  void agree_on_world() {
    if (place_.rank == 0) {
      refuse_other_world(store_->compareSet(kWorld, "", own_world_));
      return;
    }
    while (!store_->check({kWorld})) {
      end_if_stopped();
      if (left() <= 0) fail("{}: {}", me(), late(0));
      std::this_thread::sleep_for(kPoll);
    }
    refuse_other_world(text_at(kWorld));
  }
  void refuse_other_world(const std::string& there) const {
    if (there == own_world_) return;
    fail_usage("{}, one of {}, met others at {}:{}, {}: start all alike, or give each job a MASTER_PORT of its own",
               me(), own_world_, place_.host, place_.port, there);
  }

  void take_seat() {
    const std::string mine =
        fmt::format("{} (at {})", this_process(), std::chrono::system_clock::now().time_since_epoch().count());
    const std::string holder = store_->compareSet(seat_key(place_.rank), "", mine);
    if (holder != mine)
      fail_usage("{} at {}:{} is {} already: no two processes may be the same rank, and no two jobs meet at one port",
                 me(), place_.host, place_.port, holder.substr(0, holder.find(" (")));
    if (store_->add(kCame, 1) == place_.world) decide("go");
  }

  void decide(const std::string& verdict) { store_->compareSet(kVerdict, "", verdict); }

  c10::intrusive_ptr<c10d::Store> wait_for_verdict() {
    while (!store_->check({kVerdict})) {
      if (StopSignals::requested()) {
        decide("stop");
      } else if (left() <= 0) {
        decide(late(first_missing()));
      } else {
        std::this_thread::sleep_for(kPoll);
      }
    }
    const std::string verdict = text_at(kVerdict);
    if (verdict == "go") return store_;
    leave();
    if (verdict == "stop") throw Stopped();
    fail("{}: {}", me(), verdict);
  }
  int first_missing() {
    int rank = 0;
    while (rank + 1 < place_.world && store_->check({seat_key(rank)})) ++rank;
    return rank;
  }
  // The server waits until the others have read the verdict.
  void leave() {
    store_->add(kLeft, 1);
    const Stopwatch watch;
    while (place_.rank == 0 && !place_.store_is_served && watch.seconds() < kLinger &&
           store_->add(kLeft, 0) < store_->add(kCame, 0))
      std::this_thread::sleep_for(kPoll);
  }

  std::string text_at(const char* key) {
    const std::vector<std::uint8_t> value = store_->get(key);
    return {value.begin(), value.end()};
  }

  RankPlace place_;
  std::string own_world_;
  double seconds_;
  Stopwatch watch_;
  c10::intrusive_ptr<c10d::Store> store_;
};

}  // namespace

c10::intrusive_ptr<c10d::Store> meet(const RankPlace& place, const std::string& what, double seconds) {
  const auto joining = std::make_shared<Joining>(place, what, seconds);
  std::promise<c10::intrusive_ptr<c10d::Store>> promise;
  auto result = promise.get_future();
  std::thread([joining, promise = std::move(promise), place]() mutable {
    try {
      promise.set_value(joining->run());
    } catch (const Error&) {
      promise.set_exception(std::current_exception());
    } catch (const std::exception& error) {
      promise.set_exception(std::make_exception_ptr(Error(
          ExitCode::runtime, fmt::format("rank {} of {}: the store at {}:{} is gone ({}): did rank 0 end?", place.rank,
                                         place.world, place.host, place.port, first_line(error.what())))));
    }
  }).detach();
  const Stopwatch watch;
  double asked = -1;  // when a stop was
  while (result.wait_for(kPoll) != std::future_status::ready) {
    if (asked < 0 && StopSignals::requested()) asked = watch.seconds();
    if (asked >= 0 && watch.seconds() > asked + kAnswer) throw Stopped();
    if (watch.seconds() > seconds + kAnswer)
      fail("rank {} of {}: the store at {}:{} does not answer", place.rank, place.world, place.host, place.port);
  }
  return result.get();
}

}  // namespace spinfill
