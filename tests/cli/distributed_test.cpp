// SPDX-License-Identifier: Apache-2.0
// Several real processes that train together over Gloo.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <fstream>

#include "core/files/files.h"
#include "core/tensors/safetensors.h"
#include "support/program_suite.h"
#include "train/checkpoints/checkpoint.h"

namespace spinfill {
namespace {

using testing::HasSubstr;
using testing::Not;

class Distributed : public test::ProgramSuite<Distributed> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "data", 8);
    write_config(
        "steps: 6, batch_sets: 4, micro_batch_sets: 1, regression_share: 0.5, checkpoint_every: 3, keep_last: 20, "
        "validate_every: 3, validation_sets: 0, sample_grids: 2, log_every: 1, join_timeout: 120, rank_timeout: 20");
    std::ofstream(*folder_ / "tiny.yaml", std::ios::app) << "evaluation: {batch_sets: 1, subsets: 2}\n";
  }

 protected:
  // Starts two processes that would train for long; once a checkpoint is there, the shell runs `act`. Rank 1's pid is
  // $one, the launcher's is $launcher.
  static test::CommandResult disturbed(const std::string& run, const std::string& act, const std::string& more = "") {
    return shell("children() { grep -lsE \"^PPid:[[:space:]]$launcher$\" /proc/[0-9]*/status | cut -d/ -f3; }; " +
                 train(run, "--nproc-per-node 2 --set train.steps=100000 --set train.validate_every=100000 " + more) +
                 " & launcher=$!; while [ ! -e " + run +
                 "/checkpoints/step-3/state.json ] && kill -0 $launcher 2>/dev/null; do sleep 0.05; done; "
                 "for p in $(children); do grep -qz '^RANK=1$' /proc/$p/environ && one=$p; done; " +
                 act + "; wait $launcher; code=$?; [ -z \"$(children)\" ] || exit 98; exit $code");
  }
  static TensorMap weights(const std::string& run, int step) {
    return read_safetensors(*folder_ / run / fmt::format("checkpoints/step-{}/weights.safetensors", step)).tensors;
  }
  static Checkpoint newest_checkpoint(const std::string& run) {
    auto found = newest_valid_checkpoint(*folder_ / run);
    if (!found) fail("no checkpoint in {}", run);
    return std::move(*found);
  }
  static void expect_close(const TensorMap& a, const TensorMap& b, double tolerance) {
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [name, tensor] : a) EXPECT_LT((tensor - b.at(name)).abs().max().item<double>(), tolerance) << name;
  }
};

