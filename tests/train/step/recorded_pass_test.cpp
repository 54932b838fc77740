// SPDX-License-Identifier: Apache-2.0
#include "train/step/recorded_pass.h"
#include "core/files/files.h"

#include "data/batches/loader.h"
#include "data/open_data_set.h"
#include "train/step/cuda_graph.h"
#include "train/step/device_feed.h"
#include "train/step/optimizer.h"
#include "train/step/step.h"
#include "train/tiny_run.h"

namespace spinfill {
namespace {

// What CUDA graphs do, on a processor: nothing when recorded, the same work with the same memory when replayed.
class DoneAgain : public Recording {
 public:
  struct Count {
    std::int64_t recorded = 0, replayed = 0;
    bool operator==(const Count&) const = default;
  };
  explicit DoneAgain(Count& count) : count_(count) {}
  void record(const std::function<void()>& work) override {
    ++count_.recorded;
    work_ = work;
  }
  void replay() override {
    ++count_.replayed;
    work_();
  }

 private:
  Count& count_;
  std::function<void()> work_;
};

class RecordedPass : public test::TinyRuns {
 protected:
  RunConfig config() const {
    RunConfig config = test::tiny_config(folder_ / "data");
    config.loss.mode = LossMode::mixed;
    config.loss.draws = 2;
    config.loss.rollout = 0.5;
    config.model.dropout = {.identity = 0.3, .references = 0.3, .priors = 0.3};
    config.train.batch_sets = 4;
    config.train.threads = 1;
    return config;
  }
  struct Outcome {
    std::vector<double> losses, norms;
    TensorMap state;
  };
  // Twelve steps through both phases, with one to three targets a set.
  Outcome steps(const RunConfig& config, const MakeRecording& recording, at::Device device = at::kCPU) const {
    const DataSet data = open_data_set(config.data.path, "train");
    TrainingStream stream;
    stream.seed = 1;
    stream.batch_size = config.train.micro_batch_sets;
    DeviceFeed feed(data, config.data, stream, 0, 24, device);
    Denoiser denoiser(config.model, 1, device);
    set_up_for_training(denoiser, config.train);
    AdamW optimizer(named_parameters(denoiser), config.optimizer);
    Ranks alone;
    GradientExchange gradients(alone, {});
    TrainingStep training(denoiser, optimizer, config, alone, gradients, {}, recording);
    Outcome outcome;
    for (std::int64_t step = 0; step < 12; ++step) {
      const StepStatistics statistics = training.make(MicroBatches(2, [&] { return feed.next(); }), step % 6);
      EXPECT_EQ(statistics.vehicles.size(), 4U);
      outcome.losses.push_back(statistics.loss);
      outcome.norms.push_back(statistics.gradient_norm);
    }
    for (const auto& [name, tensor] : denoiser.state()) outcome.state[name] = tensor.cpu().clone();
    return outcome;
  }
};

TEST_F(RecordedPass, ReplayingChangesNoBit) {
  for (const bool checkpointing : {false, true}) {
    RunConfig own = config();
    own.train.gradient_checkpointing = checkpointing;
    const Outcome plain = steps(own, {});
    DoneAgain::Count count;
    const Outcome replayed = steps(own, [&] { return std::make_unique<DoneAgain>(count); });
    EXPECT_EQ(plain.losses, replayed.losses);
    EXPECT_EQ(plain.norms, replayed.norms);
    expect_equal(plain.state, replayed.state);
    EXPECT_GT(count.recorded, 2);
    EXPECT_GT(count.replayed, count.recorded);
  }
}

TEST_F(RecordedPass, RecordsWhatComesTwiceUpToALimit) {
  const RunConfig own = config();
  const DataSet data = open_data_set(own.data.path, "train");
  const Denoiser denoiser(own.model, 1);
  DoneAgain::Count count;
  RecordedPasses passes(
      denoiser, [&] { return std::make_unique<DoneAgain>(count); }, 1);
  const auto add = [&](std::int64_t missing) {
    DataConfig with = own.data;
    with.missing = {missing};
    Batch batch = training_batches(data, with, {})(0);
    passes.begin_step();
    passes.add(batch, draw_training(denoiser, batch, own.loss, 1), own.loss);
    return count;
  };
  using Count = DoneAgain::Count;
  EXPECT_EQ(add(1), (Count{0, 0}));
  EXPECT_EQ(add(1), (Count{1, 1}));
  EXPECT_EQ(add(2), (Count{1, 1}));
  EXPECT_EQ(add(2), (Count{1, 1}));  // a second shape, beyond the limit
  EXPECT_EQ(add(1), (Count{1, 2}));
}

TEST_F(RecordedPass, NeedsAGpu) {
  RunConfig own = config();
  own.train.cuda_graphs = true;
  own.train.device = DeviceChoice::cpu;
  test::expect_error(ExitCode::usage, {"train.cuda_graphs", "GPU"}, [&] { train(own, folder_ / "run", false); });
  EXPECT_FALSE(fs::exists(folder_ / "run"));
  test::expect_error(ExitCode::usage, {"train.cuda_graphs", "loss.lpips"}, [&] {
    RunConfig read;
    read_config_text("train: {cuda_graphs: true, regression_share: 0}\nloss: {lpips: 1}", "run.yaml", {},
                     [&](Fields& f) { read.bind(f); });
  });
}

// On a GPU: batches that another thread copies there, priors of another implementation, CUDA graphs.
class Gpu : public RecordedPass {
 protected:
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "SKIPPED: no GPU, or a build without CUDA";
    RecordedPass::SetUp();
  }
  static void expect_close(const std::vector<double>& a, const std::vector<double>& b, double share) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], share * std::abs(a[i])) << i;
  }
  const at::Device gpu_{at::kCUDA, 0};
};

TEST_F(Gpu, TrainsAsTheProcessorDoes) {
  expect_close(steps(config(), {}).losses, steps(config(), {}, gpu_).losses, 0.02);
}

TEST_F(Gpu, GraphsChangeNothing) {
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    for (const bool checkpointing : {false, true}) {
      RunConfig own = config();
      own.train.precision = precision;
      own.train.gradient_checkpointing = checkpointing;
      const Outcome plain = steps(own, {}, gpu_);
      expect_close(plain.losses, steps(own, cuda_graphs(gpu_), gpu_).losses, 0.01);
    }
  }
}

}  // namespace
}  // namespace spinfill
