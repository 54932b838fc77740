// SPDX-License-Identifier: Apache-2.0
#include <ATen/Context.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/training_run.h"
#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/print.h"
#include "core/quantity.h"
#include "model/device.h"
#include "run/run_kind.h"
#include "train/plan/plan.h"
#include "train/plan/sampling_plan.h"

namespace spinfill {
namespace {

struct PlanArguments {
  std::string config, vram, flops;
  std::vector<std::string> set;
  int gpus = 0;
  double utilisation = 0.4;
  std::int64_t missing = 0;  // views to generate; 0: a training is planned
  Precision precision = Precision::fp32;
  bool json = false;
};

PlanTarget target_of(const RunConfig& config, const PlanArguments& arguments) {
  PlanTarget target;
  const bool gpu_here = config.train.device != DeviceChoice::cpu && at::hasCUDA();
  if (arguments.gpus > 0 && config.train.device == DeviceChoice::cpu) {
    fail_usage("plan: train.device is cpu; leave --gpus out, or --set train.device=auto");
  }
  target.gpu = arguments.gpus > 0 || gpu_here;
  target.processes = std::max(1, arguments.gpus);
  target.utilisation = arguments.utilisation;
  if (!arguments.flops.empty()) target.flops_per_second = parse_rate(arguments.flops, "--flops");
  if (!arguments.vram.empty()) {
    target.memory = parse_bytes(arguments.vram, "--vram");
  } else if (gpu_here || !target.gpu) {
    target.memory = total_memory(choose_device(target.gpu ? DeviceChoice::cuda : DeviceChoice::cpu));
  }
  return target;
}

std::string where(const PlanTarget& target) {
  if (!target.gpu) return "this processor";
  return target.processes == 1 ? "one GPU" : fmt::format("each of {} GPUs", target.processes);
}

void print_memory(const Plan& plan) {
  const auto bytes = [](auto value) { return bytes_text(static_cast<double>(value)); };
  const std::string memory = plan.target.memory == 0 ? "" : " of " + bytes(plan.target.memory);
  print_line("{}: {} needed{} on {}",
             !plan.fits   ? "memory"
             : *plan.fits ? "fits"
                          : "does not fit",
             bytes(plan.needed_bytes), memory, where(plan.target));
  static const std::vector<std::pair<std::int64_t MemoryUse::*, const char*>> kParts = {
      {&MemoryUse::weights, "weights"},
      {&MemoryUse::averaged, "averaged weights"},
      {&MemoryUse::moments, "AdamW's moments"},
      {&MemoryUse::gradients, "gradients"},
      {&MemoryUse::perceptual, "LPIPS weights"},
      {&MemoryUse::teacher, "the teacher's weights"},
      {&MemoryUse::exchange, "exchange of gradients"},
      {&MemoryUse::pass, "micro-batches and activations, at the peak"},
      {&MemoryUse::loader, "batches prepared ahead"}};
  for (const auto& [part, text] : kParts) {
    if (plan.tensors.*part > 0) print_line("  {:>9}  {}", bytes(plan.tensors.*part), text);
  }
  print_line("  {:>9}  {}", bytes(plan.reserve_bytes),
             plan.target.gpu ? "reserve: driver, libraries, waste" : "reserve: program, decoded pictures");
  for (const MemorySaving& one : plan.switches)
    print_line("{} saves {}: --set {}", one.name, bytes(one.saves_bytes), one.set);
  if (plan.fits != false) return;
  std::string advice;
  for (const std::string& set : plan.advice.value_or(std::vector<std::string>())) advice += " --set " + set;
  print_line("{}", plan.advice ? "fits with" + advice : "no setting makes it fit: take a smaller model or pictures");
}

void print_time(const Plan& plan) {
  print_line("{} steps of {}FLOP: {}FLOP", plan.steps, rate_text(plan.work.flops_per_step), rate_text(plan.work.flops));
  if (!plan.seconds) {
    print_line("time: unknown here; give --flops, such as 989T for an H100 in bfloat16 (494T in TF32)");
  } else {
    print_line("{} ({} a step; {}), without waiting, validations and checkpoints", time_text(*plan.seconds),
               time_text(*plan.seconds_per_step), plan.rate_from);
  }
}

int plan_to_generate(const RunConfig& config, const PlanArguments& arguments) {
  if (arguments.gpus > 1)
    fail_usage("plan: --generate is of one vehicle on one device: leave --gpus {} out", arguments.gpus);
  const SamplingPlan plan = plan_sampling(config, target_of(config, arguments), arguments.missing, arguments.precision);
  const auto bytes = [](auto value) { return bytes_text(static_cast<double>(value)); };
  if (arguments.json) {
    print_json(to_json(plan), 1);
  } else {
    const std::string memory = plan.target.memory == 0 ? "" : " of " + bytes(plan.target.memory);
    print_line("{}: {} needed{} on {}",
               !plan.fits   ? "memory"
               : *plan.fits ? "fits"
                            : "does not fit",
               bytes(plan.needed_bytes()), memory, where(plan.target));
    print_line("  {:>9}  weights in {}", bytes(plan.weights_bytes), name_of(plan.precision));
    print_line("  {:>9}  pictures and prior maps of eight views", bytes(plan.batch_bytes));
    print_line("  {:>9}  caches and activations, at the peak", bytes(plan.pass_bytes));
    print_line("  {:>9}  reserve: {}", bytes(plan.reserve_bytes),
               plan.target.gpu ? "driver, libraries, waste" : "program");
    print_line("{} views from {}, {} evaluations of the network: {}FLOP{}", plan.views.targets, plan.views.references,
               plan.evaluations, rate_text(plan.flops),
               plan.seconds ? fmt::format(", {} at --flops times --utilisation", time_text(*plan.seconds)) : "");
  }
  return static_cast<int>(plan.fits == false ? ExitCode::check_failed : ExitCode::done);
}

void refuse_autoencoder(const std::string& config) {
  if (kind_of_config(read_file(config, 1 << 20), config) != RunKind::autoencoder) return;
  fail_usage(
      "plan: {} is for spinfill train-autoencoder, which plan does not cover: train 20 steps with it, read peak_bytes "
      "and pictures_per_second in the run's metrics.jsonl, and go on with --resume --set train.steps=N",
      config);
}

int run(const PlanArguments& arguments) {
  refuse_autoencoder(arguments.config);
  const RunConfig config = load_run_to_make(arguments.config, arguments.set);
  if (arguments.missing > 0) return plan_to_generate(config, arguments);
  if (arguments.precision != Precision::fp32)
    fail_usage("plan: --precision is for --generate; of a training it is --set train.precision=bf16");
  const Plan plan = plan_training(config, target_of(config, arguments));
  if (arguments.json) {
    print_json(to_json(plan), 1);
  } else {
    print_memory(plan);
    print_time(plan);
  }
  return static_cast<int>(plan.fits == false ? ExitCode::check_failed : ExitCode::done);
}

}  // namespace

Command plan_command() {
  return {"plan", "Say before a run whether it fits into memory and how long it takes", [](CLI::App& app) {
            auto arguments = std::make_shared<PlanArguments>();
            app.add_option("--config", arguments->config, "YAML file of the run")->required();
            add_overrides(app, arguments->set, "train.micro_batch_sets=1");
            app.add_option("--gpus", arguments->gpus,
                           "GPUs to train on, one process each; without it: a GPU of this machine, else its processor")
                ->check(CLI::Range(1, 65536));
            app.add_option("--vram", arguments->vram,
                           "Memory of each: 24G or 24GiB, 24GB (10^9); without it: what this machine has");
            app.add_option("--flops", arguments->flops,
                           "Operations a second of each, such as 989T; without it a step is timed on this machine");
            app.add_option("--utilisation", arguments->utilisation,
                           "Share of --flops that training reaches (0.4); also where only a matrix product is timed")
                ->check(CLI::Range(0.001, 1.0));
            app.add_option("--generate", arguments->missing,
                           "In place of a training: generate so many missing views of one vehicle, as complete does, "
                           "from the others of eight")
                ->check(CLI::Range(1, 8));
            add_precision(app, arguments->precision);
            app.add_flag("--json", arguments->json, "Print JSON");
            app.footer("Exit codes: 0 it fits (or no memory is known), 1 it does not, 2 wrong usage or configuration.");
            return [arguments] { return run(*arguments); };
          }};
}

}  // namespace spinfill
