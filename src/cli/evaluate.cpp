// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <memory>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/scored_subject.h"
#include "cli/scoring.h"
#include "cli/training_run.h"
#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/content_store.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/print.h"
#include "core/side_by_side.h"
#include "core/text.h"
#include "metrics/mlflow.h"
#include "metrics/picture_size.h"
#include "metrics/protocol_file.h"
#include "metrics/report.h"
#include "metrics/report_sets.h"
#include "model/device.h"
#include "pages/evidence_chart.h"
#include "pages/extreme_views.h"
#include "pages/report_page.h"
#include "train/ranks/spawn.h"
#include "version.h"  // made by cmake/version.cmake

namespace spinfill {
namespace {

// For LPIPS features of true views: of all views of some vehicles at the photographs' size.
constexpr std::uint64_t kTruthFeatureBytes = std::uint64_t{512} << 20;

// What a protocol states takes the place of options.
void take_protocol(EvaluateArguments& arguments) {
  if (arguments.protocol.empty()) return;
  for (const Override& override : parse_overrides(arguments.set)) {
    if (std::ranges::find(keys_of_protocol(), override.key) != keys_of_protocol().end())
      fail_usage("--set {}: {} states it; write another protocol", override.key, arguments.protocol);
  }
  const ProtocolFile& stated = arguments.stated.emplace(read_protocol_file(arguments.protocol));
  arguments.at = stated.at;
  arguments.split = stated.split;
  arguments.limit = stated.limit;
  arguments.steps = stated.steps;
  arguments.seed = stated.sampling_seed;
  arguments.samples = stated.samples;
}

LpipsChoice lpips_of(const EvaluateArguments& arguments, const EvaluationConfig& config, at::Device device) {
  const std::string wanted = arguments.stated ? arguments.stated->lpips : "any";
  if (wanted == "none") return {nullptr, "the protocol states none"};
  LpipsChoice chosen = choose_lpips(config.lpips, device);
  // A true view serves several subsets of its vehicle, all baselines and samples, and at photo the aligned scores.
  if (chosen.lpips) chosen.lpips = std::make_shared<const Lpips>(chosen.lpips->keeping_truths(kTruthFeatureBytes));
  if (wanted == "any") return chosen;
  if (!chosen.lpips) fail_usage("{}: states LPIPS of {}: {}", arguments.protocol, wanted, chosen.absent);
  if (chosen.lpips->net() != wanted)
    fail_usage("{}: states LPIPS of {}, but the weights are of {}", arguments.protocol, wanted, chosen.lpips->net());
  return chosen;
}

// Views are ranked by LPIPS where pictures have it, else by PSNR.
std::size_t ranking(const EvaluateArguments& arguments, const DataConfig& data, const Lpips* lpips) {
  const bool large =
      arguments.at == ScoredAt::photo || (lpips != nullptr && too_small_for(*lpips, data.width, data.height).empty());
  return lpips != nullptr && large ? kLpips : 0;
}

// With which all processes of one evaluation must meet; scores of the slowest are waited for, and a process that dies
// is noticed at once.
constexpr RankTimeouts kTimeouts{.join = 600, .wait = 7 * 24 * 3600};
// Seconds that the others get after a process of --nproc-per-node failed.
constexpr double kGrace = 5;

// Everything that scores depend on but the files of the data, which ScoredPieces compares.
std::string key_of(const EvaluateArguments& arguments, const Subject& subject, const Protocol& protocol,
                   const LpipsChoice& lpips, const ScoringNets& nets, at::Device device) {
  ContentKey key("evaluation 1");
  key.add(SPINFILL_VERSION).add(protocol_to_json(protocol).dump()).add(subject.description.dump());
  key.add(to_yaml(subject.config, false)).add(name_of(arguments.at)).add(arguments.samples).add(arguments.limit);
  key.add(lpips.lpips ? lpips.lpips->net() + lpips.lpips->sha256() : "").add(device.is_cpu() ? "cpu" : "gpu");
  key.add(nets.identity ? nets.identity->description().dump() : "").add(nets.dists ? nets.dists->sha256() : "");
  key.add(nets.st_lpips ? nets.st_lpips->sha256() : "");
  return key.add(arguments.grids).add(arguments.save_predictions ? "kept" : "").hex();
}

Protocol protocol_of(const EvaluateArguments& arguments, const Subject& subject, const EvaluationSet& set,
                     const LpipsChoice& lpips, at::Device device) {
  const RunConfig& config = subject.config;
  Protocol protocol = set.protocol(config.sampler, static_cast<std::uint64_t>(arguments.seed));
  protocol.lpips_absent = lpips.absent;
  if (arguments.stated) protocol.stated = to_json(*arguments.stated);
  if (!device.is_cpu()) protocol.sampler += fmt::format(", {} sets at once on a GPU", config.evaluation.batch_sets);
  if (subject.description["source"] == "baseline") {
    protocol.sampler = "none (baseline)";
    protocol.steps = 0;
  }
  return protocol;
}

void write_folder(const EvaluateArguments& arguments, const OutputFolder& out, const EvaluationReport& report,
                  std::size_t ranked_by, Scoring& scoring) {
  AtomicFolder folder(out);
  write_report(folder.path() / "metrics.json", report);
  const std::string table = report_table(report);
  write_file_atomic(folder.path() / "table.txt", table);
  const std::string chart = evidence_chart(report);
  if (!chart.empty()) write_file_atomic(folder.path() / "evidence.svg", chart);
  write_file_atomic(folder.path() / "report.html",
                    report_page(report, extreme_views(report, ranked_by, scoring.views())));
  if (arguments.mlflow)
    write_json_atomic(folder.path() / "mlflow.json", mlflow_batch(report, std::chrono::system_clock::now()));
  scoring.finish(folder);
  if (arguments.json) {
    print_json(read_json(fs::path(arguments.out) / "metrics.json"), 1);
  } else {
    print_lines(table + "\n");
    print_line("written to {}", arguments.out);
  }
}

void evaluate_as(Ranks& ranks, EvaluateArguments arguments, const OutputFolder& out, at::Device device) {
  const at::NoGradGuard no_grad;
  Subject subject = open_subject(arguments, device);
  RunConfig& config = subject.config;
  config.data.path = arguments.data;
  if (arguments.links == Links::follow) config.data.follow_links = true;
  if (!arguments.lpips_weights.empty()) config.evaluation.lpips.weights = arguments.lpips_weights;
  if (arguments.subsets > 0) config.evaluation.subsets = arguments.subsets;
  if (!arguments.given.empty()) config.evaluation.given = arguments.given;
  if (arguments.stated) arguments.stated->apply(config.data, config.evaluation);
  if (arguments.at == ScoredAt::photo) config.evaluation.normals = config.evaluation.reference_normals = false;
  const LpipsChoice lpips = lpips_of(arguments, config.evaluation, device);
  if (!lpips.lpips) log_info("{}", lpips.absent);
  const ScoringNets nets = choose_nets(config.evaluation, device);
  const EvaluationSet set(config.data, config.evaluation, arguments.split, arguments.limit);
  const Protocol protocol = protocol_of(arguments, subject, set, lpips, device);
  ScoringJob job;
  job.at = arguments.at;
  job.protocol = protocol;
  job.samples = subject.samples;
  job.photo_samples = subject.photo_samples;
  job.lpips = lpips.lpips.get();
  job.at_once = device.is_cpu() ? processors() : 1;
  job.grids = arguments.grids;
  job.nets = nets;
  job.oracle = subject.oracle;
  job.ranked_by = ranking(arguments, config.data, lpips.lpips.get());
  job.save_predictions = arguments.save_predictions;
  job.key = key_of(arguments, subject, protocol, lpips, nets, device);
  Scoring scoring(job, set, out, ranks);
  EvaluationReport report = scoring.run();
  if (!ranks.first()) return;
  report.model = subject.description;
  report.keeps_predictions = arguments.save_predictions;
  score_sets(report);
  write_folder(arguments, out, report, job.ranked_by, scoring);
}

int run(EvaluateArguments arguments) {
  if (!is_given_list(arguments.given))
    fail_usage("--given takes up to seven different primary azimuths: 0, 45, ... 315");
  for (const std::string& path : {arguments.data, arguments.model})
    if (!is_utf8(path)) fail_usage("{}: the name is not UTF-8, so the report cannot state it", escaped(path));
  take_protocol(arguments);
  const OutputFolder out{
      arguments.out,
      "evaluate",
      arguments.replace,
      {is_baseline(arguments.model) ? "" : arguments.model, arguments.data, arguments.config, arguments.lpips_weights}};
  check_output_folder(out);
  if (arguments.processes > 0) return spawn_ranks(arguments.processes, own_arguments("--nproc-per-node"), kGrace);
  const RankPlace place = rank_place(process_environment());
  const at::Device device = choose_device(arguments.device, place.local_rank);
  const std::string what = "evaluate " + fs::absolute(arguments.out).lexically_normal().string();
  as_one_rank(place, device, kTimeouts, what, [&](Ranks& ranks) { evaluate_as(ranks, arguments, out, device); });
  return 0;
}

}  // namespace

Command evaluate_command() {
  return {
      "evaluate", "Score a run, a bundle or a baseline on held-out vehicles, beside the baselines",
      [](CLI::App& app) -> std::function<int()> {
        auto a = std::make_shared<EvaluateArguments>();
        app.add_option("--model", a->model,
                       "Run, bundle, or baseline:nearest, baseline:mirror, baseline:prior, baseline:mirror-or-prior")
            ->required();
        app.add_option("--data", a->data, "Data set's folder")->required();
        add_follow_links(app, a->links);
        auto* protocol = app.add_option("--protocol", a->protocol,
                                        "A protocol file (configs/protocol/*.yaml) that states views, subsets, split, "
                                        "background, cameras, size and seeds, in place of the options for them");
        add_choice(app, "--at", a->at,
                   "model: pictures of the model's size, whole; photo: each photograph's own size and azimuth, on the "
                   "vehicle's box, with the cameras that complete would have")
            ->excludes(protocol);
        app.add_option("--split", a->split, "Split of splits.json")->capture_default_str()->excludes(protocol);
        app.add_option("--out", a->out,
                       "Folder of the report: metrics.json, table.txt, report.html, grid-*.png, at photo evidence.svg")
            ->required();
        app.add_option("--steps", a->steps, "Sampling steps; the model's own unless given")
            ->check(CLI::Range(1, 10000))
            ->excludes(protocol);
        app.add_option("--sampler", a->solver, "Solver; the model's own unless given")
            ->check(CLI::IsMember(names_of<Solver>()));
        app.add_option("--seed", a->seed, "Seed of the sampling noise, of the first of --samples")
            ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 52))
            ->capture_default_str()
            ->excludes(protocol);
        app.add_option("--samples", a->samples,
                       "Sample each target view so often, with seeds from --seed on: scores are means over the samples")
            ->check(CLI::Range(std::int64_t{1}, kMostSamples))
            ->capture_default_str()
            ->excludes(protocol);
        app.add_option("--limit", a->limit, "Score so many vehicles, evenly spread; 0: all")
            ->capture_default_str()
            ->excludes(protocol);
        auto* subsets = app.add_option("--subsets", a->subsets, "Subsets per vehicle and count of missing views")
                            ->excludes(protocol);
        app.add_option("--given", a->given,
                       "Azimuths of the views given in every sample, all others asked for, e.g. 45,135,225,315")
            ->delimiter(',')
            ->excludes(protocol)
            ->excludes(subsets);
        app.add_option("--grids", a->grids, "Picture grids to draw")->capture_default_str();
        app.add_flag("--save-predictions", a->save_predictions,
                     "Keep every predicted picture and its truth as predictions/VEHICLE/*.png; compare --html shows "
                     "them");
        app.add_flag("--mlflow", a->mlflow,
                     "Also write mlflow.json: the scores as MLflow's runs/log-batch takes them (docs/nightly.md)");
        add_run_choice(app, a->choice);
        app.add_option("--lpips-weights", a->lpips_weights,
                       "safetensors or ONNX file of the LPIPS net; else $SPINFILL_LPIPS_WEIGHTS; else LPIPS is absent");
        app.add_option("--config", a->config, "For baselines: the configuration that gives size and data options");
        add_overrides(app, a->set, "data.background=[0,0,0]");
        add_precision(app, a->precision);
        add_device(app, a->device);
        add_replace(app, a->replace);
        app.add_option("--nproc-per-node", a->processes,
                       "Start so many processes on this machine, one per GPU, that share the work: the same scores to "
                       "the last digit")
            ->check(CLI::Range(1, 1024));
        app.add_flag("--json", a->json, "Print metrics.json instead of the table");
        app.footer(
            "After a signal (exit code 75) or a crash the same command goes on where it was and gives the same "
            "report:\n"
            "what is scored lies in .NAME.unfinished beside --out until then. Under torchrun --no-python, srun, mpirun "
            "or\n"
            "a Kubernetes operator the processes find each other by the environment: docs/cluster.md.");
        return [a] { return run(*a); };
      }};
}

}  // namespace spinfill
