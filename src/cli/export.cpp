// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/print.h"
#include "infer/bundle.h"
#include "infer/bundle_export.h"
#include "infer/diffusers_export.h"
#include "infer/load_run.h"
#include "infer/score_card.h"
#include "model/device.h"
#include "version.h"  // made by cmake/version.cmake

namespace spinfill {

enum class ExportFormat { bundle, diffusers };
template <>
inline constexpr Named<ExportFormat> kNamesOf<ExportFormat>[] = {{ExportFormat::bundle, "bundle"},
                                                                 {ExportFormat::diffusers, "diffusers"}};

namespace {

struct Options {
  ExportFormat format = ExportFormat::bundle;
  std::string run, out, check, metrics, device = "cpu";
  RunChoice choice;
  ExportOptions write;
  bool json = false;
};

int check(const Options& options) {
  Json value = Json::object();
  for (const ParityReport& report : verify_bundle(options.check, choose_device(options.device))) {
    const std::string db =
        report.agreement.max_abs == 0 ? "equal" : fmt::format("{:.1f} dB", report.agreement.agreement_db);
    if (!options.json) {
      print_line("{}: {} (at least {} dB asked); as delivered: {}", report.name, db, report.tolerance_db,
                 report.delivered.max_abs == 0 ? "equal in 8 bits" : "within one of 255 levels");
    }
    value[report.name] = {{"max_abs", report.agreement.max_abs},
                          {"tolerance_db", report.tolerance_db},
                          {"delivered_max_abs", report.delivered.max_abs}};
    if (report.agreement.max_abs > 0) value[report.name]["agreement_db"] = report.agreement.agreement_db;
  }
  if (options.json) print_json(value, 2);
  return 0;
}

int export_for_diffusers(const LoadedModel& source, const Options& options, const ExportOptions& write) {
  const std::uint64_t bytes = export_diffusers(source, options.out, write);
  if (options.json) {
    print_json({{"out", options.out}, {"format", "diffusers"}, {"bytes", bytes}, {"training", source.provenance}}, 2);
    return 0;
  }
  print_line(
      "{}: {:.2f} MB in {}, read back and equal; UNet2DConditionModel.from_pretrained(\"{}\", subfolder=\"unet\")",
      options.out, static_cast<double>(bytes) / 1e6, name_of(write.dtype), options.out);
  return 0;
}

int run(const Options& options) {
  if (!options.check.empty()) {
    if (!options.run.empty() || !options.out.empty()) fail_usage("--check stands alone: it checks a finished bundle");
    if (options.format != ExportFormat::bundle) fail_usage("--check is for bundles");
    return check(options);
  }
  if (options.run.empty() || options.out.empty()) fail_usage("export needs --run and --out (or --check BUNDLE)");
  ExportOptions write = options.write;
  write.metrics = options.metrics;
  write.run = options.run;
  if (options.format != ExportFormat::bundle && !options.metrics.empty())
    fail_usage("--metrics goes into the manifest of a bundle, which --format {} does not write",
               name_of(options.format));
  check_output_folder(bundle_folder(options.out, write));
  const LoadedModel source = load_run(options.run, options.choice, choose_device(options.device));
  log_info("exporting {}", describe(source));
  write.version = SPINFILL_VERSION;
  if (options.format == ExportFormat::diffusers) return export_for_diffusers(source, options, write);
  const ExportResult result = export_bundle(source, options.out, write);
  if (options.json) {
    print_json(result.manifest, 2);
    return 0;
  }
  for (const Json& item : result.manifest["parity"]["cases"]) {
    const Json& from = item["from_source"];
    print_line("{}: pictures within {:.1f} dB of the source's; against the truth {:.3f} dB, source {:.3f} dB",
               item["name"].get<std::string>(), from["agreement_db"].get<double>(), from["psnr_bundle"].get<double>(),
               from["psnr_source"].get<double>());
  }
  for (const std::string& line : score_card(result.manifest)) print_line("{}", line);
  print_line("{}: {:.2f} MB in {}, reloaded and checked", options.out, static_cast<double>(result.bytes) / 1e6,
             name_of(write.dtype));
  return 0;
}

}  // namespace

Command export_command() {
  return {"export", "Write a run's model as a bundle, checked by reloading it, or for Python diffusers",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            app.add_option("--run", options->run, "Folder of the run");
            app.add_option("--out", options->out, "Folder of the bundle to write");
            add_choice(app, "--format", options->format,
                       "bundle, or diffusers: a folder whose unet/ Python diffusers loads, the rest beside it");
            add_choice(app, "--dtype", options->write.dtype, "How weights are stored: fp32, bf16 or fp16");
            add_run_choice(app, options->choice);
            app.add_option("--metrics", options->metrics, "metrics.json of these weights, for the manifest");
            add_replace(app, options->write.replace);
            app.add_option("--check", options->check,
                           "Instead: sample a bundle's parity pictures on this machine and compare");
            add_device(app, options->device, "Where the pictures of the check are made: cpu, cuda or auto");
            app.add_flag("--json", options->json, "Print the manifest (or the check's result) as JSON");
            return [options] { return run(*options); };
          }};
}

}  // namespace spinfill
