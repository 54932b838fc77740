// SPDX-License-Identifier: Apache-2.0
// Ranks that die, stop, hang or fail, and what the others do then: real processes, over Gloo and over exchanges that,
// like NCCL's, never end by themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <signal.h>
#include <unistd.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <future>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "core/files/files.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "support/support.h"
#include "train/ranks/connection.h"
#include "train/ranks/spawn.h"
#include "train/ranks/store_server.h"

namespace spinfill {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

std::int64_t clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Sums of float tensors by way of the store. How a wait for a rank that does not come ends:
//   wait   by an exception, once aborted
//   stuck  never, and neither does abort()
//   copy   as on GPUs: Work::wait() does not wait, what comes after it does; once aborted it goes on without a result
class StoreBackend : public c10d::Backend {
 public:
  StoreBackend(c10::intrusive_ptr<c10d::Store> store, int rank, int world, std::string kind)
      : Backend(rank, world), store_(std::move(store)), kind_(std::move(kind)) {}

  class Sum : public c10d::Work {
   public:
    Sum(StoreBackend& backend, at::Tensor values) : backend_(backend), values_(std::move(values)) {}
    bool wait(std::chrono::milliseconds) override {
      if (backend_.kind_ != "copy") backend_.finish(values_);
      return true;
    }

   private:
    StoreBackend& backend_;
    at::Tensor values_;
  };

  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors, const c10d::AllreduceOptions&) override {
    const at::Tensor& values = tensors.front();
    std::vector<std::uint8_t> bytes(values.nbytes());
    std::memcpy(bytes.data(), values.const_data_ptr(), bytes.size());
    store_->set(key(getRank()), bytes);
    begun_ = values;
    return c10::make_intrusive<Sum>(*this, values);
  }
  void abort() override {
    aborted_ = true;
    while (kind_ == "stuck") sleep_seconds(1);
  }
  // Until all have come.
  void finish(const at::Tensor& values) {
    while (!all_there()) {
      if (aborted_ && kind_ == "copy") return;
      if (aborted_ && kind_ == "wait") throw std::runtime_error("aborted");
      sleep_seconds(0.01);
    }
    std::vector<float> sum(static_cast<std::size_t>(values.numel()), 0), one(sum.size());
    for (int rank = 0; rank < getSize(); ++rank) {
      const std::vector<std::uint8_t> bytes = store_->get(key(rank));
      std::memcpy(one.data(), bytes.data(), bytes.size());
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += one[i];
    }
    std::memcpy(values.mutable_data_ptr(), sum.data(), values.nbytes());
    ++count_;
  }
  void finish() {
    if (begun_.defined()) finish(std::exchange(begun_, {}));
  }

 private:
  std::string key(int rank) const { return fmt::format("sum/{}/{}", count_, rank); }
  bool all_there() {
    std::vector<std::string> keys;
    for (int rank = 0; rank < getSize(); ++rank) keys.push_back(key(rank));
    try {
      return store_->check(keys);
    } catch (const std::exception&) {
      return false;  // the store is gone, and nobody will come
    }
  }
  c10::intrusive_ptr<c10d::Store> store_;
  std::string kind_;
  std::int64_t count_ = 0;
  at::Tensor begun_;
  std::atomic<bool> aborted_{false};
};

RankGroup store_group(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place, double wait) {
  const std::string kind = variable("TEST_KIND");
  const auto backend = c10::make_intrusive<StoreBackend>(store->clone(), place.rank, place.world, kind);
  RankGroup group;
  group.exchanges = c10::make_intrusive<c10d::ProcessGroup>(store->clone(), place.rank, place.world);
  group.exchanges->setDefaultBackend(c10d::ProcessGroup::BackendType::CUSTOM);
  group.exchanges->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::CUSTOM, backend);
  group.patience = wait;
  if (kind == "copy") group.finish = [backend] { backend->finish(); };
  group.abort = [backend] { backend->abort(); };
  return group;
}

// What one rank does at the step that matters.
void misbehave(const std::string& act) {
  sleep_seconds(1);  // the others come to the next exchange
  write_file_atomic("acted", std::to_string(clock_ms()));
  if (act == "kill") ::kill(::getpid(), SIGKILL);
  if (act == "stop") ::kill(::getpid(), SIGSTOP);
  if (act == "throw") fail("the disk is full");
  if (act == "slow") sleep_seconds(2);
  while (act == "hang") sleep_seconds(1);
}

// The work of one process: six steps, and an exchange in each.
void work_as(Ranks& ranks) {
  const std::string act = variable("TEST_ACT");
  const bool acts = std::to_string(ranks.rank()) == variable("TEST_ACTOR");
  for (int step = 0; step < 6; ++step) {
    ranks.at(step, "working");
    if (step == 3 && acts) misbehave(act);
    if (step == 3 && !acts && !variable("TEST_BUSY").empty()) {
      sleep_seconds(std::stod(variable("TEST_BUSY")));
      log_info("was not disturbed");
    }
    at::Tensor ones = at::ones({3}, at::kFloat);
    ranks.sum(ones);
    if (variable("TEST_KIND") != "copy" && ones[2].item<float>() != static_cast<float>(ranks.world()))
      fail("a wrong sum");
  }
}

