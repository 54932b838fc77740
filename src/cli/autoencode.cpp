// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <memory>

#include "cli/command.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/log.h"
#include "core/print.h"
#include "core/progress.h"
#include "data/pictures/picture.h"
#include "data/sets/picture_names.h"
#include "data/walkaround/masked_photographs.h"
#include "infer/round_trip.h"
#include "metrics/config.h"
#include "metrics/picture_scores.h"
#include "model/device.h"

namespace spinfill {
namespace {

struct Options {
  std::string vae, input, out, background = "white", lpips_weights, device = "auto";
  std::int64_t tile = -1;
  bool json = false, replace = false;
};

// What is added up over all pictures.
struct Measured {
  PictureScores scores;
  double latent_mean = 0, latent_square = 0, seconds = 0;
  std::int64_t tiled = 0;
};

class RoundTrips {
 public:
  RoundTrips(const Options& options, const LatentAutoencoder& autoencoder, at::Device device, const Lpips* lpips,
             const std::string& lpips_absent)
      : autoencoder_(autoencoder), device_(device), lpips_(lpips), lpips_absent_(lpips_absent) {
    how_.background = scored_.background = parse_background(options.background);
    how_.tile = options.tile;
  }

  // Writes what comes back and scores it, as the file has it, against what was put in.
  void add(const fs::path& input, const fs::path& out) {
    const RoundTrip trip = round_trip(input, autoencoder_, device_, how_);
    write_png(out, trip.rgb);
    PictureScores one = score_files(out, input, lpips_, lpips_absent_, scored_);
    PictureScores& all = measured_.scores;
    for (PictureScore& picture : one.pictures) {
      picture.name = input.filename().string();
      all.pictures.push_back(std::move(picture));
    }
    if (!one.lpips_absent.empty()) all.lpips_absent = one.lpips_absent;
    if (!one.ssim_absent.empty()) all.ssim_absent = one.ssim_absent;
    measured_.latent_mean += trip.latent_mean;
    measured_.latent_square += trip.latent_square;
    measured_.seconds += trip.seconds;
    measured_.tiled += trip.tiled ? 1 : 0;
  }
  const Measured& measured() const { return measured_; }
  const PictureScoreOptions& scored() const { return scored_; }

