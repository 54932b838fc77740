// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/side_by_side.h"
#include "core/signals.h"
#include "core/stopwatch.h"
#include "train/ranks/store_server.h"

namespace spinfill {
namespace {

constexpr auto kLook = std::chrono::milliseconds(20);
constexpr double kAfterTerm = 5;  // seconds from SIGTERM to SIGKILL

struct Child {
  pid_t pid = 0;
  bool running = false;
  int status = 0;
};

std::vector<std::string> environment_of(int rank, int count, int port, int threads) {
  const std::vector<std::pair<std::string, std::string>> own = {{"RANK", std::to_string(rank)},
                                                                {"WORLD_SIZE", std::to_string(count)},
                                                                {"LOCAL_RANK", std::to_string(rank)},
                                                                {"LOCAL_WORLD_SIZE", std::to_string(count)},
                                                                {"MASTER_ADDR", "127.0.0.1"},
                                                                {"MASTER_PORT", std::to_string(port)},
                                                                {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                                                {"SPINFILL_LAUNCHER", "--nproc-per-node"}};
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry, name = text.substr(0, text.find('='));
    if (std::ranges::none_of(own, [&](const auto& pair) { return pair.first == name; })) all.push_back(text);
  }
  for (const auto& [name, value] : own) all.push_back(name + "=" + value);
  if (std::getenv("OMP_NUM_THREADS") == nullptr) all.push_back(fmt::format("OMP_NUM_THREADS={}", threads));
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

Child start(std::vector<std::string> arguments, std::vector<std::string> environment) {
  constexpr const char* kProgram = "/proc/self/exe";  // also where the file was replaced meanwhile
  arguments.insert(arguments.begin(), "spinfill");
  const auto argv = pointers(arguments), envp = pointers(environment);
  const pid_t parent = ::getpid();
  // A stop signal that comes while the child starts waits until it knows what to do with it.
  const sigset_t stop = StopSignals::set();
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    // A group of its own: a terminal's Ctrl-C comes once, through the launcher. It must not outlive the launcher.
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(static_cast<int>(ExitCode::runtime));
    ::execve(kProgram, argv.data(), envp.data());
    ::_exit(static_cast<int>(ExitCode::runtime));
  }
  const int error = errno;
  ::pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);
  if (pid < 0) fail("no process could be started: {}", std::strerror(error));
  return {pid, true, 0};
}

void send(const std::vector<Child>& children, int signal) {
  for (const Child& child : children)
    if (child.running) ::kill(child.pid, signal);
}

// What ended by a signal could tell the others nothing.
int code_of(const Child& child, int rank, StoreServer& store) {
  if (WIFEXITED(child.status)) return WEXITSTATUS(child.status);
  const int signal = WTERMSIG(child.status);
  const std::string how = fmt::format("ended by signal {} ({})", signal, ::strsignal(signal));
  log_line(LogLevel::error, fmt::format("rank {} was {}", rank, how));
  store.tell_end(rank, how);
  return static_cast<int>(ExitCode::runtime);
}

}  // namespace

int spawn_ranks(int count, const std::vector<std::string>& arguments, double grace) {
  StoreServer store;
  const StopSignals signals(/*passed_on=*/true);
  StopSignals::will(fmt::format("passed on to {} processes", count));
  const int threads = std::max(1, processors() / count);
  std::vector<Child> children;
  for (int rank = 0; rank < count; ++rank)
    children.push_back(start(arguments, environment_of(rank, count, store.port(), threads)));
  int code = 0;
  std::optional<Stopwatch> failed;  // since the first one failed
  bool passed_on = false, told = false;
  auto running = static_cast<std::size_t>(count);
  while (running > 0) {
    if (StopSignals::now()) {
      send(children, SIGKILL);
      StopSignals::end_now();
    }
    if (StopSignals::requested() && !std::exchange(passed_on, true)) send(children, SIGTERM);
    for (std::size_t rank = 0; rank < children.size(); ++rank) {
      Child& child = children[rank];
      if (!child.running || ::waitpid(child.pid, &child.status, WNOHANG) != child.pid) continue;
      child.running = false;
      --running;
      const int ended = code_of(child, static_cast<int>(rank), store);
      const bool failure = ended != 0 && ended != static_cast<int>(ExitCode::resume);
      if (failure && !failed) failed.emplace();
      if (code == 0 || code == static_cast<int>(ExitCode::resume)) code = ended != 0 ? ended : code;
    }
    if (failed && running > 0) {
      const double since = failed->seconds();
      if (since > grace && !told) {
        log_line(LogLevel::error, fmt::format("{} processes did not end within {:g} s and are killed", running, grace));
        send(children, SIGTERM);
        told = true;
      }
      if (since > grace + kAfterTerm) send(children, SIGKILL);
    }
    std::this_thread::sleep_for(kLook);
  }
  return code;
}

}  // namespace spinfill
