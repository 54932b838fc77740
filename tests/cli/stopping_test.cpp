// SPDX-License-Identifier: Apache-2.0
// Signals: training saves and exits 75 whatever comes how often; all else ends at once, alike, with nothing written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files/files.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

class Stopping : public test::ProgramSuite<Stopping> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "data", 6);
    write_config(
        "steps: 1000000, batch_sets: 1, micro_batch_sets: 1, checkpoint_every: 3, validate_every: 1000000, "
        "sample_grids: 1, log_every: 1, threads: 1, join_timeout: 60, rank_timeout: 20");
  }

 protected:
  // Starts `command`; once `condition` holds, the shell runs `act` with its pid in $pid.
  static test::CommandResult disturbed(const std::string& command, const std::string& condition,
                                       const std::string& act) {
    return shell(command + " & pid=$!; while kill -0 $pid && ! { " + condition +
                 "; }; do sleep 0.02; done 2>/dev/null; " + act + "; wait $pid");
  }
  static std::string trains(const std::string& run) { return "[ -e " + run + "/checkpoints/step-3 ]"; }
  static std::int64_t newest(const std::string& run) {
    std::int64_t step = 0;
    for (const auto& entry : fs::directory_iterator(*folder_ / run / "checkpoints"))
      step = std::max<std::int64_t>(step, std::stoll(entry.path().filename().string().substr(5)));
    return step;
  }
};

TEST_F(Stopping, EverySignalSavesHoweverOftenItComes) {
  for (const std::string signal : {"TERM", "HUP", "INT", "USR2", "XCPU"}) {
    const std::string kill = "kill -" + signal + " $pid; ";
    const auto result = disturbed(train(signal), trains(signal), kill + kill + "sleep 0.02; " + kill + kill + ":");
    EXPECT_EQ(result.exit_code, 75) << result.output;
    EXPECT_THAT(result.output, AnyOf(HasSubstr("SIG" + signal + " heard: saving after step"),
                                     HasSubstr("SIG" + signal + " heard: ending when the checkpoint")));
    EXPECT_THAT(result.output, HasSubstr("after saving; go on with: spinfill train --resume"));
    EXPECT_EQ(rows(signal).back().at("step"), newest(signal)) << "steps were lost";
  }
}

TEST_F(Stopping, ALostLogSaves) {
  // The reader goes once the run has made some steps.
  const auto unread = [](const std::string& before, const std::string& run, const std::string& more) {
    return shell("rm -f code; { " + before + train(run, more) + "; echo $? > code; } 2>&1 | until " + trains(run) +
                 "; do sleep 0.02; done; until [ -s code ]; do sleep 0.05; done; exit $(cat code)");
  };
  const auto result = unread("", "unread", "");
  EXPECT_EQ(result.exit_code, 75) << result.output;
  EXPECT_EQ(rows("unread").back().at("step"), newest("unread")) << "steps were lost";
  const auto ranks = unread("", "unread-ranks", "--nproc-per-node 2 --set train.batch_sets=2");
  EXPECT_EQ(ranks.exit_code, 75) << ranks.output;
  EXPECT_EQ(rows("unread-ranks").back().at("step"), newest("unread-ranks")) << "steps were lost";
  const auto nohup = unread("trap '' HUP; ", "nohup", "--set train.steps=30");
  EXPECT_EQ(nohup.exit_code, 0) << nohup.output;
  EXPECT_TRUE(fs::exists(*folder_ / "nohup/checkpoints/step-30/state.json"));
  // One that was closed from the beginning is no reason to stop, nor do its lines get into a file of the run.
  const auto closed = shell(train("closed", "--set train.steps=6") + " <&- >&- 2>&-");
  EXPECT_EQ(closed.exit_code, 0) << closed.output;
  EXPECT_EQ(rows("closed").back().at("step"), 6);
  EXPECT_THAT(read_file(*folder_ / "closed/metrics.jsonl"), Not(HasSubstr("parameters")));
}

TEST_F(Stopping, WhileDataAreReadOrOthersAreAwaitedTheRunCanBeStarted) {
  const std::string more = "--set train.steps=6 --set train.validation_sets=0 ";
  // Rank 0 of three and rank 1 wait for the third; only rank 1 is asked.
  const std::string env = "WORLD_SIZE=3 MASTER_ADDR=127.0.0.1 MASTER_PORT=$port ";
  const auto joining = shell("port=$((20000 + $$ % 10000)); RANK=0 " + env + train("joining", more) +
                             " 2>&1 & first=$!; RANK=1 " + env + train("joining", more) +
                             " & second=$!; sleep 2; kill -TERM $second; wait $second; two=$?; wait $first; "
                             "echo first $? second $two");
  EXPECT_THAT(joining.output, HasSubstr("first 75 second 75"));
  EXPECT_THAT(joining.output, HasSubstr("stopped before the first step; nothing is lost"));
  // Nobody serves the store yet.
  const auto alone = disturbed("RANK=1 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=1 " + train("none"), "sleep 1",
                               "kill -TERM $pid");
  EXPECT_EQ(alone.exit_code, 75) << alone.output;
  const auto again = shell(train("joining", more + "--resume"));
  EXPECT_EQ(again.exit_code, 0) << again.output;
  // A launcher at many early moments, from when the program holds the signal back on.
  for (const char* seconds : {"0", "0.1", "0.3", "0.6", "0.9"}) {
    const auto result = disturbed(train("early", "--auto-resume --nproc-per-node 2 --set train.batch_sets=2 "),
                                  "grep -qE 'Sig(Blk|Cgt):.*[4-7c-f][0-9a-f]{3}$' /proc/$pid/status",
                                  std::string("sleep ") + seconds + "; kill -TERM $pid");
    EXPECT_EQ(result.exit_code, 75) << seconds << " " << result.output;
  }
}

// Each in the middle of its work.
TEST_F(Stopping, WhatHasNothingToSaveEndsAtOnceAndAlike) {
  ASSERT_EQ(shell(train("ready", "--set train.steps=3")).exit_code, 0);
  const auto expect_end = [](const std::string& arguments, const std::string& signal, const std::string& condition) {
    const auto result =
        disturbed(fmt::format("'{}' {}", test::program(), arguments), condition, "kill -" + signal + " $pid");
    EXPECT_EQ(result.exit_code, 3) << arguments << result.output;
    EXPECT_THAT(result.output, HasSubstr("error: stopped by SIG" + signal + "; nothing was written"));
  };
  expect_end("synth --sets 100000 --out many", "TERM", "[ -e .many.tmp-$pid-0/splits.json ] || ls -d .many.tmp-*/*");
  // Nothing is scored yet; evaluation_test.cpp stops it later.
  for (const std::string signal : {"HUP", "INT"})
    expect_end("evaluate --model ready --data data --split train --steps 10000 --samples 1000 --out report", signal,
               "[ -e .report.unfinished/unfinished ]");
  expect_end("bench train --config tiny.yaml --set data.path=data --steps 100000", "USR1", "sleep 2");
  expect_end("data stabilise data --hold-out 2", "TERM", "sleep 1");
  const auto left = shell("ls -A | grep -E 'many|report'");
  EXPECT_EQ(left.output, "");
}

}  // namespace
}  // namespace spinfill