 private:
  const LatentAutoencoder& autoencoder_;
  at::Device device_;
  const Lpips* lpips_;
  std::string lpips_absent_;
  RoundTripOptions how_;
  PictureScoreOptions scored_;
  Measured measured_;
};

void folder_through(const Options& options, RoundTrips& trips) {
  const OutputFolder out{options.out, "autoencode", options.replace, {options.input, options.vae}};
  check_output_folder(out);
  const FolderListing listing = list_pictures(options.input);
  const std::vector<std::string>& files = listing.pictures;
  if (files.empty()) fail("{}: holds no picture (.png, .jpg, .webp, .heic or .avif)", options.input);
  for (const auto* left_out : {&listing.other_formats, &listing.other_endings})
    if (!left_out->empty())
      log_warning("{}: left out, for their format or ending: {}", options.input, first_names(*left_out));
  AtomicFolder folder(out);
  const std::vector<std::string> names = png_names(files);
  Progress progress("autoencode", std::ssize(files), "pictures");
  for (std::size_t i = 0; i < files.size(); ++i) {
    trips.add(fs::path(options.input) / files[i], folder.path() / names[i]);
    progress.update(static_cast<std::int64_t>(i) + 1);
  }
  progress.finish();
  folder.commit();
}

void picture_through(const Options& options, RoundTrips& trips) {
  if (fs::exists(fs::symlink_status(options.out)))
    fail_usage("--out {}: is there already; name a file that is not", options.out);
  if (fs::path(options.out).extension() != ".png")
    fail_usage("--out {}: a PNG is written: end the name in .png", options.out);
  trips.add(options.input, options.out);
}

void print(const Options& options, const LatentAutoencoder& autoencoder, const RoundTrips& trips, const Lpips* lpips) {
  const Measured& m = trips.measured();
  const AutoencoderFile& file = *autoencoder.file();
  const auto count = static_cast<double>(m.scores.pictures.size());
  const double mean = m.latent_mean / count, deviation = std::sqrt(m.latent_square / count - mean * mean);
  const std::int64_t factor = autoencoder.factor(), channels = autoencoder.channels();
  if (options.json) {
    Json value = picture_scores_to_json(m.scores, trips.scored(), lpips);
    for (const char* key : {"only_in_a", "only_in_b", "sets"}) value.erase(key);
    value["autoencoder"] = {{"kind", name_of(file.architecture.kind)},
                            {"factor", factor},
                            {"latent_channels", channels},
                            {"scaling_factor", file.architecture.scaling_factor},
                            {"shift_factor", file.architecture.shift_factor},
                            {"parameters", autoencoder.parameter_count()},
                            {"sha256", file.content_hash()}};
    value["latents"] = {{"mean", mean}, {"standard_deviation", deviation}};
    value["seconds_per_picture"] = m.seconds / count;
    value["tiled_pictures"] = m.tiled;
    return print_json(value, 2);
  }
  print_lines(picture_scores_table(m.scores));
  print_line(
      "autoencoder {}: {} channels at 1/{} of width and height, {:.2f} M parameters; latents' mean {:.3f}, "
      "standard deviation {:.3f}",
      name_of(file.architecture.kind), channels, factor, static_cast<double>(autoencoder.parameter_count()) / 1e6, mean,
      deviation);
  print_line("{:.2f} s a picture{}; composited on {}, rounded to 8 bits; foreground weighted by the picture's alpha",
             m.seconds / count, m.tiled > 0 ? fmt::format(", {} in tiles", m.tiled) : "", options.background);
  if (!m.scores.lpips_absent.empty()) print_line("LPIPS absent: {}", m.scores.lpips_absent);
  if (!m.scores.ssim_absent.empty()) print_line("SSIM absent: {}", m.scores.ssim_absent);
}

int autoencode(const Options& options) {
  if (!fs::exists(options.input)) fail_usage("--input {}: there is no such file or folder", options.input);
  const at::Device device = choose_device(options.device);
  const LatentAutoencoder autoencoder(read_autoencoder(options.vae), device);
  EvaluationConfig config;
  config.lpips.weights = options.lpips_weights;
  const LpipsChoice lpips = choose_lpips(config.lpips, at::kCPU);
  RoundTrips trips(options, autoencoder, device, lpips.lpips.get(), lpips.absent);
  if (fs::is_directory(options.input)) {
    folder_through(options, trips);
  } else {
    picture_through(options, trips);
  }
  print(options, autoencoder, trips, lpips.lpips.get());
  return 0;
}

}  // namespace

Command autoencode_command() {
  return {
      "autoencode", "Pictures through an autoencoder and back: what it alone loses",
      [](CLI::App& app) -> std::function<int()> {
        auto options = std::make_shared<Options>();
        app.add_option("--vae", options->vae,
                       "The autoencoder: a folder as diffusers writes AutoencoderKL or AutoencoderTiny (or a "
                       "pipeline with vae/), a folder with TAESD's encoder and decoder, a Stable Diffusion "
                       "checkpoint, or autoencoder.safetensors of a run or bundle")
            ->required();
        app.add_option("--input", options->input, "A picture, or a folder of pictures")->required();
        app.add_option("--out", options->out, "A PNG, or for a folder a folder of PNGs, of the pictures' sizes")
            ->required();
        app.add_option("--background", options->background,
                       "What pictures with alpha are composited on, since autoencoders know no alpha: white, black, "
                       "grey or R,G,B (0 to 255); what comes back is opaque")
            ->capture_default_str();
        app.add_option("--tile", options->tile,
                       "Side of the tiles in which pictures are computed, px: the same result in less memory; 0: "
                       "whole (default: tiles of 512 px for pictures of more than 1024 x 1024 pixels)")
            ->check(CLI::Range(0, 1 << 20));
        app.add_option("--lpips-weights", options->lpips_weights,
                       "LPIPS weights (safetensors or ONNX; default: SPINFILL_LPIPS_WEIGHTS)");
        add_device(app, options->device);
        add_replace(app, options->replace);
        app.add_flag("--json", options->json, "Print JSON");
        app.footer(
            "Sides that are no multiples of the autoencoder's factor are padded and cropped again. Standard deviation "
            "of the latents: what model.sigma_data should be.");
        return [options] { return autoencode(*options); };
      }};
}

}  // namespace spinfill
