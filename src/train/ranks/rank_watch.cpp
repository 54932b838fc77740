// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/rank_watch.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "train/ranks/connection.h"

namespace spinfill {
namespace {

// Seconds.
constexpr double kBeat = 1;       // between heartbeats, or an eighth of the silence that counts
constexpr double kJudge = 0.1;    // between looks
constexpr double kMostTick = 1;   // of a look that counts: more, and this process itself stood still
constexpr double kLetEnd = 0.5;   // for a wait to end by itself, once another rank said that it ends
constexpr double kLetClose = 3;   // the same, once the store is gone
constexpr double kAskTakes = 5;   // for the store to say what it knows of the others
constexpr double kBackTakes = 2;  // for the threads to come back
using Duration = std::chrono::duration<double>;

}  // namespace

struct RankWatch::State : std::enable_shared_from_this<State> {
  State(const RankPlace& place, c10::intrusive_ptr<c10d::Store> own, c10::intrusive_ptr<c10d::Store> asked,
        double silence)
      : place(place), own(std::move(own)), asked(std::move(asked)), silence(silence) {}

  const RankPlace place;
  const c10::intrusive_ptr<c10d::Store> own, asked;
  const double silence;  // that counts, seconds

  std::mutex mutex;
  std::condition_variable changed;
  // What the training thread does.
  std::int64_t step = 0;
  std::string phase = "start";
  int waits = 0;
  std::uint64_t wait = 0;  // the number of this one
  std::function<void()> abort;
  double patience = std::numeric_limits<double>::infinity();
  // What the store says.
  double silent = 0;  // seconds of the next rank
  bool gone = false;
  std::string over;
  // What is judged.
  std::string why, line;
  bool taken = false;  // the training thread has come back
  bool aborts = false, aborted = false;
  bool ends = false;
  int running = 2;  // threads

