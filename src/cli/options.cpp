// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/print.h"
#include "core/text.h"
#include "data/walkaround/shooting_order.h"
#include "infer/load_run.h"
#include "run/run_config.h"

namespace spinfill {

CLI::Option* add_device(CLI::App& app, std::string& device, const std::string& help) {
  return app.add_option("--device", device, help)->capture_default_str();
}

void add_run_choice(CLI::App& app, RunChoice& choice) {
  app.add_option("--checkpoint", choice.step, "Of a run: best (by validation), latest or a step's number")
      ->capture_default_str();
  add_choice(app, "--weights", choice.weights, "Of a run: ema or raw");
}

SamplerConfig SamplerChoice::of(const SamplerConfig& own) const {
  std::vector<Override> changes;
  if (!solver.empty()) changes.push_back({"solver", solver});
  if (steps > 0) changes.push_back({"steps", std::to_string(steps)});
  for (const Override& change : parse_overrides(others)) changes.push_back(change);
  SamplerConfig sampler = own;
  if (!changes.empty())
    read_config_text(to_yaml(sampler, false), "sampler", changes, [&](Fields& f) { sampler.bind(f); });
  return sampler;
}

void add_sampler(CLI::App& app, SamplerChoice& choice) {
  app.add_option("--steps", choice.steps, "Sampling steps (default: the model's)")->check(CLI::Range(1, 10000));
  app.add_option("--solver", choice.solver,
                 fmt::format("{} (default: the model's)", fmt::join(names_of<Solver>(), ", ")));
  app.add_option("--sampler", choice.others, "Any other option of the sampler, KEY=VALUE, e.g. mode=sequential")
      ->take_all();
}

CLI::Option* add_precision(CLI::App& app, Precision& precision) {
  return add_choice(app, "--precision", precision,
                    "In which the network computes: fp32, or bf16, which takes half the memory and on GPUs less time");
}

void add_follow_links(CLI::App& app, Links& links) {
  app.add_flag_callback(
      "--follow-links", [&links] { links = Links::follow; },
      "Follow symbolic links that lead out of a set's folder: your own (DVC, git-annex, a hub's cache), not those in "
      "data of strangers");
}

PhotographOptions PhotographChoice::options() const {
  return {links, parse_azimuths(azimuths), skip_unread};
}

void add_photographs(CLI::App& app, PhotographChoice& choice) {
  app.add_option("--given-azimuths", choice.azimuths,
                 "Of pictures that are not named by them, in the order of their names: degrees such as 0,45,90, or "
                 "counter-clockwise or clockwise (evenly from the front on; counter-clockwise seen from above the "
                 "vehicle's left side follows)");
  app.add_flag("--skip-unread", choice.skip_unread,
               "Pass over pictures that are not named by an azimuth or of a format that is not read, instead of "
               "stopping");
  add_follow_links(app, choice.links);
}

CLI::Option* add_replace(CLI::App& app, bool& replace) {
  return app.add_flag("--replace", replace, "Replace what this command wrote to --out before, and nothing else");
}

CLI::Option* add_order(CLI::App& app, OrderUse& use) {
  return add_choice(
      app, "--order", use,
      "Whether the order of the photographs' names may tell azimuths, too: auto, where it is clearly that "
      "of a walk round the vehicle");
}

CLI::Option* add_segmenter(CLI::App& app, std::string& file) {
  return app.add_option("--segmenter", file,
                        "ONNX model that finds the vehicle, or the folder of one that data train-segmenter wrote "
                        "(default: SPINFILL_SEGMENTER, else the program's own), or grabcut: by "
                        "colours alone, without a model, and worse");
}

CLI::Option* add_azimuth_model(CLI::App& app, std::string& folder) {
  return app.add_option("--azimuth-model", folder,
                        "Folder of the model that tells azimuths (default: SPINFILL_AZIMUTH_MODEL, else the program's "
                        "own)");
}

CLI::Option* add_overrides(CLI::App& app, std::vector<std::string>& texts, const std::string& example) {
  return app.add_option("--set", texts, "Override one key: --set " + example)->take_all();
}

std::vector<Override> parse_overrides(const std::vector<std::string>& texts) {
  std::vector<Override> overrides;
  for (const std::string& text : texts) overrides.push_back(parse_override(text));
  return overrides;
}

void print_json(const Json& value, int indent) {
  print_lines(escaped_json(value.dump(indent, ' ', false, Json::error_handler_t::replace)) + "\n");
}

}  // namespace spinfill