// (1 process × 4 micro-batches), (2 × 2) and (4 × 1), one thread and two.
TEST_F(Distributed, AnySplitGivesTheSameRun) {
  auto result = shell(train("one"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  result = shell(train("two", "--nproc-per-node 2"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("2 processes"));
  result = shell("OMP_NUM_THREADS=2 " + train("side", "--nproc-per-node 2"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  result = shell(train("four", "--nproc-per-node 4"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const TensorMap start = weights("one", 3), end = weights("one", 6);
  double moved = 0;
  for (const auto& [name, tensor] : end) moved = std::max(moved, (tensor - start.at(name)).abs().max().item<double>());
  ASSERT_GT(moved, 1e-4);  // else the comparison would miss that nothing was trained
  for (const std::string run : {"two", "side", "four"}) {
    expect_close(weights(run, 6), end, 2e-6);
    const auto own = rows(run), expected = rows("one");
    ASSERT_EQ(own.size(), expected.size());
    // Before step 1 the weights are the same bits, and so are the scores of any share.
    EXPECT_EQ(own[0].at("validation"), expected[0].at("validation")) << run;
    EXPECT_EQ(own[0].at("baselines"), expected[0].at("baselines")) << run;
    EXPECT_EQ(own[0].at("images"), expected[0].at("images")) << run;
    for (std::size_t i = 0; i < own.size(); ++i) {
      EXPECT_EQ(own[i].at("step"), expected[i].at("step"));
      if (!own[i].contains("loss")) continue;
      EXPECT_NEAR(own[i]["loss"].get<double>(), expected[i]["loss"].get<double>(), 1e-4) << run << i;
    }
    EXPECT_TRUE(fs::exists(*folder_ / run / "samples/step-0000006-1.png"));
  }
}

// Adapters beside frozen weights, and frozen parts, with replayed data: what is trained, and what is not, is the same
// for one process and two, with gradients exchanged while backward runs or afterwards.
TEST_F(Distributed, RetrainingIsTheSameForAnySplit) {
  test::TinySetOptions older;
  older.seed = 30;
  test::write_tiny_data_set(*folder_ / "older", 6, older);
  ASSERT_EQ(shell(train("base")).exit_code, 0);
  const std::string from =
      "--set train.init_from=base/checkpoints/step-6/ema.safetensors --set data.replay.path=older "
      "--set data.replay.share=0.5 --set optimizer.learning_rate=0.01 --set optimizer.warmup_steps=0 ";
  for (const std::string what : {"train.lora.rank=2", "train.freeze=[unet.down_blocks]"}) {
    fs::remove_all(*folder_ / "retrained");
    auto result = shell(train("retrained", from + "--set '" + what + "'"));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    const TensorMap start = weights("retrained", 3), end = weights("retrained", 6);
    double moved = 0;
    for (const auto& [name, tensor] : end)
      moved = std::max(moved, (tensor - start.at(name)).abs().max().item<double>());
    ASSERT_GT(moved, 1e-3);
    for (const std::string threads : {"OMP_NUM_THREADS=1 ", "OMP_NUM_THREADS=2 "}) {
      fs::remove_all(*folder_ / "both");
      result = shell(threads + train("both", from + "--nproc-per-node 2 --set '" + what + "'"));
      ASSERT_EQ(result.exit_code, 0) << result.output;
      expect_close(weights("both", 6), end, 2e-5);
      EXPECT_EQ(rows("both")[0].at("replay"), rows("retrained")[0].at("replay"));
      EXPECT_EQ(rows("both")[0].at("replay_by_category"), rows("retrained")[0].at("replay_by_category"));
    }
  }
}

// A student of a teacher that is a run, and of the same one as a bundle, by one process and by two.
TEST_F(Distributed, DistillingIsTheSameForAnySplit) {
  ASSERT_EQ(shell(train("teacher", "--set loss.mode=mixed --set train.regression_share=0")).exit_code, 0);
  ASSERT_EQ(spinfill("export --run teacher --dtype fp32 --out bundle").exit_code, 0);
  const std::string distil =
      "--set train.objective=distill --set distill.teacher_steps=2 --set sampler.steps=2 --set "
      "optimizer.warmup_steps=0 "
      "--set optimizer.learning_rate=0.01 ";
  auto result = shell(train("student", distil + "--set distill.teacher=teacher"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("its teacher's pictures"));
  const TensorMap start = weights("student", 3), end = weights("student", 6);
  double moved = 0;
  for (const auto& [name, tensor] : end) moved = std::max(moved, (tensor - start.at(name)).abs().max().item<double>());
  ASSERT_GT(moved, 1e-3);
  for (const std::string more :
       {"--set distill.teacher=teacher --set train.shard_optimizer=true", "--set distill.teacher=bundle"}) {
    fs::remove_all(*folder_ / "both");
    result = shell(train("both", distil + "--nproc-per-node 2 " + more));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    expect_close(weights("both", 6), end, 2e-5);
    EXPECT_EQ(rows("both")[0].at("teacher_psnr"), rows("student")[0].at("teacher_psnr"));
    EXPECT_EQ(read_json(*folder_ / "both/inputs.json").at("teacher_sha256"),
              read_json(*folder_ / "student/inputs.json").at("teacher_sha256"));
  }
  // What it is can be told of its bundle.
  ASSERT_EQ(spinfill("export --run student --out small").exit_code, 0);
  const Json training = read_json(*folder_ / "small/manifest.json").at("provenance").at("training");
  EXPECT_EQ(training.at("distilled_to_steps"), 2);
  EXPECT_FALSE(training.contains("validation_psnr"));
  EXPECT_THAT(spinfill("inspect small").output, HasSubstr("PSNR to its teacher's pictures"));
  // Neither a run nor a bundle; a file.
  for (const std::string wrong : {"data", "tiny.yaml"}) {
    result = shell(train("refused", distil + "--set distill.teacher=" + wrong));
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr(wrong + ": is neither a bundle"));
    EXPECT_FALSE(fs::exists(*folder_ / "refused"));
  }
}

TEST_F(Distributed, AllEndAtAnEarlyStopAndResumingSaysSo) {
  const std::string stops =
      "--nproc-per-node 2 --set train.steps=1000 --set train.validate_every=2 --set train.early_stop.patience=1 "
      "--set train.early_stop.min_delta=50";
  auto result = shell(train("early", stops));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("ended at step 4: validation PSNR did not rise"));
  EXPECT_TRUE(fs::exists(*folder_ / "early/checkpoints/step-4/state.json"));
  result = shell(train("early", stops + " --resume"));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("ended at step 4: validation PSNR did not rise"));
  EXPECT_FALSE(fs::exists(*folder_ / "early/checkpoints/step-6"));
}

// Another number of processes goes on with the same data in the same order.
TEST_F(Distributed, ResumesWithAnotherNumberOfProcesses) {
  ASSERT_EQ(shell(train("whole", "--nproc-per-node 2")).exit_code, 0);
  ASSERT_EQ(shell(train("parts", "--set train.steps=3 --nproc-per-node 2")).exit_code, 0);
  // The schedule of the first part is that of three steps; what matters here is the second.
  fs::remove_all(*folder_ / "parts/checkpoints");
  fs::create_directories(*folder_ / "parts/checkpoints");
  fs::copy(*folder_ / "whole/checkpoints/step-3", *folder_ / "parts/checkpoints/step-3", fs::copy_options::recursive);
  const auto result = shell(train("parts", "--resume --nproc-per-node 4"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("resumed at step 3"));
  expect_close(weights("parts", 6), weights("whole", 6), 2e-6);
}

// ZeRO-1: the optimiser's state and the averaged weights shared among two and four processes, saved in pieces, resumed
// by others.
TEST_F(Distributed, SharedStateIsThatOfOneProcess) {
  ASSERT_EQ(shell(train("alone")).exit_code, 0);
  const std::string shared = "--set train.shard_optimizer=true ";
  for (const int world : {2, 4}) {
    const std::string run = fmt::format("shared-{}", world);
    const auto result = shell(train(run, shared + fmt::format("--nproc-per-node {}", world)));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    const auto whole = newest_checkpoint("alone"), parts = newest_checkpoint(run);
    ASSERT_EQ(parts.step, 6);
    EXPECT_FALSE(fs::exists(*folder_ / run / "checkpoints/step-6/ema.safetensors"));
    EXPECT_TRUE(fs::exists(*folder_ / run / fmt::format("checkpoints/step-6/ema-00002-of-0000{}.safetensors", world)));
    expect_close(parts.weights, whole.weights, 2e-6);
    expect_close(parts.ema, whole.ema, 2e-6);
    expect_close(parts.optimizer, whole.optimizer, 2e-5);
    EXPECT_NEAR(rows(run).back().at("validation").at("psnr").get<double>(),
                rows("alone").back().at("validation").at("psnr").get<double>(), 1e-3);
  }
  // Step 3 of two processes' state, resumed by four, by one, and by two that share nothing.
  for (const std::string more : {shared + "--nproc-per-node 4", shared, std::string("--nproc-per-node 2")}) {
    fs::remove_all(*folder_ / "elastic");
    fs::copy(*folder_ / "shared-2", *folder_ / "elastic", fs::copy_options::recursive);
    fs::remove_all(*folder_ / "elastic/checkpoints/step-6");
    const auto result = shell(train("elastic", "--resume " + more));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("resumed at step 3"));
    const auto whole = newest_checkpoint("alone"), parts = newest_checkpoint("elastic");
    expect_close(parts.weights, whole.weights, 2e-6);
    expect_close(parts.ema, whole.ema, 2e-6);
  }
  // Export, and so all that loads a run, reads the pieces.
  const auto exported =
      shell(fmt::format("'{}' export --run shared-4 --checkpoint latest --out bundle", test::program()));
  EXPECT_EQ(exported.exit_code, 0) << exported.output;
  fs::remove(*folder_ / "shared-4/checkpoints/step-6/ema-00003-of-00004.safetensors");
  const auto missing = shell(train("shared-4", "--resume --nproc-per-node 2 " + shared));
  EXPECT_THAT(missing.output, HasSubstr("passed over"));
  EXPECT_THAT(missing.output, HasSubstr("ema-00003-of-00004.safetensors"));
}

TEST_F(Distributed, AKilledRankEndsAllAndTheRestartResumes) {
  const auto result = disturbed("killed", "kill -KILL $one");
  EXPECT_EQ(result.exit_code, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("rank 1 was ended by signal 9"));
  EXPECT_THAT(result.output, HasSubstr("rank 0 of 2 could not go on at step"));
  EXPECT_THAT(result.output, HasSubstr("rank 1 was last seen at step"));
  const auto again = shell(train("killed",
                                 "--auto-resume --nproc-per-node 2 --set train.steps=9 "
                                 "--set train.validate_every=100000"));
  // The killed run may be further than step 9 already.
  EXPECT_THAT(again.output, HasSubstr("resumed at step"));
  EXPECT_EQ(again.exit_code, 0) << again.output;
}

TEST_F(Distributed, AHungRankEndsAllWithinTheConfiguredTime) {
  const auto result = disturbed("hung", "kill -STOP $one; began=$SECONDS", "--set train.rank_timeout=4");
  EXPECT_EQ(result.exit_code, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("rank 1 was last seen at step"));
  EXPECT_THAT(result.output, HasSubstr("are killed"));
}

TEST_F(Distributed, ASignalToTheLauncherOrToOneRankSavesOnAll) {
  const std::string all = "kill -TERM $launcher $(children)";
  int count = 0;
  for (const std::string& act : {std::string("kill -TERM $launcher"), std::string("kill -USR1 $one"), all,
                                 all + "; sleep 0.05; " + all + "; sleep 0.1; " + all}) {
    const auto result = disturbed(fmt::format("signalled-{}", count++), act);
    EXPECT_EQ(result.exit_code, 75) << result.output;
    EXPECT_THAT(result.output, HasSubstr("after saving"));
    EXPECT_THAT(result.output, Not(HasSubstr("error")));
  }
}

// Its ranks save by themselves.
TEST_F(Distributed, AKilledLauncherLosesNothing) {
  const auto result = disturbed("orphans",
                                "before=$(children); kill -KILL $launcher; wait $launcher; "
                                "for p in $before; do while kill -0 $p; do sleep 0.05; done; done 2>/dev/null");
  EXPECT_THAT(result.output, HasSubstr("after saving")) << result.output;
  EXPECT_EQ(rows("orphans").back().at("step"), newest_checkpoint("orphans").step);
  EXPECT_FALSE(fs::exists(*folder_ / "orphans/run.lock"));
}

// What fails on one rank alone is told once, with its reason, and every process ends.
TEST_F(Distributed, AFailureOnOneRankNamesIt) {
  const auto result = disturbed("broken", "for f in data/*/*.png; do printf x > $f.new; mv $f.new $f; done",
                                "--set data.loader.cache_mib=0");
  EXPECT_EQ(result.exit_code, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr(".png"));
  test::write_tiny_data_set(*folder_ / "data", 8);
}

// A stranger at the port takes no seat and ends nothing, whatever it says; the run goes on with its own.
TEST_F(Distributed, StrangersAreRefused) {
  const std::string env = "WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=$port ";
  const std::string more = "--set train.steps=100000 --set train.validate_every=100000";
  const std::string script =
      "port=$((30000 + $$ % 2000)); RANK=0 " + env + train("mine", more) +
      " & first=$!; until bash -c \"exec 3<>/dev/tcp/127.0.0.1/$port\" 2>/dev/null; do sleep 0.05; done; "
      "bash -c \"exec 3<>/dev/tcp/127.0.0.1/$port; exec sleep 60\" >/dev/null 2>&1 & silent=$!; "
      "bash -c \"head -c 3000 /dev/urandom >/dev/tcp/127.0.0.1/$port; printf 'GET / HTTP/1.0\r\n\r\n' "
      ">/dev/tcp/127.0.0.1/$port\" 2>/dev/null; ";
  const std::string meet =
      "RANK=1 " + env + train("other", more) + "; echo other $?; RANK=1 SLURM_JOB_ID=7 TORCHELASTIC_RUN_ID=seven " +
      env + train("mine", more) + "; echo job $?; RANK=2 WORLD_SIZE=3 MASTER_ADDR=127.0.0.1 MASTER_PORT=$port " +
      train("mine", more) + "; echo world $?; RANK=1 " + env + train("mine", more) +
      " & second=$!; while [ ! -e mine/checkpoints/step-3 ] && kill -0 $first; do sleep 0.05; done; RANK=1 " + env +
      train("mine", more) + "; echo seat $?; ";
  const auto result = shell(
      script + meet + "kill -TERM $first; wait $first; echo first $?; wait $second; echo second $?; kill $silent");
  for (const char* text : {"other 2", "job 2", "world 2", "seat 2", "first 75", "second 75"})
    EXPECT_THAT(result.output, HasSubstr(text));
  const std::string root = fs::canonical(folder_->path()).string();
  EXPECT_THAT(result.output, HasSubstr("rank 1 of 2, one of 2 processes for " + root + "/other, met others at"));
  EXPECT_THAT(result.output, HasSubstr("2 processes for " + root + "/mine: start all alike"));
  EXPECT_THAT(result.output, HasSubstr("2 processes of torchrun seven for"));
  EXPECT_THAT(result.output, HasSubstr("one of 3 processes for"));
  EXPECT_THAT(result.output, testing::ContainsRegex("rank 1 of 2 at 127.0.0.1:[0-9]+ is process [0-9]+ on .* already"));
}

// The time to join is that of the whole wait, not of each rank in turn.
TEST_F(Distributed, JoiningEndsInTime) {
  const std::string env = "WORLD_SIZE=4 MASTER_ADDR=127.0.0.1 MASTER_PORT=$((32100 + $$ % 600)) ";
  const auto result = shell("began=$(date +%s); RANK=0 " + env + train("few", "--set train.join_timeout=4") +
                            " & first=$!; sleep 3; RANK=1 " + env + train("few", "--set train.join_timeout=4") +
                            "; echo second $?; wait $first; echo first $?; echo took $(($(date +%s) - began))");
  EXPECT_THAT(result.output, HasSubstr("first 3"));
  EXPECT_THAT(result.output, HasSubstr("second 3"));
  EXPECT_THAT(result.output, HasSubstr("rank 2 did not come to 127.0.0.1:"));
  EXPECT_THAT(result.output, testing::ContainsRegex("took [4-9]\n"));
}

TEST_F(Distributed, ASecondProcessOnARunIsRefused) {
  const auto result = disturbed("locked", train("locked", "--resume") + "; echo alone $?; " +
                                              train("locked", "--auto-resume --nproc-per-node 2") + "; echo both $?; " +
                                              train("locked") + "; echo anew $?; kill -TERM $launcher");
  EXPECT_EQ(result.exit_code, 75) << result.output;
  for (const char* text : {"alone 2", "both 2", "anew 2", "trains in it since"})
    EXPECT_THAT(result.output, HasSubstr(text));
  EXPECT_FALSE(fs::exists(*folder_ / "locked/run.lock"));
}

TEST_F(Distributed, WrongUseIsOneLine) {
  auto result = shell(train("odd", "--nproc-per-node 3"));
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("cannot share evenly"));
  EXPECT_FALSE(fs::exists(*folder_ / "odd"));
  result = shell("RANK=1 " + train("odd"));
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("WORLD_SIZE is missing"));
  result =
      shell("RANK=1 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=1 " + train("odd", "--set train.join_timeout=1"));
  EXPECT_EQ(result.exit_code, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("127.0.0.1:1"));
  EXPECT_FALSE(fs::exists(*folder_ / "odd"));
}

}  // namespace
}  // namespace spinfill
