// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "core/config.h"
#include "train/benchmark.h"

namespace spinfill {
namespace {

struct BenchArguments {
  std::string what, config;
  std::vector<std::string> set;
  std::int64_t steps = 0, repeats = 3;
  bool json = false;
};

int run(const BenchArguments& arguments) {
  std::vector<Override> overrides;
  for (const std::string& text : arguments.set) overrides.push_back(parse_override(text));
  const auto config = load_config<RunConfig>(arguments.config, overrides);
  const bool training = arguments.what == "train";
  const std::int64_t steps = arguments.steps > 0 ? arguments.steps : training ? 10 : 20;
  const Json result =
      training ? benchmark_training(config, steps) : benchmark_sampling(config, steps, arguments.repeats);
  if (arguments.json) {
    fmt::print("{}\n", result.dump(1));
    return 0;
  }
  for (const auto& [name, value] : result.items()) fmt::print("{:<24} {}\n", name, value.dump());
  return 0;
}

}  // namespace

Command bench_command() {
  return {"bench", "Time training steps or sampling", [](CLI::App& app) {
            auto arguments = std::make_shared<BenchArguments>();
            app.add_option("what", arguments->what, "train or sample")
                ->required()
                ->check(CLI::IsMember({"train", "sample"}));
            app.add_option("--config", arguments->config, "YAML file of the run to time")->required();
            app.add_option("--set", arguments->set, "Override one key: --set train.batch_sets=4")->take_all();
            app.add_option("--steps", arguments->steps, "Steps to time: train 10, sample 20 unless given")
                ->check(CLI::Range(1, 100000));
            app.add_option("--repeats", arguments->repeats, "Timed repetitions of sampling; the median counts")
                ->check(CLI::Range(1, 1000));
            app.add_flag("--json", arguments->json, "Print JSON");
            return [arguments] { return run(*arguments); };
          }};
}

}  // namespace spinfill
