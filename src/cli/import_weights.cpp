// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/files/output_file.h"
#include "core/files/sha256.h"
#include "core/files/temporary_names.h"
#include "core/log.h"
#include "core/print.h"
#include "core/quantity.h"
#include "model/diffusers/import_report.h"
#include "model/diffusers/unet_import.h"
#include "run/run_config.h"
#include "version.h"  // made by cmake/version.cmake

namespace spinfill {
namespace {

constexpr const char* kMark = "spinfill import-weights";  // in the file's metadata

struct Options {
  std::string source, config, out, variant;
  std::vector<std::string> set;
  bool new_ends = false, print_config = false, keys = false, json = false;
};

// Names of files, never their paths: it travels with the weights.
Json provenance_of(const UNetSource& source, const RunConfig& config, const ImportedWeights& weights) {
  Json files = Json::array();
  for (const SourceFile& file : source.files) {
    log_info("hashing {} ({})", file.path.string(), bytes_text(static_cast<double>(file.bytes)));
    files.push_back(
        {{"name", file.path.filename().string()}, {"bytes", file.bytes}, {"sha256", sha256_file(file.path)}});
  }
  return {{"form", source.form},
          {"files", files},
          {"seed", config.seed},
          {"keys", import_counts(weights)},
          {"model", to_json(config.model)},
          {"made_by", std::string("spinfill ") + SPINFILL_VERSION}};
}

int run(const Options& options) {
  if (options.print_config) {
    print_lines(fitting_config(read_unet_source(options.source, options.variant)));
    return 0;
  }
  if (options.config.empty() || options.out.empty())
    fail_usage("import-weights needs --config and --out (or --print-config alone)");
  const auto config = load_config<RunConfig>(options.config, parse_overrides(options.set));
  const fs::path out = check_output_file("--out", options.out, kMark);
  const UNetSource source = read_unet_source(options.source, options.variant);
  const ImportedWeights weights =
      import_unet(source, config.model, static_cast<std::uint64_t>(config.seed), options.new_ends);
  Json report = provenance_of(source, config, weights);
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : weights.state) bytes += tensor.nbytes();
  require_free_space(parent_of(out), bytes, "the weights");
  log_info("writing {} ({})", out.string(), bytes_text(static_cast<double>(bytes)));
  const std::string hash =
      write_safetensors(out, weights.state, {{"format", "pt"}, {"made_by", kMark}, {"provenance", report.dump()}});

  if (options.json) {
    report["out"] = options.out;
    report["sha256"] = hash;
    report["tensors"] = import_keys(weights);
    print_json(report, 1);
    return 0;
  }
  print_lines(import_table(weights, options.keys));
  if (source.form == "single file")
    print_line("heads and norm groups are in no single file: those of the configuration are taken");
  print_line("{}: {} in float32; a training begins with it by --set train.init_from={}", options.out,
             bytes_text(static_cast<double>(bytes)), options.out);
  return 0;
}

}  // namespace

Command import_weights_command() {
  return {
      "import-weights", "Make initial weights from a Stable Diffusion UNet: diffusers folder or single file",
      [](CLI::App& app) -> std::function<int()> {
        auto options = std::make_shared<Options>();
        app.add_option("source", options->source,
                       "Folder of diffusers (the model's or its unet/), or a .safetensors file with the names of "
                       "CompVis and Stability")
            ->required();
        app.add_option("--config", options->config, "YAML file of the run that begins with them");
        add_overrides(app, options->set, "model.preset=sd15");
        app.add_option("--out", options->out, "File to write, for train.init_from (.safetensors, float32)");
        app.add_option("--variant", options->variant, "Which files of a folder, as in fp16; else those without one");
        app.add_flag("--new-ends", options->new_ends,
                     "Leave out conv_in and conv_out, for latents of another kind; they begin as in a new model");
        app.add_flag("--print-config", options->print_config, "Instead: print the section model that fits the source");
        app.add_flag("--keys", options->keys, "Print what became of every key, not only of those not loaded");
        app.add_flag("--json", options->json, "Print that and the provenance as JSON");
        return [options] { return run(*options); };
      }};
}

}  // namespace spinfill
