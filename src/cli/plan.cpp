// SPDX-License-Identifier: Apache-2.0
#include <ATen/Context.h>

#include "cli/command.h"
#include "core/config/config.h"
#include "core/error.h"
#include "core/files/json.h"
#include "core/quantity.h"
#include "model/device.h"
#include "train/plan/device_rate.h"
#include "train/plan/plan.h"

namespace spinfill {
namespace {

struct PlanArguments {
  std::string config, vram, flops;
  std::vector<std::string> set;
  int gpus = 0;
  double utilisation = 0.4;
  bool json = false;
};

PlanTarget target_of(const RunConfig& config, const PlanArguments& arguments) {
  PlanTarget target;
  const bool gpu_here = config.train.device != "cpu" && at::hasCUDA();
  if (arguments.gpus > 0 && config.train.device == "cpu") {
    fail_usage("plan: train.device is cpu; leave --gpus out, or --set train.device=auto");
  }
  target.gpu = arguments.gpus > 0 || gpu_here;
  target.processes = std::max(1, arguments.gpus);
  target.utilisation = arguments.utilisation;
  if (!arguments.flops.empty()) target.flops_per_second = parse_rate(arguments.flops, "--flops");
  if (!arguments.vram.empty()) {
    target.memory = parse_bytes(arguments.vram, "--vram");
  } else if (gpu_here || !target.gpu) {
    target.memory = total_memory(choose_device(target.gpu ? "cuda" : "cpu"));
  }
  return target;
}

std::string where(const Json& plan) {
  const int processes = plan.at("processes");
  if (plan.at("device") == "cpu") return "this processor";
  return processes == 1 ? "one GPU" : fmt::format("each of {} GPUs", processes);
}

void print(const Json& plan) {
  const auto bytes = [](const Json& value) { return bytes_text(value.get<double>()); };
  const std::string memory = plan.at("memory_bytes").is_null() ? "" : " of " + bytes(plan.at("memory_bytes"));
  fmt::print("{}: {} needed{} on {}\n",
             plan.at("fits").is_null()     ? "memory"
             : plan.at("fits").get<bool>() ? "fits"
                                           : "does not fit",
             bytes(plan.at("needed_bytes")), memory, where(plan));
  static const std::vector<std::pair<const char*, const char*>> kParts = {
      {"weights", "weights"},
      {"averaged", "averaged weights"},
      {"moments", "AdamW's moments"},
      {"gradients", "gradients"},
      {"perceptual", "LPIPS weights"},
      {"exchange", "exchange of gradients"},
      {"pass", "micro-batches and activations, at the peak"},
      {"loader", "batches prepared ahead"}};
  for (const auto& [key, text] : kParts) {
    if (const Json& part = plan.at("tensors").at(key); part.get<std::int64_t>() > 0) {
      fmt::print("  {:>9}  {}\n", bytes(part), text);
    }
  }
  fmt::print("  {:>9}  {}\n", bytes(plan.at("reserve_bytes")),
             plan.at("device") == "cpu" ? "reserve: program, decoded pictures" : "reserve: driver, libraries, waste");
  for (const Json& one : plan.at("switches")) {
    fmt::print("{} saves {}: --set {}\n", one.at("name").get<std::string>(), bytes(one.at("saves_bytes")),
               one.at("set").get<std::string>());
  }
  if (plan.at("fits") == false) {
    std::string advice;
    for (const Json& set : plan.at("advice")) advice += " --set " + set.get<std::string>();
    fmt::print("{}\n", plan.at("advice").is_null() ? "no setting makes it fit: take a smaller model or pictures"
                                                   : "fits with" + advice);
  }
  fmt::print("{} steps of {}FLOP: {}FLOP\n", plan.at("steps").get<std::int64_t>(),
             rate_text(plan.at("flops_per_step").get<double>()), rate_text(plan.at("flops").get<double>()));
  if (plan.at("seconds").is_null()) {
    fmt::print("time: unknown here; give --flops, such as 989T for an H100 in bfloat16 (494T in TF32)\n");
  } else {
    fmt::print("{} ({} a step; {}), without waiting, validations and checkpoints\n",
               time_text(plan.at("seconds").get<double>()), time_text(plan.at("seconds_per_step").get<double>()),
               plan.at("rate_from").get<std::string>());
  }
}

int run(const PlanArguments& arguments) {
  std::vector<Override> overrides;
  for (const std::string& text : arguments.set) overrides.push_back(parse_override(text));
  const auto config = load_config<RunConfig>(arguments.config, overrides);
  const Json plan = plan_training(config, target_of(config, arguments));
  if (arguments.json) {
    fmt::print("{}\n", plan.dump(1));
  } else {
    print(plan);
  }
  return static_cast<int>(plan.at("fits") == false ? ExitCode::check_failed : ExitCode::done);
}

}  // namespace

Command plan_command() {
  return {"plan", "Say before a run whether it fits into memory and how long it takes", [](CLI::App& app) {
            auto arguments = std::make_shared<PlanArguments>();
            app.add_option("--config", arguments->config, "YAML file of the run")->required();
            app.add_option("--set", arguments->set, "Override one key: --set train.micro_batch_sets=1")->take_all();
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
            app.add_flag("--json", arguments->json, "Print JSON");
            app.footer("Exit codes: 0 it fits (or no memory is known), 1 it does not, 2 wrong usage or configuration.");
            return [arguments] { return run(*arguments); };
          }};
}

}  // namespace spinfill
