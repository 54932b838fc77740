// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/config/named.h"
#include "core/files/json.h"
#include "data/sets/picture_folder.h"
#include "model/sampling/sampler.h"

namespace spinfill {

struct RunChoice;  // infer/load_run.h

// Options that several commands have.

// One of an enum's names (core/config/named.h); the present `value` is the default.
template <class Enum>
CLI::Option* add_choice(CLI::App& app, const std::string& name, Enum& value, const std::string& help) {
  return app
      .add_option_function<std::string>(
          name, [&value](const std::string& text) { value = *value_named<Enum>(text); }, help)
      ->check(CLI::IsMember(names_of<Enum>()))
      ->default_str(name_of(value));
}

// Several of an enum's names.
template <class Enum>
CLI::Option* add_choices(CLI::App& app, const std::string& name, std::vector<Enum>& values, const std::string& help) {
  return app
      .add_option_function<std::vector<std::string>>(
          name,
          [&values](const std::vector<std::string>& texts) {
            values.clear();
            for (const std::string& text : texts) values.push_back(*value_named<Enum>(text));
          },
          help)
      ->check(CLI::IsMember(names_of<Enum>()));
}

// --device, for choose_device (model/device.h).
CLI::Option* add_device(CLI::App& app, std::string& device, const std::string& help = "auto, cpu or cuda");

// --checkpoint and --weights.
void add_run_choice(CLI::App& app, RunChoice& choice);

// --steps, --solver and --sampler: what changes of a model's own sampler.
struct SamplerChoice {
  std::int64_t steps = 0;                            // 0: the model's
  std::string solver;                                // empty: the model's
  std::vector<std::string> others;                   // key=value
  SamplerConfig of(const SamplerConfig& own) const;  // exit 2: by the same ranges as a configuration's
};
void add_sampler(CLI::App& app, SamplerChoice& choice);

// --precision, for compute_in (infer/loaded_model.h).
enum class Precision;
CLI::Option* add_precision(CLI::App& app, Precision& precision);

// --follow-links.
void add_follow_links(CLI::App& app, Links& links);

// How a folder of photographs is read: --given-azimuths, --skip-unread, --follow-links.
struct PhotographChoice {
  std::string azimuths;
  bool skip_unread = false;
  Links links = Links::stay_inside;
  PhotographOptions options() const;  // exit 2: azimuths that cannot be read
};
void add_photographs(CLI::App& app, PhotographChoice& choice);

// --replace, of commands that write a folder (core/files/output_folder.h).
CLI::Option* add_replace(CLI::App& app, bool& replace);

// --order, how names of photographs are used (data/walkaround/shooting_order.h).
enum class OrderUse;
CLI::Option* add_order(CLI::App& app, OrderUse& use);

// --segmenter, for segmenter_file (data/walkaround/segmenter.h), and --azimuth-model, for azimuth_model_folder
// (model/azimuth/azimuth_model.h).
CLI::Option* add_segmenter(CLI::App& app, std::string& file);
CLI::Option* add_azimuth_model(CLI::App& app, std::string& folder);

// --set key.path=value, as often as wanted. `example` is one for the help.
CLI::Option* add_overrides(CLI::App& app, std::vector<std::string>& texts, const std::string& example);
std::vector<Override> parse_overrides(const std::vector<std::string>& texts);  // exit 2 on a missing '='

// What --json prints: one value on stdout. File names that are not UTF-8 are printed as far as they are.
void print_json(const Json& value, int indent);

}  // namespace spinfill
