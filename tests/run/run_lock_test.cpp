// SPDX-License-Identifier: Apache-2.0
#include "run/run_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "core/files/files.h"
#include "core/files/json.h"
#include "core/stopwatch.h"
#include "support/support.h"

namespace spinfill {
namespace {

using testing::HasSubstr;

class RunLocks : public testing::Test {
 protected:
  // A process that takes the lock and is ended by SIGKILL; what it left is returned.
  std::string left_by_a_killed_process() {
    int ready[2];
    if (::pipe(ready) != 0) fail("no pipe");
    const pid_t child = ::fork();
    if (child == 0) {
      const RunLock lock(folder_.path());
      if (::write(ready[1], "x", 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    char byte = 0;
    if (::read(ready[0], &byte, 1) != 1) fail("no lock");
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    return read_file(path_);
  }
  void write_changed(const std::string& text, const std::string& key, const Json& value) {
    Json json = Json::parse(text);
    json[key] = value;
    std::string line = json.dump();
    line.resize(std::max(line.size(), text.size()), ' ');
    std::fstream(path_, std::ios::in | std::ios::out) << line;  // in place, as a holder does: never empty
  }
  test::TemporaryFolder folder_;
  const fs::path path_ = folder_ / "run.lock";
};

TEST_F(RunLocks, NameWhoHasTheRunAndGoWithIt) {
  {
    const RunLock lock(folder_.path());
    const Stopwatch watch;
    test::expect_error(ExitCode::usage, {"process " + std::to_string(::getpid()), "trains in it since", "UTC"},
                       [&] { const RunLock second(folder_.path()); });
    EXPECT_LT(watch.seconds(), 5);
    lock.require_held();
  }
  EXPECT_FALSE(fs::exists(path_));
  const RunLock again(folder_.path());
}

TEST_F(RunLocks, OfAKilledProcessAreTakenOverAtOnce) {
  left_by_a_killed_process();
  const Stopwatch watch;
  const RunLock lock(folder_.path());
  EXPECT_LT(watch.seconds(), 5);
  lock.require_held();
}

// On storage without locks between machines the other renews its file, or does not.
TEST_F(RunLocks, OfAnotherMachineAreWatched) {
  const std::string text = left_by_a_killed_process();
  write_changed(text, "machine", "another");
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    Json json = Json::parse(text);
    write_changed(json.dump(), "renewed", 7);
  });
  test::expect_error(ExitCode::usage, {"trains in it since"}, [&] { const RunLock lock(folder_.path()); });
  other.join();
  write_changed(text, "machine", "another");
  fs::last_write_time(path_, fs::file_time_type::clock::now() - std::chrono::seconds(57));
  const Stopwatch watch;
  { const RunLock lock(folder_.path()); }
  EXPECT_GT(watch.seconds(), 1);
  EXPECT_LT(watch.seconds(), 8);
}

TEST_F(RunLocks, ThatAreTakenOverAreMissed) {
  const RunLock lock(folder_.path());
  write_changed(read_file(path_), "token", "another");
  const Stopwatch watch;
  while (watch.seconds() < RunLock::kRenewEvery + 3) {
    try {
      lock.require_held();
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("has taken the run over"));
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  FAIL() << "not noticed";
}

TEST_F(RunLocks, ADamagedFileOfLongAgoIsNoObstacle) {
  std::ofstream(path_) << std::string(1024, '\0');
  fs::last_write_time(path_, fs::file_time_type::clock::now() - std::chrono::hours(1));
  const RunLock lock(folder_.path());
  lock.require_held();
}

}  // namespace
}  // namespace spinfill
