// SPDX-License-Identifier: Apache-2.0
#include "train/plan/plan.h"

#include <ATen/core/grad_mode.h>

#include "core/files/json.h"

#include "core/side_by_side.h"
#include "core/tensors/counted_memory.h"
#include "model/cost/cost.h"
#include "model/sampling/generate.h"
#include "support/support.h"
#include "support/tiny_set.h"
#include "train/plan/benchmark.h"
#include "train/plan/device_rate.h"
#include "train/plan/operator_profile.h"
#include "train/plan/sampling_plan.h"

namespace spinfill {
namespace {

class Planning : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    processors();
    folder_ = new test::TemporaryFolder;
    test::TinySetOptions options;
    options.width = 96;
    options.height = 64;
    test::write_tiny_data_set(*folder_ / "data", 6, options);
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static RunConfig config_of(const std::string& model, std::int64_t batch_sets, std::int64_t micro_batch_sets) {
    RunConfig config;
    config.model = from_json<ModelConfig>({{"preset", model}}, "test");
    config.data.path = (*folder_ / "data").string();
    config.data.priors.grid = 16;
    config.data.missing = {3};
    config.data.loader.prefetch = 1;  // two timed steps would not see more of it
    config.train.device = DeviceChoice::cpu;
    config.train.batch_sets = batch_sets;
    config.train.micro_batch_sets = micro_batch_sets;
    return config;
  }
  // Compares what is planned with what the steps of `bench train` take.
  static void expect_planned(const RunConfig& config, const std::string& what) {
    const auto planned = static_cast<double>(training_memory(config, {}).total());
    Ranks alone;
    const TrainingBenchmark measured = benchmark_training(config, {.steps = 2}, alone);
    const auto peak = static_cast<double>(measured.peak_tensor_bytes);
    fmt::print("{}: planned {:.1f} MiB, measured {:.1f} MiB, ratio {:.3f}\n", what, planned / (1 << 20),
               peak / (1 << 20), planned / peak);
    EXPECT_NEAR(planned, peak, 0.15 * peak) << what;
    // The same sets, counted and not planned: the number of targets is always three.
    EXPECT_NEAR(training_work(config).flops_per_step, measured.flops_per_step, 1e-3 * measured.flops_per_step) << what;
    EXPECT_GT(measured.peak_share, 0);
    EXPECT_NEAR(measured.flops_per_second / measured.peak_flops_per_second, measured.peak_share, 1e-9);
    EXPECT_EQ(measured.communication_share, 0);
  }
  static test::TemporaryFolder* folder_;
};
test::TemporaryFolder* Planning::folder_ = nullptr;

TEST_F(Planning, MeasuredPeaksAreThosePlanned) {
  expect_planned(config_of("tiny", 1, 1), "tiny, 1 set");
  expect_planned(config_of("small", 2, 2), "small, 2 sets");
  expect_planned(config_of("tiny", 4, 1), "tiny, 4 micro-batches of 1 set side by side");
  RunConfig wide = config_of("base", 2, 1);
  wide.train.threads = 1;
  expect_planned(wide, "base, 2 micro-batches of 1 set one after the other");
  RunConfig draws = config_of("tiny", 2, 2);
  draws.train.regression_share = 0;
  draws.loss.mode = LossMode::diffusion;
  draws.loss.draws = 3;
  expect_planned(draws, "tiny, 3 noise draws");
}

TEST_F(Planning, AProfileTellsWhereAStepGoes) {
  RunConfig config = config_of("tiny", 2, 2);
  config.train.threads = 1;
  Ranks alone;
  const TrainingBenchmark measured = benchmark_training(config, {.steps = 2, .ready = true, .profile = true}, alone);
  ASSERT_FALSE(measured.operators.empty());
  double flops = 0, seconds = 0;
  std::map<std::string, OperatorTime> kinds;
  for (const OperatorTime& kind : by_kind(measured.operators)) {
    kinds[kind.kind] = kind;
    flops += kind.flops;
    seconds += kind.seconds;
  }
  for (const char* kind : {"convolution", "matrix product", "attention"}) {
    EXPECT_GT(kinds[kind].flops, 0) << kind;
    EXPECT_GT(kinds[kind].seconds, 0) << kind;
  }
  EXPECT_GT(kinds["normalisation"].calls, 0);
  for (const char* kind : {"normalisation", "copy", "other"}) EXPECT_EQ(kinds[kind].flops, 0) << kind;
  // aten::convolution only chooses who does it.
  for (const OperatorTime& time : measured.operators)
    if (time.name == "aten::convolution") EXPECT_EQ(time.flops, 0);
  // Attention's backward computes its weights again: 5 products where a count of the model has 4.
  const double counted = 2 * measured.flops_per_step;
  EXPECT_NEAR(flops, counted + kinds["attention"].flops / 7, 0.01 * counted);
  EXPECT_LE(seconds, 1.05 * 2 * measured.seconds_per_step);
  EXPECT_GE(seconds, 0.5 * 2 * measured.seconds_per_step);
  const Json json = to_json(measured);
  EXPECT_EQ(json["operators"].size(), measured.operators.size());
  EXPECT_GE(json["operators"][0]["seconds_per_step"], json["operators"][1]["seconds_per_step"]);
  EXPECT_FALSE(to_json(benchmark_training(config, {.steps = 1}, alone)).contains("operators"));
}

// What generate() takes on the processor against what was planned.
TEST_F(Planning, MeasuredPeaksOfSampling) {
  for (const auto& [preset, missing, guidance] : std::vector<std::tuple<std::string, std::int64_t, double>>{
           {"tiny", 3, 1}, {"small", 1, 1}, {"small", 3, 2}, {"base", 2, 1}}) {
    RunConfig config = config_of(preset, 1, 1);
    config.sampler.steps = 3;
    config.sampler.guidance = guidance;
    const SamplingPlan plan = plan_sampling(config, {}, missing, Precision::fp32);
    const at::NoGradGuard no_grad;
    CountedMemory memory(at::kCPU);
    const Denoiser denoiser(config.model, 1);
    EXPECT_EQ(memory.held(), plan.weights_bytes);
    const Batch batch =
        blank_batch({{Batch::kViews - missing, missing}}, config.data.height, config.data.width, at::kCPU);
    memory.reset_peak();
    std::int64_t calls = 0;
    generate(denoiser, batch, config.sampler, 1, [&](std::int64_t done, std::int64_t) { calls = done; });
    const auto peak = static_cast<double>(memory.peak()), planned = static_cast<double>(plan.tensors_bytes());
    fmt::print("{}, {} missing, guidance {}: planned {:.1f} MiB, measured {:.1f} MiB, ratio {:.3f}\n", preset, missing,
               guidance, planned / (1 << 20), peak / (1 << 20), planned / peak);
    EXPECT_NEAR(planned, peak, 0.15 * peak) << preset;
    EXPECT_EQ(plan.evaluations, calls);
  }
  RunConfig big = config_of("sd15", 1, 1);
  const SamplingPlan whole = plan_sampling(big, {.gpu = true, .memory = 1 << 30}, 3, Precision::fp32);
  const SamplingPlan half = plan_sampling(big, {.gpu = true, .memory = 64ULL << 30}, 3, Precision::bf16);
  EXPECT_EQ(whole.weights_bytes, 2 * half.weights_bytes);
  EXPECT_LT(half.pass_bytes, whole.pass_bytes);
  EXPECT_EQ(half.flops, whole.flops);
  EXPECT_EQ(whole.fits, false);
  EXPECT_EQ(half.fits, true);
}

TEST_F(Planning, MeasuredPeaksInBfloat16) {
  // Small pictures: processors without bfloat16 units take ten times as long.
  RunConfig small = config_of("tiny", 2, 2);
  small.data.width = 48;
  small.data.height = 32;
  const auto whole = static_cast<double>(training_memory(small, {}).pass);
  small.train.precision = Precision::bf16;
  EXPECT_LT(static_cast<double>(training_memory(small, {}).pass), 0.9 * whole);
  expect_planned(small, "tiny in bfloat16");
  // A GPU normalises in float32, so less is saved there.
  const auto saved = [&](const PlanTarget& target) {
    RunConfig config = config_of("small", 2, 2);
    const std::int64_t whole = training_memory(config, target).pass;
    config.train.precision = Precision::bf16;
    return whole - training_memory(config, target).pass;
  };
  EXPECT_GT(saved({.gpu = true}), 0);
  EXPECT_LT(saved({.gpu = true}), saved({}));
}

TEST_F(Planning, MeasuredPeakWithLpips) {
  const char* weights = std::getenv("SPINFILL_LPIPS_WEIGHTS");
  if (weights == nullptr || *weights == '\0') GTEST_SKIP() << "SKIPPED: no LPIPS weights";
  RunConfig config = config_of("tiny", 2, 2);
  config.train.regression_share = 0;
  config.loss.mode = LossMode::diffusion;
  config.loss.lpips = 0.1;
  const MemoryUse with = training_memory(config, {});
  EXPECT_GT(with.perceptual, 1 << 20);
  RunConfig without = config;
  without.loss.lpips = 0;
  EXPECT_GT(with.pass, training_memory(without, {}).pass);
  EXPECT_GT(training_work(config).flops, 1.02 * training_work(without).flops);
  expect_planned(config, "tiny with LPIPS");
}

TEST_F(Planning, WeightsMomentsAndGradientsAreExact) {
  const RunConfig config = config_of("sd15", 8, 1);  // 3.5 GB of weights that nobody allocates
  const std::int64_t parameters = Denoiser(config.model, 1, at::kMeta).parameter_count();
  const MemoryUse use = training_memory(config, {.gpu = true});
  EXPECT_EQ(use.weights, 4 * parameters);
  EXPECT_EQ(use.averaged, 4 * parameters);
  EXPECT_EQ(use.gradients, 4 * parameters);
  EXPECT_NEAR(static_cast<double>(use.moments), 8.0 * static_cast<double>(parameters), 1e5);
  EXPECT_EQ(use.exchange, 0);
  EXPECT_EQ(training_memory(config, {.gpu = true, .processes = 8}).exchange, 4 * parameters);
}

TEST(Configs, LargeHasTheLargeNetwork) {
  const auto config = load_config<RunConfig>(test::fixture("../../configs/large.yaml"));
  EXPECT_EQ(to_json(config.model), to_json(from_json<ModelConfig>({{"preset", "large"}}, "test")));
}

// A GPU holds the next batch and the one on its way, and one for each shape that is recorded.
TEST_F(Planning, CountsTheBatchesThatAGpuHolds) {
  RunConfig config = config_of("tiny", 4, 2);
  config.data.missing = {1, 2, 3};
  const auto batches = [&] {
    const double one = 2.0 * 8 * (4 + PriorMaps::kChannels) * 96 * 64 * 4;  // pictures and maps of two sets
    return static_cast<double>(training_memory(config, {.gpu = true}).loader) / one;
  };
  EXPECT_NEAR(batches(), 2, 0.01);
  config.train.cuda_graphs = true;
  EXPECT_NEAR(batches(), 2 + 6, 0.01);
  config.data.missing = {3};
  EXPECT_NEAR(batches(), 2 + 1, 0.01);
}

TEST_F(Planning, FollowsBatchPicturesAndPhases) {
  RunConfig config = config_of("tiny", 4, 2);
  const PlanTarget gpu{.gpu = true};
  const auto pass = [&] { return static_cast<double>(training_memory(config, gpu).pass); };
  const double two = pass();
  config.train.micro_batch_sets = 4;
  EXPECT_NEAR(pass() / two, 2, 0.1);
  config.train.micro_batch_sets = 2;
  config.data.width *= 2;
  EXPECT_NEAR(pass() / two, 2, 0.1);
  config.data.width /= 2;
  const TrainingWork whole = training_work(config);
  config.train.steps *= 3;
  EXPECT_NEAR(training_work(config).flops / whole.flops, 3, 1e-9);
  // The second phase has more draws: the peak is that of this phase, the work lies between.
  config.train.regression_share = 0.5;
  config.loss.draws = 4;
  EXPECT_GT(pass(), 1.3 * two);
  const double mixed = training_work(config).flops_per_step;
  EXPECT_GT(mixed, 1.2 * whole.flops_per_step);
  config.train.regression_share = 0;
  EXPECT_GT(training_work(config).flops_per_step, mixed);
}

TEST_F(Planning, AdviceMakesItFit) {
  RunConfig config = config_of("small", 8, 8);
  PlanTarget target{.gpu = true, .processes = 2, .flops_per_second = 1e14};
  config.train.micro_batch_sets = 4;
  target.memory = std::uint64_t{1} << 40;
  Plan plan = plan_training(config, target);
  EXPECT_EQ(plan.fits, true);
  EXPECT_FALSE(plan.advice);
  const auto needed = static_cast<std::uint64_t>(plan.needed_bytes);
  EXPECT_NEAR(*plan.seconds, plan.work.flops / (2 * 0.4 * 1e14), 1e-6 * *plan.seconds);

  target.memory = needed - 1;
  plan = plan_training(config, target);
  EXPECT_EQ(plan.fits, false);
  ASSERT_EQ(plan.advice, std::vector<std::string>{"train.micro_batch_sets=2"});
  config.train.micro_batch_sets = 2;
  EXPECT_EQ(plan_training(config, target).fits, true);

  target.memory = 1 << 20;
  plan = plan_training(config, target);
  EXPECT_EQ(plan.fits, false);
  EXPECT_FALSE(plan.advice);

  target.processes = 3;
  test::expect_error(ExitCode::usage, {"train.batch_sets", "3 processes"}, [&] { plan_training(config, target); });
}

TEST_F(Planning, TimesAStepHere) {
  RunConfig config = config_of("tiny", 2, 1);
  config.train.steps = 100;
  config.data.width = 24;
  config.data.height = 16;
  PlanTarget target;
  target.memory = std::uint64_t{1} << 40;
  const Plan plan = plan_training(config, target);
  EXPECT_NE(plan.rate_from.find("timed on this machine"), std::string::npos);
  EXPECT_GT(*plan.seconds_per_step, 0);
  EXPECT_NEAR(*plan.seconds, 100 * *plan.seconds_per_step, 1e-6);
  // No rate for a device that is not here.
  target.gpu = true;
  EXPECT_FALSE(plan_training(config, target).seconds);
}

TEST(DeviceRate, KnowsDevicesByTheirNames) {
  EXPECT_EQ(sheet_rate("NVIDIA H100 80GB HBM3")->name, "H100");
  EXPECT_EQ(sheet_rate("NVIDIA H100 PCIe")->name, "H100 PCIe");
  EXPECT_EQ(sheet_rate("NVIDIA L4")->name, "L4");
  EXPECT_EQ(sheet_rate("NVIDIA L40S")->name, "L40S");
  EXPECT_EQ(sheet_rate("NVIDIA A100-SXM4-40GB")->name, "A100");
  EXPECT_EQ(sheet_rate("NVIDIA GeForce RTX 4090")->name, "RTX 4090");
  EXPECT_FALSE(sheet_rate("NVIDIA L40"));
  EXPECT_FALSE(sheet_rate(""));
  EXPECT_GT(measure_rate(at::kCPU, at::kFloat, 1).flops_per_second, 1e8);
}

}  // namespace
}  // namespace spinfill
