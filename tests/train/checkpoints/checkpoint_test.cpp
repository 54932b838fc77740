// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoints/checkpoint.h"
#include "core/files/files.h"

#include <ATen/ATen.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <fstream>
#include <limits>

#include "support/support.h"
#include "train/checkpoints/checkpoint_writer.h"

namespace spinfill {
namespace {

Checkpoint example(std::int64_t step) {
  Checkpoint checkpoint;
  checkpoint.step = step;
  checkpoint.progress.best.step = 1;
  checkpoint.weights["w"] = at::full({3}, static_cast<float>(step));
  checkpoint.ema["w"] = at::full({3}, 0.5f);
  checkpoint.optimizer["step.w"] = at::full({}, static_cast<float>(step));
  return checkpoint;
}

// Nothing is pruned.
fs::path save_checkpoint(const fs::path& run, const Checkpoint& checkpoint) {
  write_file_atomic(run / "config.yaml", "");
  Ranks alone;
  TrainConfig config;
  config.keep_last = 100;
  CheckpointWriter writer(run, config, alone);
  writer.begin({checkpoint.step, checkpoint.progress, checkpoint.weights, checkpoint.ema, checkpoint.optimizer});
  writer.finish();
  return checkpoint_folder(run, checkpoint.step);
}

TEST(Checkpoint, RoundTrip) {
  const test::TemporaryFolder run;
  const fs::path folder = save_checkpoint(run.path(), example(7));
  EXPECT_EQ(folder, run.path() / "checkpoints" / "step-7");
  const Checkpoint read = read_checkpoint(folder);
  EXPECT_EQ(read.step, 7);
  EXPECT_EQ(read.progress.best.step, 1);
  EXPECT_TRUE(at::equal(read.weights.at("w"), at::full({3}, 7.0f)));
  EXPECT_TRUE(at::equal(read.optimizer.at("step.w"), at::full({}, 7.0f)));
}

TEST(Checkpoint, NewestValidPassesOverDamage) {
  const test::TemporaryFolder run;
  save_checkpoint(run.path(), example(1));
  const fs::path newer = save_checkpoint(run.path(), example(2));
  // One flipped byte in the data, the length unchanged.
  std::fstream file(newer / "ema.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end);
  file.put('\x55');
  file.close();
  test::expect_error(ExitCode::runtime, {"ema.safetensors", "hash"}, [&] { read_checkpoint(newer); });
  const auto found = newest_valid_checkpoint(run.path());
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->step, 1);
}

TEST(Checkpoint, EveryTruncationOfEveryFileIsRefused) {
  const test::TemporaryFolder run;
  const fs::path folder = save_checkpoint(run.path(), example(3));
  for (const char* name : {"weights.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"}) {
    const std::string whole = read_file(folder / name);
    for (std::size_t size = 0; size + 1 < whole.size(); size += 7) {
      write_file_atomic(folder / name, std::string_view(whole).substr(0, size));
      EXPECT_THROW(read_checkpoint(folder), Error) << name << " cut to " << size;
    }
    write_file_atomic(folder / name, whole);
  }
  EXPECT_EQ(read_checkpoint(folder).step, 3);
}

TEST(Checkpoint, NonFiniteWeightsAreNotSaved) {
  const test::TemporaryFolder run;
  save_checkpoint(run.path(), example(1));
  Checkpoint bad = example(2);
  bad.weights["w"][1] = std::numeric_limits<float>::quiet_NaN();
  test::expect_error(ExitCode::runtime, {"'w'", "not finite"}, [&] { save_checkpoint(run.path(), bad); });
  ASSERT_EQ(list_checkpoints(run.path()).size(), 1u);
}

TEST(Checkpoint, PruneKeepsNewestBestAndMultiples) {
  const test::TemporaryFolder run;
  for (std::int64_t step = 1; step <= 9; ++step) save_checkpoint(run.path(), example(step));
  prune_checkpoints(run.path(), 2, 3, 4);
  std::vector<std::int64_t> kept;
  for (const auto& entry : list_checkpoints(run.path())) kept.push_back(entry.step);
  EXPECT_EQ(kept, (std::vector<std::int64_t>{3, 4, 8, 9}));
}

TEST(Checkpoint, PruneNeverLeavesPartOfOne) {
  const test::TemporaryFolder run;
  for (const std::int64_t step : {1, 2}) save_checkpoint(run.path(), example(step));
  const int events = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  // Until it is renamed, nothing inside it is removed.
  ASSERT_GE(::inotify_add_watch(events, (run / "checkpoints/step-1").c_str(), IN_MOVE_SELF | IN_DELETE), 0);
  prune_checkpoints(run.path(), 1, -1, 0);
  alignas(inotify_event) char buffer[4096];
  const ssize_t got = ::read(events, buffer, sizeof buffer);
  ::close(events);
  ASSERT_GE(got, static_cast<ssize_t>(sizeof(inotify_event)));
  EXPECT_TRUE(reinterpret_cast<const inotify_event*>(buffer)->mask & IN_MOVE_SELF);
  EXPECT_EQ(std::distance(fs::directory_iterator(run / "checkpoints"), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace spinfill