// As cli/training_run.cpp does it.
int run_rank() {
  const RankPlace place = rank_place(process_environment());
  GroupMaker maker;
  if (variable("TEST_KIND") != "gloo")
    maker.make = [](const auto& store, const RankPlace& at, at::Device, double wait) {
      return store_group(store, at, wait);
    };
  std::string problem;
  try {
    Ranks ranks(place, at::kCPU, "a test", {120, std::stod(variable("TEST_TIMEOUT"))}, &maker);
    try {
      work_as(ranks);
      ranks.leave();
    } catch (const std::exception& error) {
      ranks.tell_failure(error.what());
      throw;
    }
  } catch (const Error& error) {
    log_line(LogLevel::error, error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}

const char* const kOneRank = "--gtest_filter=DeadRanks.DISABLED_OneRank";
const char* const kToo = "--gtest_also_run_disabled_tests";

// Not a test: the program that the processes below run.
TEST(DeadRanks, DISABLED_OneRank) {
  if (variable("TEST_KIND").empty()) GTEST_SKIP() << "run by the other tests";
  std::exit(run_rank());
}

struct Play {
  std::string act, kind{};
  int actor = 1, world = 2;
  double timeout = 12;
  double busy = 0;
  bool served = true;  // the store, by this process
};

struct Played {
  std::string output;
  double seconds = 0;  // from what the actor did until the last of the others has ended
};

Played play(const Play& given) {
  const test::TemporaryFolder folder;
  auto server = std::make_unique<StoreServer>();
  const int port = server->port();
  if (!given.served) server.reset();
  std::string script = fmt::format(
      "cd '{}' || exit 9; export WORLD_SIZE={} LOCAL_WORLD_SIZE={} MASTER_ADDR=127.0.0.1 MASTER_PORT={} TEST_KIND={} "
      "TEST_ACT={} "
      "TEST_ACTOR={} TEST_TIMEOUT={} TEST_BUSY={} OMP_NUM_THREADS=1; ",
      folder.path().string(), given.world, given.world, port, given.kind, given.act, given.actor, given.timeout,
      given.busy > 0 ? std::to_string(given.busy) : "");
  if (given.served) script += "export TORCHELASTIC_USE_AGENT_STORE=True; ";
  const std::string self = fs::read_symlink("/proc/self/exe").string();
  std::string others;
  for (int rank = 0; rank < given.world; ++rank) {
    script += fmt::format("RANK={0} LOCAL_RANK={0} '{1}' {2} {3} & pid{0}=$!; ", rank, self, kOneRank, kToo);
    if (rank != given.actor) others += fmt::format("wait $pid{0}; echo \"rank {0}: code $?\"; ", rank);
  }
  script += others + "date +%s%3N > ended; ";
  if (given.act == "stop" || given.act == "hang") script += fmt::format("kill -KILL $pid{}; ", given.actor);
  script += fmt::format("wait $pid{0}; echo \"rank {0}: code $?\"", given.actor);
  Played played{test::run_command(script).output, 0};
  if (fs::exists(folder / "acted"))
    played.seconds = (std::stod(read_file(folder / "ended", 100)) - std::stod(read_file(folder / "acted", 100))) / 1000;
  return played;
}

constexpr double kSlack = 20;  // seconds, of a busy machine

// With every kind of exchanges, side by side: most of it is waiting.
std::map<std::string, Played> play_all(const Play& given) {
  std::map<std::string, std::future<Played>> begun;
  for (const std::string kind : {"gloo", "wait", "stuck", "copy"}) {
    Play one = given;
    one.kind = kind;
    begun[kind] = std::async(std::launch::async, [one] { return play(one); });
  }
  std::map<std::string, Played> played;
  for (auto& [kind, result] : begun) played[kind] = result.get();
  return played;
}

TEST(DeadRanks, AllIsWellWithoutAWord) {
  for (const bool served : {true, false}) {
    for (const auto& [kind, played] : play_all({.act = "slow", .world = 3, .timeout = 60, .served = served})) {
      for (const char* text : {"rank 0: code 0", "rank 1: code 0", "rank 2: code 0"})
        EXPECT_THAT(played.output, HasSubstr(text)) << kind << served;
      EXPECT_THAT(played.output, Not(HasSubstr("warning"))) << kind << served;
      EXPECT_THAT(played.output, Not(HasSubstr("error"))) << kind << served;
      EXPECT_THAT(played.output, Not(HasSubstr("TCPStore"))) << kind << served;  // as LibTorch warns
    }
  }
}

TEST(DeadRanks, AStoppedOneIsNamed) {
  for (const auto& [kind, played] : play_all({.act = "stop"})) {
    EXPECT_THAT(played.output, HasSubstr("rank 0: code 3")) << kind;
    EXPECT_THAT(played.output, HasSubstr("error: rank 0 of 2 could not go on at step 3 (working): ")) << kind;
    EXPECT_THAT(played.output, HasSubstr("; rank 1 was last seen at step 3 (working), ")) << kind;
    EXPECT_LT(played.seconds, 12 + RankWatch::kGrace + kSlack) << kind << played.output;
  }
}

// The launcher sees it and tells, long before its time is over.
TEST(DeadRanks, AKilledOneIsNamedAtOnceUnderTheLauncher) {
  const test::TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  ::setenv("TEST_ACT", "kill", 1);
  ::setenv("TEST_ACTOR", "1", 1);
  ::setenv("TEST_TIMEOUT", "300", 1);
  for (const std::string kind : {"wait", "copy"}) {
    ::setenv("TEST_KIND", kind.c_str(), 1);
    testing::internal::CaptureStderr();
    const Stopwatch watch;
    EXPECT_EQ(spawn_ranks(2, {kOneRank, kToo}, 60), 3);
    const std::string output = testing::internal::GetCapturedStderr();
    EXPECT_LT(watch.seconds(), 50) << kind;
    EXPECT_THAT(output, HasSubstr("rank 1 was ended by signal 9 (Killed)")) << kind;
    EXPECT_THAT(output, HasSubstr("error: rank 0 of 2 could not go on at step 3 (working): ")) << kind;
    EXPECT_THAT(output, HasSubstr("; rank 1 was last seen at step 3 (working), ")) << kind;
  }
  for (const char* name : {"TEST_ACT", "TEST_ACTOR", "TEST_TIMEOUT", "TEST_KIND"}) ::unsetenv(name);
  fs::current_path(before);
}

// Without a launcher that tells: its heartbeat stops. The last of three watches another one and is told.
TEST(DeadRanks, AKilledOneIsNamedByAllOthers) {
  for (const auto& [kind, played] : play_all({.act = "kill", .world = 3})) {
    for (const char* text : {"rank 0: code 3", "rank 2: code 3", "rank 0 of 3 could not go on at step 3 (working): ",
                             "rank 2 of 3 could not go on at step 3 (working): ", "rank 1 was last seen at step 3"})
      EXPECT_THAT(played.output, HasSubstr(text)) << kind;
    EXPECT_LT(played.seconds, 12 + RankWatch::kGrace + kSlack) << kind << played.output;
  }
}

TEST(DeadRanks, AStoreThatDiesWithItsRankIsNoticed) {
  for (const auto& [kind, played] : play_all({.act = "kill", .actor = 0, .timeout = 60, .served = false})) {
    EXPECT_THAT(played.output, HasSubstr("rank 1: code 3")) << kind;
    EXPECT_THAT(played.output, HasSubstr("rank 1 of 2 could not go on at step ")) << kind;
    EXPECT_THAT(played.output, HasSubstr("; the store of rank 0 at 127.0.0.1:")) << kind;
    EXPECT_LT(played.seconds, 5 + RankWatch::kGrace + kSlack) << kind << played.output;
  }
}

// It lives, and its heartbeat goes on.
TEST(DeadRanks, AHangingOneIsNamed) {
  for (const auto& [kind, played] : play_all({.act = "hang"})) {
    EXPECT_THAT(played.output, HasSubstr("rank 0: code 3")) << kind;
    EXPECT_THAT(played.output, HasSubstr("rank 0 of 2 could not go on at step 3 (working): ")) << kind;
    EXPECT_THAT(played.output, HasSubstr("; rank 1 was last seen at step 3 (working), ")) << kind;
    if (kind != "gloo") {
      EXPECT_THAT(played.output, HasSubstr("(working): waited 12 s for the others;")) << kind;
    }
    EXPECT_LT(played.seconds, 12 + RankWatch::kGrace + kSlack) << kind << played.output;
  }
}

TEST(DeadRanks, WhatFailsByItselfIsNamedAtOnceWithItsReason) {
  for (const auto& [kind, played] : play_all({.act = "throw", .world = 3, .timeout = 300})) {
    for (const char* text :
         {"rank 0: code 3", "rank 1: code 3", "rank 2: code 3", "rank 0 of 3 could not go on at step 3 (working): ",
          "rank 2 of 3 could not go on at step 3 (working): ", "rank 1 failed: step 3 (working): the disk is full"})
      EXPECT_THAT(played.output, HasSubstr(text)) << kind;
    EXPECT_LT(played.seconds, RankWatch::kGrace + kSlack) << kind << played.output;
  }
}

// One that works by itself is ended when it begins to wait, and not before.
TEST(DeadRanks, OnlyWhoWaitsIsEnded) {
  for (const auto& [kind, played] : play_all({.act = "kill", .busy = 16})) {
    EXPECT_THAT(played.output, HasSubstr("was not disturbed")) << kind;
    EXPECT_THAT(played.output, HasSubstr("rank 0: code 3")) << kind;
    EXPECT_THAT(played.output, HasSubstr("; rank 1 was last seen at step 3 (working), ")) << kind;
  }
}

TEST(DeadRanks, SilenceIsAShareOfTheWait) {
  EXPECT_EQ(RankWatch::silence_limit(300), 60);
  EXPECT_EQ(RankWatch::silence_limit(20), 10);
  EXPECT_EQ(RankWatch::silence_limit(4), 10);
}

}  // namespace
}  // namespace spinfill
