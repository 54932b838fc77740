// SPDX-License-Identifier: Apache-2.0
#include "core/signals.h"

#include <poll.h>
#include <semaphore.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/log.h"
#include "core/progress.h"
#include "core/stopwatch.h"

namespace spinfill {
namespace {

namespace fs = std::filesystem;

struct StopSignal {
  int number;
  const char* name;
};
constexpr auto kStopSignals = std::to_array<StopSignal>({{SIGINT, "SIGINT"},
                                                         {SIGTERM, "SIGTERM"},
                                                         {SIGHUP, "SIGHUP"},
                                                         {SIGQUIT, "SIGQUIT"},
                                                         {SIGUSR1, "SIGUSR1"},
                                                         {SIGUSR2, "SIGUSR2"},
                                                         {SIGXCPU, "SIGXCPU"}});
constexpr auto kLongestWrite = std::chrono::seconds(60);  // a hung disk must not keep the process
constexpr std::int64_t kImpatientMs = 1000;               // from SIGINT to the SIGINT that means "now"

// ---- What the handler touches: lock-free, and a semaphore that wakes the thread which does the rest.
std::atomic<int> heard{0}, sender{0}, saving{0};
std::atomic<bool> requested_stop{false}, requested_now{false}, now_is_passed_on{false};
std::atomic<std::int64_t> first_interrupt_ms{0};
sem_t woken;

extern "C" void hear(int signal, siginfo_t* info, void*) {
  const int error = errno;
  bool now = false;
  if (signal == SIGINT) {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    const std::int64_t ms = 1000 * static_cast<std::int64_t>(time.tv_sec) + time.tv_nsec / 1000000;
    std::int64_t first = 0;
    now = !first_interrupt_ms.compare_exchange_strong(first, ms) && ms - first >= kImpatientMs;
  }
  heard = signal;
  sender = info != nullptr && info->si_code <= 0 ? info->si_pid : 0;  // 0: a terminal, the kernel
  if (saving > 0) requested_stop = true;
  if (now) requested_now = true;
  if (now && !now_is_passed_on) {
    ::signal(SIGINT, SIG_DFL);
    ::raise(SIGINT);  // comes when this handler returns
  }
  ::sem_post(&woken);
  errno = error;
}

// nohup stays in force.
bool stays_ignored(int signal) {
  struct sigaction now {};
  sigaction(signal, nullptr, &now);
  return (signal == SIGHUP || signal == SIGQUIT) && now.sa_handler == SIG_IGN;
}

void install() {
  for (const StopSignal& signal : kStopSignals) {
    if (stays_ignored(signal.number)) continue;
    struct sigaction action {};
    action.sa_sigaction = hear;
    action.sa_flags = SA_RESTART | SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(signal.number, &action, nullptr);
  }
  const sigset_t all = StopSignals::set();
  ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);  // blocked since the program began
}

void dispose(void (*disposition)(int)) {
  for (const StopSignal& signal : kStopSignals)
    if (!stays_ignored(signal.number)) ::signal(signal.number, disposition);
}

// ---- What is written at the moment of a stop.
struct Writes {
  std::mutex mutex;
  std::condition_variable done;
  int under_way = 0;
  bool ending = false;              // nothing begins any more
  bool any_result = false;          // something stands in its place
  std::optional<std::string> kept;  // to go on with, in words
  std::vector<fs::path> half_made;
};
Writes& writes() {
  static Writes& all = *new Writes;  // outlives every thread
  return all;
}
thread_local int writes_of_this_thread = 0;

[[noreturn]] void wait_for_the_end() {
  while (true) ::pause();
}

bool is_half_made(const Writes& all, const fs::path& target) {
  return std::ranges::any_of(
      all.half_made, [&](const fs::path& folder) { return std::ranges::mismatch(folder, target).in1 == folder.end(); });
}

[[noreturn]] void end_process() {
  Writes& all = writes();
  std::unique_lock lock(all.mutex);
  all.ending = true;
  all.done.wait_for(lock, kLongestWrite, [&] { return all.under_way == 0; });
  if (!all.kept) {
    log_line(LogLevel::error,
             fmt::format("stopped by {}; {}", StopSignals::name(),
                         all.any_result ? "what was written before that is whole" : "nothing was written"));
  } else if (!all.kept->empty()) {
    log_line(quiet() ? LogLevel::warning : LogLevel::info,
             fmt::format("stopped by {}; {}", StopSignals::name(), *all.kept));
  }
  // Other threads may still add files to a folder while it is removed.
  constexpr int kTries = 100;
  for (const fs::path& path : all.half_made) {
    std::error_code error;
    for (int i = 0; i < kTries && (fs::remove_all(path, error), fs::exists(path, error)); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::_exit(static_cast<int>(all.kept ? ExitCode::resume : ExitCode::runtime));
}

// ---- What a stop waits for.
struct Wait {
  std::mutex mutex;
  std::string what = "ending after what is under way";
  double seconds = 0;
  Stopwatch since;
};
Wait& waiting() {
  static Wait& one = *new Wait;
  return one;
}

void answer() {
  Wait& wait = waiting();
  const std::lock_guard lock(wait.mutex);
  const double elapsed = wait.since.seconds(), left = wait.seconds - elapsed;
  std::string time;
  if (left >= 1) time = fmt::format(", in about {}", format_duration(left));
  if (wait.seconds == 0 && elapsed >= 1) time = fmt::format(", under way for {}", format_duration(elapsed));
  // Quiet: one of several ranks, where a launcher that passes it on to all has said so, or a user's wish.
  if (quiet() && sender == ::getppid()) return;
  log_line(quiet() ? LogLevel::warning : LogLevel::info,
           fmt::format("{} heard: {}{}{}", StopSignals::name(), wait.what, time,
                       heard == SIGINT ? " (again, to end at once without saving)" : ""));
}

void watch() {
  double answered = -1;
  const Stopwatch clock;
  while (true) {
    while (::sem_wait(&woken) != 0) {
    }
    if (saving == 0) end_process();
    // A launcher and a scheduler may both send it, to all processes at once.
    if (answered >= 0 && clock.seconds() - answered < 1) continue;
    answered = clock.seconds();
    answer();
  }
}

void start_watching() {
  // Once in a process; not in one that was forked from it.
  static pid_t watched = 0;
  if (watched == ::getpid()) return;
  watched = ::getpid();
  ::sem_init(&woken, 0, 0);
  writes();
  waiting();
  const sigset_t all = StopSignals::set();
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  std::thread(watch).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

bool program_is_watched = false;

// Whether stderr is a pipe whose last reader is gone.
bool log_has_no_reader() {
  pollfd log{.fd = STDERR_FILENO, .events = 0, .revents = 0};
  return ::poll(&log, 1, 0) > 0 && (log.revents & POLLERR) != 0;
}
std::atomic<bool> needs_reader{false};  // one that was there when the program began, and not under nohup

}  // namespace

SignalWatch::SignalWatch() {
  const sigset_t all = StopSignals::set();
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  needs_reader = !log_has_no_reader() && !stays_ignored(SIGHUP);
  ::signal(SIGXFSZ, SIG_IGN);
}

void SignalWatch::begin() {
  start_watching();
  {
    const std::lock_guard lock(writes().mutex);
    writes().any_result = false;  // of the work that begins
  }
  program_is_watched = true;
  install();
}

SignalWatch::~SignalWatch() {
  dispose(SIG_IGN);
  Writes& all = writes();
  bool ending = false;
  {
    const std::lock_guard lock(all.mutex);
    ending = all.ending;
  }
  if (ending) wait_for_the_end();
}

StopSignals::StopSignals(bool passed_on) {
  start_watching();
  if (saving++ == 0) {
    requested_stop = requested_now = false;
    first_interrupt_ms = 0;
  }
  now_is_passed_on = passed_on;
  install();
}

StopSignals::~StopSignals() {
  if (requested()) return;
  now_is_passed_on = false;
  if (--saving == 0 && !program_is_watched) dispose(SIG_DFL);
}

bool StopSignals::requested() {
  if (saving > 0 && !requested_stop && needs_reader && log_has_no_reader()) {
    heard = SIGPIPE;
    requested_stop = true;
  }
  return requested_stop;
}

bool StopSignals::now() {
  return requested_now;
}

std::string StopSignals::name() {
  if (heard == SIGPIPE) return "SIGPIPE (nobody reads the log any more)";
  const auto* found = std::ranges::find(kStopSignals, heard.load(), &StopSignal::number);
  return found == kStopSignals.end() ? "a signal" : found->name;
}

void StopSignals::will(std::string what, double seconds) {
  Wait& wait = waiting();
  const std::lock_guard lock(wait.mutex);
  wait.what = std::move(what);
  wait.seconds = seconds;
  wait.since.restart();
}

void StopSignals::end_now() {
  ::signal(SIGINT, SIG_DFL);
  ::raise(SIGINT);
  ::_exit(static_cast<int>(ExitCode::runtime));
}

sigset_t StopSignals::set() {
  sigset_t all;
  sigemptyset(&all);
  for (const StopSignal& signal : kStopSignals) sigaddset(&all, signal.number);
  return all;
}

Stopped::Stopped() : Error(ExitCode::runtime, fmt::format("stopped by {}; nothing was written", StopSignals::name())) {}

void end_if_stopped() {
  if (StopSignals::requested()) throw Stopped();
}

FinishedBeforeStop::FinishedBeforeStop(const fs::path& target) {
  if (writes_of_this_thread++ > 0) return;
  Writes& all = writes();
  std::unique_lock lock(all.mutex);
  if (all.ending) {
    lock.unlock();
    wait_for_the_end();
  }
  ++all.under_way;
  if (!target.empty() && !is_half_made(all, target)) all.any_result = true;
}

FinishedBeforeStop::~FinishedBeforeStop() {
  if (--writes_of_this_thread > 0) return;
  Writes& all = writes();
  const std::lock_guard lock(all.mutex);
  if (--all.under_way == 0) all.done.notify_all();
}

KeptAtStop::KeptAtStop(std::string what) {
  now(std::move(what));
}

KeptAtStop::~KeptAtStop() {
  const std::lock_guard lock(writes().mutex);
  writes().kept.reset();
}

void KeptAtStop::now(std::string what) {
  const std::lock_guard lock(writes().mutex);
  writes().kept = std::move(what);
}

RemovedAtStop::RemovedAtStop(fs::path path) : path_(std::move(path)) {
  const std::lock_guard lock(writes().mutex);
  writes().half_made.push_back(path_);
}

RemovedAtStop::~RemovedAtStop() {
  const std::lock_guard lock(writes().mutex);
  std::vector<fs::path>& list = writes().half_made;
  if (const auto found = std::ranges::find(list, path_); found != list.end()) list.erase(found);
}

}  // namespace spinfill
