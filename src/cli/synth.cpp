// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli/command.h"
#include "cli/options.h"
#include "core/error.h"
#include "data/sets/categories.h"
#include "synth/synth.h"

namespace spinfill {
namespace {

using synth::Range;
using synth::SynthOptions;

void set_range(Range& range, const std::vector<double>& values) {
  range = {values[0], values[1]};
}

std::function<int()> add(CLI::App& app) {
  auto options = std::make_shared<SynthOptions>();
  auto by_hand = std::make_shared<bool>(false);
  app.add_option("--out", options->out, "Folder to make")->required();
  app.add_option("--sets", options->sets, "Vehicles; with --meshes default one each");
  app.add_option("--categories", options->categories, fmt::format("Of {} (default all)", fmt::join(kCategories, ",")))
      ->delimiter(',');
  app.add_option("--size", options->width, "Width of the pictures, px")->capture_default_str();
  app.add_option("--height", options->height, "Height, px (default two thirds of the width, a multiple of 8)");
  app.add_option("--seed", options->seed, "Set i depends on the seed and on i alone")->capture_default_str();
  app.add_option("--threads", options->threads, "0: one per processor; the pictures are the same for any number")
      ->capture_default_str();
  app.add_option_function<std::vector<double>>(
         "--splits",
         [options](const std::vector<double>& v) {
           options->splits = {v[0], v[1], v[2]};
         },
         "Shares of train, val and test, each of at least one vehicle (default 0.8,0.1,0.1)")
      ->delimiter(',')
      ->expected(3);
  app.add_option("--views", options->views, "Views around the vehicle, from azimuth 0")->capture_default_str();
  const auto jitter = [&](const char* name, double SynthOptions::*member, const char* help) {
    app.add_option(name, (*options).*member, help)->capture_default_str();
  };
  jitter("--azimuth-jitter", &SynthOptions::azimuth_jitter, "Largest deviation of a view's azimuth, degrees");
  jitter("--elevation-jitter", &SynthOptions::elevation_jitter, "Largest deviation of a view's elevation, degrees");
  jitter("--scale-jitter", &SynthOptions::scale_jitter, "Largest deviation of a view's scale, e.g. 0.1 for 10 %");
  jitter("--shift-jitter", &SynthOptions::shift_jitter, "Largest shift of a view, share of the width, e.g. 0.05");
  jitter("--roll-jitter", &SynthOptions::roll_jitter, "Largest roll of a view, degrees");
  const auto range = [&](const char* name, Range SynthOptions::*member, const char* help) {
    app.add_option_function<std::vector<double>>(
           name, [options, member](const std::vector<double>& v) { set_range((*options).*member, v); }, help)
        ->delimiter(',')
        ->expected(2);
  };
  range("--elevation", &SynthOptions::elevation, "Camera elevation low,high in degrees (default 3,14)");
  range("--focal", &SynthOptions::focal, "Focal length low,high as a share of the width (default 1.8,3.5)");
  range("--fill", &SynthOptions::fill, "Width of the vehicle in its widest view low,high (default 0.85,0.92)");
  app.add_flag(
      "--hand-held", *by_hand,
      "Views as people take them: azimuths up to 15 degrees off, elevations 0 to 20, focal 1.1,2.8, scale 0.08, "
      "shift 0.04, roll 1.5; what is given beside it stays");
  app.add_option("--samples", options->render.samples, "Rays of each pixel")->capture_default_str();
  app.add_option("--edge-samples", options->render.edge_samples, "Rays of pixels on outlines and fine detail")
      ->capture_default_str();
  add_choice(
      app, "--look", options->look,
      "plain, or photo: drawn vehicles with rounder ends, deeper wheels and lamps, lettering; a camera's contrast");
  app.add_option("--environments", options->environments,
                 "Light from the equirectangular .hdr pictures of this folder, one drawn per set, not from the studio");
  app.add_flag("--masks", options->masks, "Write the alpha as pictures of their own, too");
  app.add_flag("!--no-geometry", options->render.geometry, "No depth and normal pictures");
  add_replace(app, options->replace);
  app.add_option("--meshes", options->meshes, "Render the OBJ, glTF and DAE models of this folder instead");
  app.add_option("--variants", options->variants,
                 "So many sets of each of these models: repainted, re-lit, 4 % wider or narrower; instead of --sets");
  app.add_option("--licence", options->licence, "Licence of these models, stored with each set")->capture_default_str();
  app.add_option("--up", options->up, "Up axis of the models: auto, x, -x, y, -y, z, -z")->capture_default_str();
  app.add_option("--front", options->front, "Axis that the models' front looks along: auto, x, -x, y, -y, z, -z")
      ->capture_default_str();
  app.add_flag("--skip-bad", options->skip_bad, "Go on without models that cannot be used; the result names them");
  return [options, by_hand, &app] {
    if (*by_hand) make_hand_held(*options, [&](const std::string& name) { return app.count(name) > 0; });
    const std::string left_out = make_sets(*options);
    if (!left_out.empty()) fmt::print("{}\n", left_out);
    return 0;
  };
}

}  // namespace

Command synth_command() {
  return {"synth", "Render synthetic vehicles, or your own 3D models, as view sets", add};
}

}  // namespace spinfill
