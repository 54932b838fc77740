// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/training_run.h"
#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/print.h"
#include "core/quantity.h"
#include "core/signals.h"
#include "synth/synth.h"
#include "train/plan/benchmark.h"
#include "train/ranks/spawn.h"

namespace spinfill {
namespace {

struct BenchArguments {
  std::string what, config;
  std::vector<std::string> set;
  std::int64_t steps = 0;
  SamplingBenchmarkOptions sampling;
  int processes = 0;
  bool ready = false, profile = false, json = false;
};

// What each process of --nproc-per-node is started with.
std::vector<std::string> command_line(const BenchArguments& arguments) {
  std::vector<std::string> line;
  if (quiet()) line.emplace_back("--quiet");
  line.insert(line.end(), {"bench", "train", "--config", arguments.config});
  for (const std::string& text : arguments.set) line.insert(line.end(), {"--set", text});
  if (arguments.steps > 0) line.insert(line.end(), {"--steps", std::to_string(arguments.steps)});
  if (arguments.ready) line.emplace_back("--ready");
  if (arguments.profile) line.emplace_back("--profile");
  if (arguments.json) line.emplace_back("--json");
  return line;
}

void print_operators(const Json& result) {
  constexpr std::size_t kShown = 20;
  double total = 0;
  for (const Json& kind : result["operator_kinds"]) total += kind["seconds_per_step"].get<double>();
  const auto row = [&](const Json& entry, const char* key) {
    const auto seconds = entry["seconds_per_step"].get<double>();
    const std::string rate =
        entry.contains("flops_per_second") ? rate_text(entry["flops_per_second"].get<double>()) + "FLOP/s" : "";
    print_line("{:<58} {:8.1f} ms {:5.1f} % {:8.0f} calls {:>14}", entry[key].get<std::string>(), 1000 * seconds,
               100 * seconds / total, entry["calls_per_step"].get<double>(), rate);
  };
  print_line("");
  print_line("Operators of a step by kind, on all threads together ({:.0f} ms):", 1000 * total);
  for (const Json& kind : result["operator_kinds"]) row(kind, "kind");
  print_line("");
  print_line("The longest of {}:", result["operators"].size());
  for (std::size_t i = 0; i < std::min(kShown, result["operators"].size()); ++i)
    row(result["operators"][i], "operator");
}

void print(const Json& result, bool json) {
  if (json) {
    print_json(result, 1);
    return;
  }
  for (const auto& [name, value] : result.items()) {
    if (value.is_array()) continue;
    std::string readable;
    if (name.ends_with("_bytes")) readable = bytes_text(value.get<double>());
    if (name.ends_with("_share")) readable = fmt::format("{:.1f} %", 100 * value.get<double>());
    if (name.starts_with("flops") || name.ends_with("flops_per_second")) readable = rate_text(value.get<double>());
    print_line("{:<24} {}{}", name, value.is_string() ? value.get<std::string>() : value.dump(),
               readable.empty() ? "" : " (" + readable + ")");
  }
  if (result.contains("operators")) print_operators(result);
}

// The configuration's data set, or, where there is none, synthetic vehicles in a folder removed with this object.
class BenchData {
 public:
  explicit BenchData(DataConfig& config) {
    if (!config.path.empty() && fs::exists(config.path)) return;
    folder_ = fs::temp_directory_path() / fmt::format("spinfill-bench-{}", ::getpid());
    removed_.emplace(folder_);
    synth::SynthOptions options;
    options.out = folder_;
    options.sets = 16;
    options.splits = {1, 0, 0};
    options.width = static_cast<int>(config.width);
    log_info("data.path '{}' does not exist: timing on 16 synthetic vehicles made for it", config.path);
    synth::make_sets(options);
    config.path = folder_.string();
  }
  ~BenchData() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  BenchData(const BenchData&) = delete;
  BenchData& operator=(const BenchData&) = delete;
  const char* name() const { return folder_.empty() ? "data.path" : "synthetic"; }

 private:
  fs::path folder_;
  std::optional<RemovedAtStop> removed_;
};

template <class Benchmark>
Json result_of(const Benchmark& benchmark, const BenchData& data) {
  Json result = to_json(benchmark);
  result["data"] = data.name();
  return result;
}

void bench_training(RunConfig config, const BenchArguments& arguments) {
  TrainingBenchmarkOptions options{.ready = arguments.ready, .profile = arguments.profile};
  if (arguments.steps > 0) options.steps = arguments.steps;
  as_one_rank(rank_place(process_environment()), config.train, "a benchmark", [&](Ranks& ranks) {
    const BenchData data(config.data);
    const TrainingBenchmark benchmark = benchmark_training(config, options, ranks);
    if (ranks.first()) print(result_of(benchmark, data), arguments.json);
  });
}

void bench_sampling(RunConfig config, const BenchArguments& arguments) {
  SamplingBenchmarkOptions options = arguments.sampling;
  if (arguments.steps > 0) options.steps = arguments.steps;
  const BenchData data(config.data);
  print(result_of(benchmark_sampling(config, options), data), arguments.json);
}

int run(const BenchArguments& arguments) {
  const RunConfig config = load_run_to_make(arguments.config, arguments.set);
  const bool training = arguments.what == "train";
  if (arguments.ready && !training) fail_usage("--ready is for bench train");
  if (arguments.profile && !training) fail_usage("--profile is for bench train");
  if (training && (arguments.sampling.missing != 1 || arguments.sampling.precision != Precision::fp32))
    fail_usage("--missing and --precision are for bench sample; a training has data.missing and train.precision");
  if (arguments.processes > 0) {
    if (!training) fail_usage("bench sample runs in one process: leave --nproc-per-node out");
    return spawn_ranks(arguments.processes, command_line(arguments), config.train.rank_timeout);
  }
  if (training) {
    bench_training(config, arguments);
  } else {
    bench_sampling(config, arguments);
  }
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
            add_overrides(app, arguments->set, "train.batch_sets=4");
            app.add_option("--steps", arguments->steps, "Steps to time: train 10, sample 20 unless given")
                ->check(CLI::Range(1, 100000));
            app.add_option("--repeats", arguments->sampling.repeats, "Timed repetitions of sampling; the median counts")
                ->check(CLI::Range(1, 1000));
            app.add_option("--missing", arguments->sampling.missing,
                           "Sample: views to generate from the others of eight, 1 unless given")
                ->check(CLI::Range(std::int64_t{1}, std::int64_t{kSlots - 1}));
            add_precision(app, arguments->sampling.precision);
            app.add_option("--nproc-per-node", arguments->processes,
                           "Train: so many processes of this machine together, as `train` has it")
                ->check(CLI::Range(1, 1024));
            app.add_flag("--ready", arguments->ready,
                         "Train: make all batches before the clock starts, so that the step's own work is timed");
            app.add_flag("--profile", arguments->profile,
                         "Train: time every tensor operator, too: where a step goes, by kind and by operator");
            app.add_flag("--json", arguments->json, "Print JSON");
            return [arguments] { return run(*arguments); };
          }};
}

}  // namespace spinfill
