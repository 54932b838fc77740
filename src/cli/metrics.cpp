// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/log.h"
#include "core/print.h"
#include "metrics/config.h"
#include "metrics/picture_scores.h"

namespace spinfill {
namespace {

struct Options {
  std::string a, b, mask, background = "white", lpips_weights;
  std::vector<std::string> set;
  bool json = false;
};

int score(const Options& options) {
  EvaluationConfig config;
  read_config_text("", "defaults", parse_overrides(options.set),
                   [&](Fields& f) { f.group("evaluation", config, "How pictures are scored"); });
  if (!options.lpips_weights.empty()) config.lpips.weights = options.lpips_weights;
  const PictureScoreOptions how{parse_background(options.background), options.mask, choose_nets(config, at::kCPU)};
  const LpipsChoice lpips = choose_lpips(config.lpips, at::kCPU);
  const PictureScores scores = score_files(options.a, options.b, lpips.lpips.get(), lpips.absent, how);
  if (options.json) {
    print_json(picture_scores_to_json(scores, how, lpips.lpips.get()), 2);
  } else {
    print_lines(picture_scores_table(scores));
    print_line("both sides composited on {} and rounded to 8 bits; foreground weighted by {}", options.background,
               options.mask.empty() ? "B's alpha" : "the mask");
    if (lpips.lpips != nullptr) {
      print_line("LPIPS v0.1, net {}, weights {}", lpips.lpips->net(), lpips.lpips->sha256().substr(0, 12));
    }
    if (how.nets.identity) print_line("identity by {}", how.nets.identity->description()["file"].get<std::string>());
    if (scores.sets) print_line("{}", set_distances_text(*scores.sets));
    if (const auto& st = how.nets.st_lpips) print_line("{}, weights {}", st->title(), st->sha256().substr(0, 12));
    if (how.nets.dists) print_line("DISTS, weights {}", how.nets.dists->sha256().substr(0, 12));
    if (!scores.ssim_absent.empty()) print_line("SSIM absent: {}", scores.ssim_absent);
    if (!scores.lpips_absent.empty()) print_line("LPIPS absent: {}", scores.lpips_absent);
  }
  std::fflush(stdout);
  for (const std::string& name : scores.only_in_a) log_warning("{} is only in {}", name, options.a);
  for (const std::string& name : scores.only_in_b) log_warning("{} is only in {}", name, options.b);
  const bool complete = scores.only_in_a.empty() && scores.only_in_b.empty();
  return static_cast<int>(complete ? ExitCode::done : ExitCode::check_failed);
}

}  // namespace

Command metrics_command() {
  return {"metrics", "Score a picture against another, or a folder of pictures against another",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            app.add_option("A", options->a, "Picture or folder to score")->required();
            app.add_option("B", options->b, "The truth: a picture or a folder with the same file names")->required();
            app.add_option("--mask", options->mask,
                           "Foreground weights: a picture or folder; its alpha, or its grey level where it has none "
                           "(default: B's alpha)");
            app.add_option("--background", options->background,
                           "What both sides are composited on: white, black, grey or R,G,B (0 to 255)")
                ->capture_default_str();
            app.add_option("--lpips-weights", options->lpips_weights,
                           "LPIPS weights (safetensors or ONNX; default: SPINFILL_LPIPS_WEIGHTS)");
            add_overrides(app, options->set, "evaluation.identity.model=arcface.onnx");
            app.add_flag("--json", options->json, "Print JSON");
            app.footer(
                "With evaluation.identity.model the two folders are also compared as sets, by FID and KID of the "
                "embeddings. Exit code 1: some pictures have no partner in the other folder; they are named.");
            return [options] { return score(*options); };
          }};
}

}  // namespace spinfill
