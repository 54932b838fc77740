// SPDX-License-Identifier: Apache-2.0
#include "core/signals.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "support/support.h"

namespace spinfill {
namespace {

void pause_for(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

// What `work` ends with, in a process of its own, and what it writes to stderr.
struct Ended {
  int status;
  std::string text;
};
Ended in_child(const std::function<void()>& work) {
  const test::TemporaryFolder folder;
  const auto log = folder / "stderr";
  const pid_t child = ::fork();
  if (child == 0) {
    if (std::freopen(log.c_str(), "w", stderr) == nullptr) ::_exit(99);
    work();
    ::_exit(12);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {status, read_file(log)};
}

bool exited(const Ended& ended, int code) {
  return WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == code;
}

TEST(StopSignals, SetAFlagHoweverOftenTheyCome) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU}) {
    const Ended ended = in_child([&] {
      const StopSignals signals;
      if (StopSignals::requested()) ::_exit(10);
      for (int i = 0; i < 5; ++i) ::raise(signal);
      if (!StopSignals::requested()) ::_exit(11);
    });
    EXPECT_TRUE(exited(ended, 12)) << signal << " " << ended.status << ended.text;
  }
}

TEST(StopSignals, AreAnsweredAtOnceWithWhatIsWaitedFor) {
  const Ended ended = in_child([] {
    const StopSignals signals;
    StopSignals::will("saving after step 41", 90);
    ::raise(SIGTERM);
    ::raise(SIGTERM);
    pause_for(300);  // the work goes on
  });
  EXPECT_TRUE(exited(ended, 12));
  EXPECT_EQ(ended.text, "SIGTERM heard: saving after step 41, in about 1 min 30 s\n");
}

TEST(StopSignals, OnlyALaterSecondInterruptMeansNow) {
  const auto twice = [](int first, int second, int ms) {
    return in_child([=] {
      const StopSignals signals;
      ::raise(first);
      pause_for(ms);
      ::raise(second);
    });
  };
  const Ended now = twice(SIGINT, SIGINT, 1100);
  EXPECT_TRUE(WIFSIGNALED(now.status) && WTERMSIG(now.status) == SIGINT) << now.status;
  EXPECT_TRUE(exited(twice(SIGINT, SIGINT, 50), 12));
  EXPECT_TRUE(exited(twice(SIGTERM, SIGTERM, 1100), 12));
  EXPECT_TRUE(exited(twice(SIGTERM, SIGINT, 1100), 12));
}

TEST(StopSignals, AreBackToNormalAfterwards) {
  { StopSignals signals; }
  struct sigaction now {};
  sigaction(SIGTERM, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

TEST(StopSignals, NohupStaysInForce) {
  const Ended ended = in_child([] {
    ::signal(SIGHUP, SIG_IGN);
    const StopSignals signals;
    ::raise(SIGHUP);
    ::_exit(StopSignals::requested() ? 10 : 13);
  });
  EXPECT_TRUE(exited(ended, 13));
}

TEST(SignalWatch, EndsWorkThatHasNothingToSaveAndLeavesNothingBehind) {
  const test::TemporaryFolder folder;
  const Ended ended = in_child([&] {
    const SignalWatch watch;
    SignalWatch::begin();
    AtomicFolder out(folder / "out");
    write_file_atomic(out.path() / "file", "half of it");
    ::raise(SIGTERM);
    pause_for(20000);  // long work that asks nobody
  });
  EXPECT_TRUE(exited(ended, 3)) << ended.status;
  EXPECT_EQ(ended.text, "error: stopped by SIGTERM; nothing was written\n");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SignalWatch, EndsWorkThatKeptSomethingWithAnotherCodeAndSaysHowToGoOn) {
  const auto stopped = [](const std::string& what) {
    return in_child([&] {
      const SignalWatch watch;
      SignalWatch::begin();
      KeptAtStop kept("nothing yet");
      kept.now(what);
      ::raise(SIGTERM);
      pause_for(20000);
    });
  };
  const Ended told = stopped("3 of 7 are kept"), elsewhere = stopped("");
  EXPECT_TRUE(exited(told, 75)) << told.status;
  EXPECT_EQ(told.text, "stopped by SIGTERM; 3 of 7 are kept\n");
  EXPECT_TRUE(exited(elsewhere, 75)) << elsewhere.status;
  EXPECT_EQ(elsewhere.text, "");
  const Ended over = in_child([] {
    const SignalWatch watch;
    SignalWatch::begin();
    { const KeptAtStop kept("3 of 7 are kept"); }
    ::raise(SIGTERM);
    pause_for(20000);
  });
  EXPECT_TRUE(exited(over, 3)) << over.status;
}

TEST(SignalWatch, SaysWhereResultsStandAndFinishesWhatIsBeingPutInItsPlace) {
  const test::TemporaryFolder folder;
  const Ended ended = in_child([&] {
    const SignalWatch watch;
    SignalWatch::begin();
    {
      const FinishedBeforeStop finished(folder / "file");
      ::raise(SIGHUP);
      pause_for(300);
      write_file_atomic(folder / "file", "all of it");
    }
    pause_for(20000);
  });
  EXPECT_TRUE(exited(ended, 3)) << ended.status;
  EXPECT_EQ(ended.text, "error: stopped by SIGHUP; what was written before that is whole\n");
  EXPECT_EQ(read_file(folder / "file"), "all of it");
}

TEST(SignalWatch, ASignalAfterTheWorkChangesNothingAndALostReaderIsNoSignal) {
  const Ended ended = in_child([] {
    {
      const SignalWatch watch;
      SignalWatch::begin();
      int ends[2];
      if (::pipe(ends) != 0) ::_exit(98);
      ::close(ends[0]);
      if (::write(ends[1], "x", 1) != -1 || errno != EPIPE) ::_exit(97);
    }
    ::raise(SIGTERM);
  });
  EXPECT_TRUE(exited(ended, 12)) << ended.status;
}

}  // namespace
}  // namespace spinfill
