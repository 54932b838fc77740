// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "core/config/config.h"
#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/quantity.h"
#include "model/device.h"
#include "train/plan/benchmark.h"
#include "train/ranks/spawn.h"

namespace spinfill {
namespace {

struct BenchArguments {
  std::string what, config;
  std::vector<std::string> set;
  std::int64_t steps = 0, repeats = 3;
  int processes = 0;
  bool ready = false, json = false;
};

// What each process of --nproc-per-node is started with.
std::vector<std::string> command_line(const BenchArguments& arguments) {
  std::vector<std::string> line;
  if (quiet()) line.emplace_back("--quiet");
  line.insert(line.end(), {"bench", "train", "--config", arguments.config});
  for (const std::string& text : arguments.set) line.insert(line.end(), {"--set", text});
  if (arguments.steps > 0) line.insert(line.end(), {"--steps", std::to_string(arguments.steps)});
  if (arguments.ready) line.emplace_back("--ready");
  if (arguments.json) line.emplace_back("--json");
  return line;
}

void print(const Json& result, bool json) {
  if (json) {
    fmt::print("{}\n", result.dump(1));
    return;
  }
  for (const auto& [name, value] : result.items()) {
    std::string readable;
    if (name.ends_with("_bytes")) readable = bytes_text(value.get<double>());
    if (name.ends_with("_share")) readable = fmt::format("{:.1f} %", 100 * value.get<double>());
    if (name.starts_with("flops") || name.ends_with("flops_per_second")) readable = rate_text(value.get<double>());
    fmt::print("{:<24} {}{}\n", name, value.is_string() ? value.get<std::string>() : value.dump(),
               readable.empty() ? "" : " (" + readable + ")");
  }
}

Json train_as_one_rank(const RunConfig& config, std::int64_t steps, bool ready, bool& prints) {
  const RankPlace place = rank_place(process_environment());
  prints = place.rank == 0;
  if (place.world == 1) return benchmark_training(config, steps, ready);
  if (!prints) set_quiet(true);
  Ranks ranks(place, choose_device(config.train.device, place.local_rank),
              {config.train.join_timeout, config.train.rank_timeout});
  try {
    const Json result = benchmark_training(config, steps, ranks, ready);
    ranks.leave();
    return result;
  } catch (const std::exception& error) {
    ranks.tell_failure(error.what());
    throw;
  }
}

int run(const BenchArguments& arguments) {
  std::vector<Override> overrides;
  for (const std::string& text : arguments.set) overrides.push_back(parse_override(text));
  const auto config = load_config<RunConfig>(arguments.config, overrides);
  const bool training = arguments.what == "train";
  if (arguments.ready && !training) fail_usage("--ready is for bench train");
  if (arguments.processes > 0) {
    if (!training) fail_usage("bench sample runs in one process: leave --nproc-per-node out");
    return spawn_ranks(arguments.processes, command_line(arguments), config.train.rank_timeout);
  }
  const std::int64_t steps = arguments.steps > 0 ? arguments.steps : training ? 10 : 20;
  bool prints = true;
  const Json result = training ? train_as_one_rank(config, steps, arguments.ready, prints)
                               : benchmark_sampling(config, steps, arguments.repeats);
  if (prints) print(result, arguments.json);
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
            app.add_option("--nproc-per-node", arguments->processes,
                           "Train: so many processes of this machine together, as `train` has it")
                ->check(CLI::Range(1, 1024));
            app.add_flag("--ready", arguments->ready,
                         "Train: make all batches before the clock starts, so that the step's own work is timed");
            app.add_flag("--json", arguments->json, "Print JSON");
            return [arguments] { return run(*arguments); };
          }};
}

}  // namespace spinfill
