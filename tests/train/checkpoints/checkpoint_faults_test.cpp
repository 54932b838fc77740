// SPDX-License-Identifier: Apache-2.0
// Checkpoints whose writing is cut off, at every call that changes a file.
#include <ATen/ATen.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>

#include "core/files/files.h"
#include "support/faults.h"
#include "support/support.h"
#include "train/checkpoints/checkpoint.h"
#include "train/checkpoints/checkpoint_writer.h"

namespace spinfill {
namespace {

CheckpointShare example(std::int64_t step) {
  const TensorMap tensors = {{"a", at::full({40}, static_cast<float>(step))}, {"b", at::full({2, 3}, 0.5f)}};
  return {step, {}, tensors, tensors, TensorMap{{"step.a", at::full({}, static_cast<float>(step))}}};
}

class CheckpointFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    config_.keep_last = 1;
    config_.max_failed_saves = 2;
    write_file_atomic(run_ / "config.yaml", "");
    save(1);
  }
  void TearDown() override { spinfill_faults_arm("", 0, 0, ""); }
  // Saves, which also removes the previous one.
  void save(std::int64_t step) {
    Ranks alone;
    CheckpointWriter writer(run_.path(), config_, alone);
    writer.begin(example(step));
    writer.finish();
  }
  // Saves in a process of its own, whose calls `first` to `last` go wrong; returns its exit status, or minus the signal
  // that ended it. `count` becomes the number of calls it made.
  int save_with(const char* kind, long first, long last, std::int64_t step, long* count = nullptr) {
    int ends[2];
    if (::pipe(ends) != 0) fail("no pipe");
    const pid_t child = ::fork();
    if (child == 0) {
      spinfill_faults_arm(kind, first, last, "/checkpoints");
      int code = 0;
      try {
        save(step);
      } catch (const Error& error) {
        code = static_cast<int>(error.code());
      }
      const long calls = spinfill_faults_count();
      spinfill_faults_arm("", 0, 0, "");
      if (::write(ends[1], &calls, sizeof calls) != sizeof calls) code = 99;
      ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(ends[1]);
    long calls = 0;
    if (::read(ends[0], &calls, sizeof calls) == sizeof calls && count != nullptr) *count = calls;
    ::close(ends[0]);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }
  std::int64_t newest() {
    const auto found = newest_valid_checkpoint(run_.path());
    if (!found) return -1;
    EXPECT_TRUE(at::equal(found->weights.at("a"), at::full({40}, static_cast<float>(found->step))));
    return found->step;
  }
  test::TemporaryFolder run_;
  TrainConfig config_;
};

TEST_F(CheckpointFaults, AProcessKilledAtAnyCallLeavesOneToResumeFrom) {
  long calls = 0;
  ASSERT_EQ(save_with("", 0, 0, 2, &calls), 0);
  ASSERT_GT(calls, 30);  // folder, three files and state.json: made, written, synced, renamed; the old one removed
  EXPECT_EQ(newest(), 2);
  std::int64_t step = 2, appeared = 0;
  for (const char* kind : {"kill", "torn"}) {
    for (long call = 1; call <= calls; ++call) {
      const std::int64_t before = newest();
      const int status = save_with(kind, call, call, ++step);
      const std::int64_t after = newest();
      ASSERT_TRUE(after == before || after == step) << kind << " at call " << call << ": " << after;
      ASSERT_TRUE(std::string(kind) != "kill" || status == -SIGKILL) << call << ": " << status;
      appeared += after == step ? 1 : 0;
      ASSERT_EQ(save_with("", 0, 0, ++step), 0) << kind << " at call " << call;  // leftovers are in nobody's way
      ASSERT_EQ(newest(), step);
    }
  }
  EXPECT_GT(appeared, 2);  // cut off after it had been renamed into place
}

// As a resumed run does when it makes up for a validation.
TEST_F(CheckpointFaults, TheOnlyOneIsReplacedWithoutAMomentWithoutIt) {
  long calls = 0;
  ASSERT_EQ(save_with("", 0, 0, 1, &calls), 0);
  for (long call = 1; call <= calls; ++call) {
    ASSERT_EQ(save_with("kill", call, call, 1), -SIGKILL) << call;
    ASSERT_EQ(newest(), 1) << call;
  }
}

TEST_F(CheckpointFaults, AFullDiskAtAnyCallIsSaidAndTheOldOneStands) {
  long calls = 0;
  ASSERT_EQ(save_with("", 0, 0, 2, &calls), 0);
  std::int64_t step = 2;
  for (long call = 1; call <= calls; ++call) {
    const std::int64_t before = newest();
    const int status = save_with("full", call, LONG_MAX, ++step);
    const std::int64_t after = newest();
    // Removing the old one may fail after the new one is there: a warning, not an error.
    ASSERT_TRUE(status == 3 || (status == 0 && after == step)) << call << ": " << status;
    ASSERT_TRUE(after == step || after == before) << call << ": " << after;
    // A failed call, unlike a killed process, leaves no half-written folder; what could not be removed is hidden.
    for (const auto& entry : fs::directory_iterator(run_ / "checkpoints"))
      ASSERT_TRUE(entry.path().filename().string().starts_with(".") || fs::exists(entry.path() / "state.json")) << call;
  }
}

TEST_F(CheckpointFaults, TrainingGoesOnUntilTooManySavesFailed) {
  Ranks alone;
  CheckpointWriter writer(run_.path(), config_, alone);
  spinfill_faults_arm("full", 1, LONG_MAX, "/checkpoints");
  writer.begin(example(2));  // a warning
  test::expect_error(ExitCode::runtime, {"2 checkpoints in a row", "step 3", "No space left"}, [&] {
    writer.begin(example(3));
    writer.finish();
  });
  EXPECT_EQ(newest(), 1);
  spinfill_faults_arm("full", 1, 1, "/checkpoints");
  CheckpointWriter again(run_.path(), config_, alone);
  again.begin(example(5));
  again.begin(example(6));  // a success between two failures
  again.finish();
  EXPECT_EQ(newest(), 6);
}

TEST_F(CheckpointFaults, AFolderThatIsGoneIsNotMadeAnew) {
  Ranks alone;
  CheckpointWriter writer(run_.path(), config_, alone);
  fs::remove_all(run_ / "checkpoints");
  writer.begin(example(2));
  writer.finish();
  EXPECT_EQ(newest(), 2);  // only checkpoints/ was gone: made again
  fs::remove(run_ / "config.yaml");
  writer.begin(example(3));
  test::expect_error(ExitCode::runtime, {"last checkpoint could not be saved"}, [&] { writer.finish(); });
  EXPECT_EQ(newest(), 2);
}

// What is saved is the state at begin(), whatever training does meanwhile.
TEST_F(CheckpointFaults, TheCopyIsOfTheMoment) {
  Ranks alone;
  CheckpointWriter writer(run_.path(), config_, alone);
  CheckpointShare share = example(2);
  spinfill_faults_arm("slow", 1, 1, "/checkpoints");
  writer.begin(share);
  share.weights.at("a").fill_(77);
  writer.finish();
  EXPECT_EQ(newest(), 2);
}

}  // namespace
}  // namespace spinfill
