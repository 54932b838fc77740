// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/print.h"
#include "infer/studio/studio.h"

namespace spinfill {
namespace {

struct Options {
  std::string spin, out, size;
  StudioOptions studio;
  bool json = false;
};

// "1600x1200"
void read_size(const std::string& text, StudioOptions& studio) {
  const std::size_t x = text.find('x');
  const auto number = [](const std::string& part) -> std::optional<int> {
    if (part.empty() || part.size() > 6 || part.find_first_not_of("0123456789") != part.npos) return std::nullopt;
    return std::stoi(part);
  };
  const auto width = number(text.substr(0, x)), height = x == text.npos ? std::nullopt : number(text.substr(x + 1));
  if (!width || !height || *width == 0 || *height == 0)
    fail_usage("--size {}: give WIDTHxHEIGHT, e.g. 1600x1200", text);
  studio.width = *width;
  studio.height = *height;
}

int run(Options& options) {
  if (!options.size.empty()) read_size(options.size, options.studio);
  const StudioSpin spin = finish_in_studio(options.spin, options.out, options.studio);
  if (options.json) {
    print_json(to_json(spin), 2);
  } else {
    print_line("written to {}: {} views of {}x{} px, {} of them marked as machine-made, spin.html{}{}", options.out,
               spin.files.size(), spin.width, spin.height, spin.generated.size(), spin.films.empty() ? "" : ", ",
               fmt::join(spin.films, ", "));
  }
  return 0;
}

}  // namespace

Command studio_command() {
  return {"studio", "Put a completed spin before one background, with the vehicle's shadow, in one frame and size",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            StudioOptions& studio = options->studio;
            app.add_option("spin", options->spin, "Folder that spinfill complete wrote")->required();
            app.add_option("--out", options->out,
                           "Folder to write: all views, transforms.json, spin.html, embed.html, contact_sheet.png")
                ->required();
            app.add_option("--background", studio.background,
                           "studio (a light sweep), white, transparent, a colour such as #f0f0f0, or a picture's file")
                ->capture_default_str();
            add_choice(app, "--exposure", studio.exposure,
                       "common: exposure and white balance are made alike, from what two views show of the same place; "
                       "given: they stay as they are");
            add_choice(app, "--ground", studio.ground.kind,
                       "shadow: a matt floor; reflection: a polished one with the vehicle's mirror image and half of "
                       "the shadow; none. Both are made of all views' masks");
            app.add_option("--shadow", studio.ground.shadow, "How dark the ground under the vehicle gets, 0 to 1")
                ->capture_default_str();
            app.add_option("--reflection", studio.ground.reflection,
                           "With --ground reflection: what the floor throws back of light from straight above, 0 to 1")
                ->capture_default_str();
            app.add_option("--size", options->size, "WIDTHxHEIGHT of the pictures, px (default: the spin's)");
            app.add_option("--fill", studio.fill, "Share of the picture that the vehicle's largest view takes")
                ->capture_default_str();
            add_choice(app, "--format", studio.format, "Of the pictures");
            app.add_option("--quality", studio.quality, "Of WebP, JPEG and AVIF")
                ->check(CLI::Range(1, 100))
                ->capture_default_str();
            add_choices(app, "--film", studio.films.formats,
                        "Also one turn as a film, spin.mp4 (H.264) or spin.gif; both: --film mp4 --film gif");
            app.add_option("--film-seconds", studio.films.seconds, "Of one turn")->capture_default_str();
            app.add_option("--film-fps", studio.films.pictures_per_second, "Pictures per second of the MP4")
                ->capture_default_str();
            app.add_option("--film-width", studio.films.width,
                           "Of the films, px (default: the pictures', at most 1920 of MP4 and 640 of GIF)");
            add_replace(app, studio.replace);
            app.add_flag("--json", options->json, "Print a summary as JSON");
            return [options] { return run(*options); };
          }};
}

}  // namespace spinfill
