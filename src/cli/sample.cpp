// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/options.h"
#include "core/files/atomic_folder.h"
#include "core/print.h"
#include "core/progress.h"
#include "infer/load_model.h"
#include "infer/sample.h"
#include "model/device.h"

namespace spinfill {
namespace {

struct SampleArguments {
  std::string model, out, identity, identity_to, device = "auto";
  SamplerChoice sampler;
  RunChoice choice;
  Precision precision = Precision::fp32;
  SampleOptions options;
  bool json = false;
};

int run(const SampleArguments& arguments) {
  SampleOptions options = arguments.options;
  options.inputs = {arguments.model, arguments.identity, arguments.identity_to};
  check_output_folder({arguments.out, "sample", options.replace, options.inputs});
  LoadedModel model = load_model(arguments.model, arguments.choice, choose_device(arguments.device));
  if (!arguments.identity.empty()) options.identity = read_identity_of(model, arguments.identity);
  if (!arguments.identity_to.empty()) options.identity_to = read_identity_of(model, arguments.identity_to);
  compute_in(model, arguments.precision);
  options.sampler = arguments.sampler.of(model.config.sampler);
  std::optional<Progress> progress;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    if (!progress) progress.emplace("sample", total, "evaluations");
    progress->update(done);
  };
  const std::vector<std::string> ids = sample_vehicles(model, arguments.out, options);
  progress.reset();
  if (arguments.json) {
    print_json({{"out", arguments.out},
                {"ids", ids},
                {"seed", options.seed},
                {"sampler", to_json(options.sampler)},
                {"model", model.provenance}},
               2);
  } else {
    print_line("{} vehicles made up by {}; open {}", ids.size(), describe(model),
               (fs::path(arguments.out) / ids.front() / "spin.html").string());
  }
  return 0;
}

}  // namespace

Command sample_command() {
  return {"sample", "Make vehicles up without any photograph, with a model that was trained so",
          [](CLI::App& app) -> std::function<int()> {
            auto a = std::make_shared<SampleArguments>();
            app.add_option("--model", a->model, "Bundle or run")->required();
            app.add_option("--out", a->out, "Folder to write: a view set for each vehicle, with spin.html")->required();
            app.add_option("--count", a->options.count, "Vehicles")->check(CLI::Range(1, 1000))->capture_default_str();
            app.add_option("--category", a->options.category, "sedan, suv, … (default: unknown)");
            CLI::Option* identity = app.add_option("--identity", a->identity,
                                                   "safetensors file with the identity vector `identity`, as sets have "
                                                   "them; of a model with data.identity also a set's folder, whose "
                                                   "views it is computed from");
            app.add_option("--identity-to", a->identity_to,
                           "Another: the vehicles lie evenly on the way from one to the other, with the same noise")
                ->needs(identity);
            app.add_option("--seed", a->options.seed, "Seed of the noise")->capture_default_str();
            add_sampler(app, a->sampler);
            add_run_choice(app, a->choice);
            add_precision(app, a->precision);
            add_device(app, a->device);
            add_replace(app, a->options.replace);
            app.add_flag("--json", a->json, "Print a summary as JSON");
            return [a] { return run(*a); };
          }};
}

}  // namespace spinfill
