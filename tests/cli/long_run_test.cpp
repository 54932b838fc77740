// SPDX-License-Identifier: Apache-2.0
// What happens to runs that train for long: killed at any moment, asked to stop while they save, full disks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files/files.h"
#include "core/random.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

using testing::HasSubstr;

class LongRun : public test::ProgramSuite<LongRun> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "data", 6);
    write_config(
        "steps: 60, batch_sets: 1, micro_batch_sets: 1, regression_share: 0.5, checkpoint_every: 1, keep_last: 2, "
        "validate_every: 30, sample_grids: 1, log_every: 1, threads: 1");
  }

 protected:
  // KIND:FIRST:LAST:NEEDLE, see support/faults.h.
  static std::string with_faults(const std::string& plan, const std::string& command) {
    return fmt::format("SPINFILL_FAULTS={} LD_PRELOAD='{}' {}", plan, test::faults_library(), command);
  }
  static std::string end_of(const std::string& run) { return checkpoint_hashes(run, 60); }
};

// A checkpoint at every step, so that most moments are within a save.
TEST_F(LongRun, FiftyKillsAtRandomMomentsChangeNothing) {
  auto result = shell(train("whole"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const std::string expected = end_of("whole");
  Random random(20, 0, Stream::test);
  int kills = 0, runs = 0;
  for (; kills < 50; ++runs) {
    const std::string run = fmt::format("killed-{}", runs);
    for (bool done = false; !done;) {
      const double seconds = kills < 50 ? random.uniform(0.3, 1.2) : 600;
      result = shell(fmt::format("timeout -s KILL {:.3f} {}", seconds, train(run, "--auto-resume")));
      done = result.exit_code == 0;
      ASSERT_TRUE(done || result.exit_code == 137) << result.output;
      EXPECT_EQ(result.output.find("passed over"), std::string::npos) << result.output;
      kills += done ? 0 : 1;
    }
    EXPECT_EQ(end_of(run), expected) << runs;
  }
  EXPECT_LT(runs, 50);
}

// All checkpoints are kept: on a busy machine the signal may come some steps later, when step 3 would be gone.
TEST_F(LongRun, ASignalWhileACheckpointIsSavedStopsAfterIt) {
  const auto result =
      shell(with_faults("slow:1:8:/checkpoints/.step-3.", train("signalled", "--set train.keep_last=60")) +
            " & pid=$!; while kill -0 $pid && ! ls -d signalled/checkpoints/.step-3.* >/dev/null 2>&1; do sleep 0.05; "
            "done; kill -TERM $pid; wait $pid");
  EXPECT_EQ(result.exit_code, 75) << result.output;
  EXPECT_TRUE(fs::exists(*folder_ / "signalled/checkpoints/step-3/state.json"));
  const auto again = shell(train("signalled", "--resume --set train.keep_last=60"));
  ASSERT_EQ(again.exit_code, 0) << again.output;
  if (!fs::exists(*folder_ / "whole")) {
    ASSERT_EQ(shell(train("whole")).exit_code, 0);
  }
  EXPECT_EQ(end_of("signalled"), end_of("whole"));
}

TEST_F(LongRun, AFullDiskIsAWarningThenAnErrorAndTheOldCheckpointStands) {
  // Two calls fail: in one or two of the sixty saves.
  const auto passing = shell(with_faults("full:60:61:/checkpoints", train("passing")));
  EXPECT_EQ(passing.exit_code, 0) << passing.output;
  EXPECT_THAT(passing.output, HasSubstr("could not be saved"));
  EXPECT_THAT(passing.output, HasSubstr("No space left on device"));
  const auto full = shell(with_faults("full:60:1000000:/checkpoints", train("full")));
  EXPECT_EQ(full.exit_code, 3) << full.output;
  EXPECT_THAT(full.output, HasSubstr("3 checkpoints in a row could not be saved"));
  const auto resumed = shell(train("full", "--resume"));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  if (!fs::exists(*folder_ / "whole")) {
    ASSERT_EQ(shell(train("whole")).exit_code, 0);
  }
  for (const char* run : {"passing", "full"}) EXPECT_EQ(end_of(run), end_of("whole")) << run;
}

TEST_F(LongRun, ARunFolderThatIsGoneEndsTheRun) {
  const auto result = shell(
      train("gone", "--set train.steps=1000000") +
      " & pid=$!; while kill -0 $pid && [ ! -e gone/checkpoints/step-3 ]; do sleep 0.02; done; mv gone elsewhere; "
      "wait $pid");
  EXPECT_EQ(result.exit_code, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("gone"));
  EXPECT_FALSE(fs::exists(*folder_ / "gone/config.yaml"));
}

}  // namespace
}  // namespace spinfill