  int next() const { return (place.rank + 1) % place.world; }
  // Its own beats, the next one's, and whether some rank said that it ends.
  void talk();
  void judge();
  std::string judgement(double waited) const;
  std::string diagnosis() const;
  void begin_abort();  // with the lock held
  std::string compose(const std::string& reason) const {
    return fmt::format("rank {} of {} could not go on at step {} ({}): {}; ", place.rank, place.world, step, phase,
                       reason);
  }
  void came_back() {
    const std::scoped_lock lock(mutex);
    --running;
    changed.notify_all();
  }
};

void RankWatch::State::talk() {
  const double period = std::min(kBeat, silence / 8);
  std::string last;
  Stopwatch since;
  for (;;) {
    std::unique_lock lock(mutex);
    const bool waiting = waits > 0;
    lock.unlock();
    set_beat(*own, place.rank, waiting);
    const std::string beat = beat_of(*own, next()), said = said_over(*own);
    lock.lock();
    silent = beat == last && !beat.empty() ? silent + std::min(since.seconds(), 2 * period) : 0;
    since.restart();
    last = beat;
    over = said;
    if (changed.wait_for(lock, Duration(period), [this] { return ends; })) return;
  }
}

std::string RankWatch::State::judgement(double waited) const {
  if (waited >= kLetEnd && !over.empty()) return over;
  if (waited >= kLetEnd && silent >= silence) return fmt::format("rank {} does not answer", next());
  if ((waited >= kLetClose && gone && !place.store_is_served) || waited >= patience)
    return fmt::format("waited {:.0f} s for the others", waited);
  return "";
}

std::string RankWatch::State::diagnosis() const {
  // The store may be gone or hang, so another thread asks it.
  auto promise = std::make_shared<std::promise<std::string>>();
  std::future<std::string> answer = promise->get_future();
  std::thread([promise, store = asked, place = place] {
    try {
      promise->set_value(others_told(*store, place));
    } catch (const std::exception&) {
      promise->set_value("");
    }
  }).detach();
  const std::string server = place.store_is_served ? "the launcher" : "rank 0";
  if (answer.wait_for(Duration(kAskTakes)) != std::future_status::ready)
    return fmt::format("the store of {} at {}:{} does not answer", server, place.host, place.port);
  const std::string others = answer.get();
  return others.empty() ? fmt::format("the store of {} at {}:{} is gone", server, place.host, place.port) : others;
}

// It may wait for what it aborts, for ever.
void RankWatch::State::begin_abort() {
  if (std::exchange(aborts, true)) return;
  std::thread([state = shared_from_this(), work = std::exchange(abort, nullptr)]() mutable {
    try {
      if (work) std::exchange(work, nullptr)();
    } catch (const std::exception&) {
      // Of a group that is broken anyway.
    }
    const std::scoped_lock lock(state->mutex);
    state->aborted = true;
    state->changed.notify_all();
  }).detach();
}

void RankWatch::State::judge() {
  std::unique_lock lock(mutex);
  double waited = 0;
  std::uint64_t of = wait;
  for (Stopwatch tick; why.empty(); tick.restart()) {
    if (changed.wait_for(lock, Duration(kJudge), [this] { return ends || taken; })) return;
    waited = waits > 0 && of == wait ? waited + std::min(tick.seconds(), kMostTick) : 0;
    of = wait;
    if (waits > 0) why = judgement(waited);
  }
  const std::string start = compose(why), reason = why;
  lock.unlock();
  const std::string others = diagnosis();
  std::thread([store = asked, reason] {
    try {
      say_over(*store, reason);
    } catch (const std::exception&) {
      // The others find out by themselves.
    }
  }).detach();
  lock.lock();
  line = start + others;
  changed.notify_all();
  begin_abort();
  if (changed.wait_for(lock, Duration(kGrace), [this] { return ends || taken; })) return;
  log_line(LogLevel::error, line);
  std::fflush(stderr);
  std::_Exit(static_cast<int>(ExitCode::runtime));
}

RankWatch::RankWatch(const RankPlace& place, c10::intrusive_ptr<c10d::Store> own, c10::intrusive_ptr<c10d::Store> asked,
                     double wait)
    : state_(std::make_shared<State>(place, std::move(own), std::move(asked), silence_limit(wait))) {
  std::thread([state = state_] {
    try {
      state->talk();
    } catch (const std::exception&) {
      const std::scoped_lock lock(state->mutex);
      state->gone = true;
    }
    state->came_back();
  }).detach();
  std::thread([state = state_] {
    state->judge();
    state->came_back();
  }).detach();
}

RankWatch::~RankWatch() {
  std::unique_lock lock(state_->mutex);
  state_->ends = true;
  state_->changed.notify_all();
  state_->changed.wait_for(lock, Duration(kBackTakes), [this] { return state_->running == 0; });
}

double RankWatch::silence_limit(double wait) {
  return std::max(10.0, wait / 5);
}

void RankWatch::protect(std::function<void()> abort, double patience) {
  const std::scoped_lock lock(state_->mutex);
  state_->abort = std::move(abort);
  state_->patience = patience;
}

void RankWatch::at(std::int64_t step, const std::string& phase) {
  const std::scoped_lock lock(state_->mutex);
  state_->step = step;
  state_->phase = phase;
}

void RankWatch::begin_wait() {
  const std::scoped_lock lock(state_->mutex);
  ++state_->waits;
  ++state_->wait;
}

bool RankWatch::end_wait() {
  const std::scoped_lock lock(state_->mutex);
  --state_->waits;
  ++state_->wait;
  return !state_->why.empty();
}

void RankWatch::progress() {
  const std::scoped_lock lock(state_->mutex);
  ++state_->wait;
}

bool RankWatch::judged() const {
  const std::scoped_lock lock(state_->mutex);
  return !state_->why.empty();
}

std::string RankWatch::line(const std::string& why) {
  std::unique_lock lock(state_->mutex);
  state_->taken = true;
  state_->changed.notify_all();
  if (!state_->why.empty() &&
      state_->changed.wait_for(lock, Duration(kAskTakes + 1), [this] { return !state_->line.empty(); }))
    return state_->line;
  const std::string start = state_->compose(why);
  lock.unlock();
  return start + state_->diagnosis();
}

void RankWatch::abort() {
  std::unique_lock lock(state_->mutex);
  state_->begin_abort();
  state_->changed.wait_for(lock, Duration(kGrace), [this] { return state_->aborted; });
}

}  // namespace spinfill
