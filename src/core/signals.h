// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <filesystem>
#include <string>

#include "core/error.h"

// Stop signals: SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU. SIGHUP and SIGQUIT stay ignored where they
// were ignored when the program began (nohup), and a lost log then is no reason to stop either. A second SIGINT, a
// second or more after the first, is a person's "now".
namespace spinfill {

// Made by main, for the whole program. Lost readers of stdout and stderr and limits of file sizes become errors of the
// write. Stop signals wait until it is known what they mean: StopSignals, or begin(). When it is destroyed the work is
// done: a signal after that changes no exit code.
class SignalWatch {
 public:
  SignalWatch();
  // For work with nothing to save: a stop signal ends the process with exit code 3 and one line, also in the middle of
  // long work. What is being put in its place is finished (FinishedBeforeStop), what is half made is removed
  // (RemovedAtStop). With 75 where something is kept to go on with (KeptAtStop).
  static void begin();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
};

// For work that saves: while one lives, stop signals only set a flag, and a line on stderr says at once that the signal
// was heard and what is waited for. However often they come, only "now" ends the process. After a stop was requested
// the flag outlives the object: the process is about to end.
class StopSignals {
 public:
  // passed_on: "now" only sets a flag too, for a process that has others to end first.
  explicit StopSignals(bool passed_on = false);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  static bool requested();  // also where stderr is a pipe that lost its reader since the program began
  static bool now();
  static std::string name();  // of the signal that was heard last, "SIGTERM"
  // What a stop waits for from here on, such as "saving after step 41", and how long that takes from now, 0: not known.
  static void will(std::string what, double seconds = 0);
  // How a process ends for "now": by SIGINT itself, as its parent expects.
  [[noreturn]] static void end_now();
  static sigset_t set();  // the stop signals
};

// Thrown where work that saves is stopped before it has anything to save.
class Stopped : public Error {
 public:
  Stopped();
};
void end_if_stopped();  // throws Stopped

// A stop signal waits for the end of its life: for the moment in which a file or folder is put in its place.
class FinishedBeforeStop {
 public:
  // `target` is what will be there; empty: something kept for later runs, no result.
  explicit FinishedBeforeStop(const std::filesystem::path& target);
  ~FinishedBeforeStop();
  FinishedBeforeStop(const FinishedBeforeStop&) = delete;
  FinishedBeforeStop& operator=(const FinishedBeforeStop&) = delete;
};

// While one lives, what was done so far is kept for the same command to go on with: a stop signal then ends the process
// with exit code 75 and says so. One at a time.
class KeptAtStop {
 public:
  // "5 of 12 samples are scored; run the same command again to go on"; empty: nothing, where another process tells it.
  explicit KeptAtStop(std::string what);
  ~KeptAtStop();
  KeptAtStop(const KeptAtStop&) = delete;
  KeptAtStop& operator=(const KeptAtStop&) = delete;
  void now(std::string what);
};

// A stop signal removes the file or folder.
class RemovedAtStop {
 public:
  explicit RemovedAtStop(std::filesystem::path path);
  ~RemovedAtStop();
  RemovedAtStop(const RemovedAtStop&) = delete;
  RemovedAtStop& operator=(const RemovedAtStop&) = delete;

 private:
  std::filesystem::path path_;
};

}  // namespace spinfill
