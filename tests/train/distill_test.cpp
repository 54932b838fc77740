// SPDX-License-Identifier: Apache-2.0
// A student that learns from a teacher.
#include <ATen/ATen.h>

#include "core/files/json.h"
#include "data/batches/loader.h"
#include "data/open_data_set.h"
#include "model/denoiser/weights.h"
#include "run/run_inputs.h"
#include "run/run_paths.h"
#include "train/plan/memory.h"
#include "train/plan/work.h"
#include "train/tiny_run.h"

namespace spinfill {
namespace {

class Distill : public test::TinyRuns {
 protected:
  void SetUp() override {
    TinyRuns::SetUp();
    RunConfig teacher = diffusion();
    teacher.train.steps = 40;
    teacher.train.checkpoint_every = 40;
    teacher.train.validate_every = 0;
    teacher.optimizer.learning_rate = 0.01;
    train(teacher, folder_ / "teacher", false);
  }
  RunConfig diffusion() {
    RunConfig config = test::tiny_config(folder_ / "data");
    config.model.output = OutputForm::edm;
    config.loss.mode = LossMode::diffusion;
    config.train.regression_share = 0;
    config.train.ema_decay = 0.9;
    return config;
  }
  // Of two steps.
  RunConfig student() {
    RunConfig config = diffusion();
    config.train.objective = Objective::distill;
    config.distill.teacher = (folder_ / "teacher").string();
    config.distill.teacher_steps = 3;
    config.sampler.solver = Solver::euler;
    config.sampler.steps = 2;
    config.sampler.sigma_min = 2.5;
    return config;
  }
  // As the program reads a run.
  static TeacherModel read(const fs::path& folder) {
    const auto found = newest_valid_checkpoint(folder);
    if (!found) fail("no checkpoint in {}", folder.string());
    return {load_config<RunConfig>(run_config_path(folder)).model, found->ema, ""};
  }
  TrainResult distil(const RunConfig& config, const std::string& run, bool resume = false) {
    Ranks alone;
    return spinfill::train(config, folder_ / run, resume, alone, read);
  }
  void expect_refused(const RunConfig& config, ExitCode code, const std::vector<std::string>& texts,
                      bool resume = false) {
    test::expect_error(code, texts, [&] { distil(config, resume ? "run" : "refused", resume); });
    EXPECT_FALSE(fs::exists(folder_ / "refused"));
  }
  std::vector<Json> rows(const std::string& run, const char* with) {
    std::vector<Json> found;
    std::istringstream lines(read_file(folder_ / run / "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      if (Json row = parse_json(line, "metrics.jsonl"); row.contains(with)) found.push_back(std::move(row));
    }
    return found;
  }
};

// At two steps the student's pictures come nearer to those that its teacher makes of the same noise by many steps than
// the teacher's own at two, with which the student begins.
TEST_F(Distill, StudentIsNearerToItsTeacherThanTheTeacherAtTheSameSteps) {
  RunConfig config = student();
  config.sampler.sigma_max = 5;
  config.sampler.sigma_min = 0.8;
  config.distill.teacher_steps = 6;
  config.train.steps = 80;
  config.train.validate_every = 80;
  config.train.checkpoint_every = 80;
  config.optimizer.learning_rate = 0.003;
  distil(config, "run");
  const auto validations = rows("run", "teacher_psnr");
  ASSERT_EQ(validations.size(), 2U);
  const double before = validations[0].at("teacher_psnr"), after = validations[1].at("teacher_psnr");
  EXPECT_GT(after, before + 0.1);
  EXPECT_EQ(rows("run", "loss").front().at("phase"), "distill");
  // That is what is best.
  EXPECT_EQ(last("run").progress.best.psnr, after);
}

// The same noise of the same vehicles again and again: their pictures can be learnt by heart.
TEST_F(Distill, StepsBringTheStudentToItsTeachersPictures) {
  RunConfig config = student();
  config.optimizer.learning_rate = 0.003;
  const TensorMap weights = read(folder_ / "teacher").weights;
  const std::optional<Teacher> teacher = make_teacher(config, at::kCPU, &weights, nullptr);
  Denoiser denoiser(config.model, 1);
  load_state(denoiser, weights, "teacher");
  TrainingStream stream;
  stream.seed = 1;
  stream.batch_size = 2;
  const Batch batch = training_batches(open_data_set(config.data.path, "train"), config.data, stream)(0);
  AdamW optimizer(named_parameters(denoiser), config.optimizer);
  Ranks alone;
  GradientExchange gradients(alone, {});
  TrainingStep step(denoiser, optimizer, config, alone, gradients, {}, {}, &*teacher);
  const double before = step.make(MicroBatches({batch}), 3).squared_error;
  double after = before;
  for (int i = 0; i < 60; ++i) after = step.make(MicroBatches({batch}), 3).squared_error;
  EXPECT_LT(after, 0.75 * before);
}

TEST_F(Distill, ResumedRunIsBitIdenticalEvenWhereTheTeacherIsGone) {
  RunConfig config = student();
  config.loss.draws = 2;
  distil(config, "whole");
  EXPECT_TRUE(fs::exists(run_teacher_path(folder_ / "whole")));
  const auto continued = [&] {
    fs::remove_all(folder_ / "run");
    distil(config, "run");
    fs::remove_all(folder_ / "run/checkpoints/step-6");
  };
  const auto expect_whole = [&] {
    const Checkpoint whole = last("whole"), run = last("run");
    ASSERT_EQ(run.step, 6);
    expect_equal(whole.weights, run.weights);
    expect_equal(whole.ema, run.ema);
    expect_equal(whole.optimizer, run.optimizer);
    EXPECT_EQ(whole.progress, run.progress);
  };
  continued();
  distil(config, "run", true);
  expect_whole();
  // Elsewhere, then gone.
  continued();
  fs::rename(folder_ / "teacher", folder_ / "moved");
  RunConfig moved = config;
  moved.distill.teacher = (folder_ / "moved").string();
  distil(moved, "run", true);
  expect_whole();
  fs::remove_all(folder_ / "run/checkpoints/step-6");
  fs::rename(folder_ / "moved", folder_ / "away");
  distil(moved, "run", true);
  expect_whole();
  // The copy gone as well, or another teacher.
  fs::rename(run_teacher_path(folder_ / "run"), folder_ / "copy");
  expect_refused(moved, ExitCode::runtime, {"distill.teacher", "is gone, and so is its copy", "put one of them back"},
                 true);
  TensorMap other = read(folder_ / "away").weights;
  other.begin()->second = other.begin()->second + 1;
  write_safetensors(run_teacher_path(folder_ / "run"), other);
  expect_refused(moved, ExitCode::usage, {"other weights at distill.teacher"}, true);
  EXPECT_EQ(read_run_inputs(folder_ / "run")->teacher, content_hash(read(folder_ / "away").weights));
}

TEST_F(Distill, WrongTeachersAreNamed) {
  RunConfig config = student();
  config.distill.teacher = (folder_ / "nowhere").string();
  expect_refused(config, ExitCode::runtime, {"distill.teacher", "nowhere", "no such folder"});
  config = student();
  config.model.cross_attention_dim = 32;
  expect_refused(config, ExitCode::usage, {"distill.teacher", "model.cross_attention_dim 16, this run 32"});
  config = student();
  config.model.sigma_max = 40;
  expect_refused(config, ExitCode::usage, {"model.sigma_max 80", "teacher's model section"});
  // What concerns training alone may differ.
  config = student();
  config.model.noise_mean = -1;
  config.train.steps = 1;
  distil(config, "run");
}

TEST_F(Distill, UnguidableTeacherIsRefused) {
  RunConfig unguided = diffusion();
  unguided.model.dropout.identity = 0;
  unguided.train.steps = 1;
  train(unguided, folder_ / "unguided", false);
  RunConfig config = student();
  config.distill.guidance = 2;
  config.distill.teacher = (folder_ / "unguided").string();
  expect_refused(config, ExitCode::usage, {"model.dropout"});  // the student would learn what its teacher never saw
  config.model.dropout.identity = 0;
  expect_refused(config, ExitCode::usage, {"guidance 2", "model.dropout"});
  config.model = student().model;
  config.distill.teacher = (folder_ / "teacher").string();
  config.train.steps = 1;
  distil(config, "run");
}

TEST_F(Distill, StudentBeginsWithTheTeachersWeightsOrThoseGiven) {
  RunConfig config = student();
  config.optimizer.learning_rate = 0;
  config.train.steps = 1;
  distil(config, "run");
  expect_equal(last("run").weights, read(folder_ / "teacher").weights);
  config.train.init_from = (folder_ / "teacher/checkpoints/step-40/weights.safetensors").string();
  distil(config, "given");
  expect_equal(last("given").weights, last("teacher").weights);
}

TEST_F(Distill, AdaptersCanLearnAlone) {
  RunConfig config = student();
  config.train.lora.rank = 2;
  config.optimizer.learning_rate = 0.01;
  distil(config, "run");
  const TensorMap before = read(folder_ / "teacher").weights, after = last("run").weights;
  for (const auto& [name, tensor] : before) EXPECT_TRUE(at::equal(tensor, after.at(name))) << name;
  EXPECT_GT(after.size(), before.size());
}

TEST_F(Distill, MicroBatchesDoNotChangeTheStep) {
  RunConfig config = student();
  config.loss.draws = 2;
  const TensorMap weights = read(folder_ / "teacher").weights;
  const std::optional<Teacher> teacher = make_teacher(config, at::kCPU, &weights, nullptr);
  const DataSet data = open_data_set(config.data.path, "train");
  const auto one_step = [&](std::int64_t micro, std::int64_t threads) {
    config.train.threads = threads;
    TrainingStream stream;
    stream.seed = 1;
    stream.batch_size = micro;
    const MakeBatch make = training_batches(data, config.data, stream);
    std::vector<Batch> batches;
    for (std::int64_t i = 0; i < 4 / micro; ++i) batches.push_back(make(i));
    const Denoiser denoiser(config.model, 1);
    AdamW optimizer(named_parameters(denoiser), config.optimizer);
    Ranks alone;
    GradientExchange gradients(alone, {});
    TrainingStep step(denoiser, optimizer, config, alone, gradients, {}, {}, &*teacher);
    return step.make(batches, 4);
  };
  const StepStatistics whole = one_step(4, 1), split = one_step(1, 1), beside = one_step(1, 2);
  EXPECT_EQ(whole.values, split.values);
  EXPECT_NEAR(whole.loss, split.loss, 1e-5 * whole.loss);
  EXPECT_NEAR(whole.gradient_norm, split.gradient_norm, 1e-4 * whole.gradient_norm);
  EXPECT_NEAR(beside.loss, split.loss, 1e-6 * whole.loss);
}

TEST_F(Distill, PlanCountsTheTeacher) {
  const RunConfig config = student();
  const MemoryUse with = training_memory(config, {}), without = training_memory(diffusion(), {});
  EXPECT_EQ(with.teacher, with.weights);
  EXPECT_EQ(without.teacher, 0);
  EXPECT_GT(with.pass, without.pass);  // two levels of the student
  // Per target, forward and backward counting three: 2·3 of the student and 6 of the teacher against 3; and of
  // references 3 + 1 against 3.
  EXPECT_GT(training_work(config).flops, 2 * training_work(diffusion()).flops);
  EXPECT_LT(training_work(config).flops, 4 * training_work(diffusion()).flops);
}

TEST_F(Distill, WhatCannotBeDistilledIsRefusedByItsKey) {
  const auto expect_named = [&](const std::string& text, const std::function<void(RunConfig&)>& change) {
    RunConfig config = student();
    change(config);
    test::expect_error(ExitCode::usage, {text}, [&] { from_json<RunConfig>(to_json(config), "test"); });
  };
  from_json<RunConfig>(to_json(student()), "test");
  expect_named("distill.teacher is empty", [](RunConfig& c) { c.distill.teacher = ""; });
  expect_named("distill.teacher has no part", [](RunConfig& c) { c.train.objective = Objective::denoise; });
  expect_named("sampler.guidance", [](RunConfig& c) { c.sampler.guidance = 2; });
  expect_named("sampler.solver", [](RunConfig& c) { c.sampler.solver = Solver::dpmpp_2m; });
  expect_named("sampler.sigma_min", [](RunConfig& c) { c.sampler.sigma_min = 0; });
  expect_named("train.cuda_graphs", [](RunConfig& c) { c.train.cuda_graphs = true; });
  expect_named("loss.lpips", [](RunConfig& c) { c.loss.lpips = 1; });
  expect_named("model.output", [](RunConfig& c) {
    c.model.output = OutputForm::sources;
    c.model.prior_image = PriorImage::prior;
  });
  expect_named("sampler.steps", [](RunConfig& c) {
    c.model.output = OutputForm::prior_residual;
    c.sampler.steps = 1;
  });
  expect_named("teacher_steps", [](RunConfig& c) { c.distill.teacher_steps = 1; });
}

}  // namespace
}  // namespace spinfill
