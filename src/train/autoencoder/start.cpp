// SPDX-License-Identifier: Apache-2.0
#include "train/autoencoder/start.h"

#include "core/error.h"
#include "core/files/files.h"
#include "core/log.h"
#include "metrics/picture_size.h"
#include "model/autoencoder/autoencoder.h"
#include "run/run_folder.h"
#include "run/run_kind.h"
#include "run/run_paths.h"

namespace spinfill {
namespace {

// What may change when a run is resumed, as for other trainings (run/run_folder.cpp).
const std::vector<std::string> kMayChangeOfAutoencoder = {"/data/path",
                                                          "/data/follow_links",
                                                          "/data/cache_mib",
                                                          "/model/autoencoder_from",
                                                          "/train/steps",
                                                          "/train/result",
                                                          "/train/checkpoint_every",
                                                          "/train/keep_last",
                                                          "/train/keep_every",
                                                          "/train/validate_every",
                                                          "/train/validation_sets",
                                                          "/train/log_every",
                                                          "/train/max_skipped_steps",
                                                          "/train/max_failed_saves",
                                                          "/train/device",
                                                          "/train/threads",
                                                          "/evaluation/lpips/weights"};

}  // namespace

void check_autoencoder_folder(const fs::path& run, const AutoencoderRunConfig& config, bool resume) {
  if (!resume) return check_new_run_folder(run);
  require_run(run);
  require_kind(run, RunKind::autoencoder);
  const auto before = load_config<AutoencoderRunConfig>(run_config_path(run));
  require_same_settings(to_json(before), to_json(config), kMayChangeOfAutoencoder, run);
}

std::optional<Checkpoint> newest_autoencoder_checkpoint(const fs::path& run, std::int64_t steps) {
  std::optional<Checkpoint> checkpoint = newest_valid_checkpoint(run);
  if (!checkpoint && !list_checkpoints(run).empty())
    fail("{}: no checkpoint is whole; nothing to resume from", run.string());
  if (!checkpoint) log_warning("{}: no checkpoint was saved yet; starting at step 0", run.string());
  if (checkpoint && checkpoint->step > steps) {
    fail_usage("{}: train.steps is {}, but {} steps are made already; give no fewer", run.string(), steps,
               checkpoint->step);
  }
  return checkpoint;
}

std::optional<AutoencoderFile> beginning_weights(const AutoencoderRunConfig& config, bool has_checkpoint) {
  const AutoencoderModelConfig& model = config.model;
  if (model.autoencoder_from.empty()) {
    if (config.train.part == AutoencoderPart::decoder)
      fail_usage(
          "train.part is decoder, which goes on from given weights: name them, as by --set "
          "model.autoencoder_from=FOLDER, or train all");
    return std::nullopt;
  }
  if (has_checkpoint && !fs::exists(model.autoencoder_from)) {
    log_info("model.autoencoder_from: {} is gone; the checkpoint stands for it", model.autoencoder_from);
    return std::nullopt;
  }
  AutoencoderFile file = read_autoencoder(model.autoencoder_from);
  require_sizes(file, model.autoencoder, model.autoencoder_channels, model.autoencoder_factor);
  return file;
}

TrainedAutoencoder open_trained_autoencoder(const AutoencoderRunConfig& config,
                                            const std::optional<AutoencoderFile>& file, const fs::path& run,
                                            at::Device device) {
  if (file) return {*file, config.train.part, device};
  const bool random = config.model.autoencoder_from.empty();
  const fs::path kept = run_architecture_path(run);
  const AutoencoderArchitecture architecture =
      random ? config.model.architecture() : architecture_from_json(read_json(kept, 1 << 20), kept.string());
  return {architecture, static_cast<std::uint64_t>(config.seed), config.train.part, device};
}

PerceptualDistance autoencoder_perceptual(const AutoencoderRunConfig& config, at::Device device, RunInputs& inputs) {
  if (config.loss.lpips == 0) return {};
  const LpipsChoice choice = choose_lpips(config.evaluation.lpips, device);
  const std::string problem =
      choice.lpips ? too_small_for(*choice.lpips, config.data.crop, config.data.crop) : choice.absent;
  if (!problem.empty()) fail_usage("loss.lpips is {}: {}", config.loss.lpips, problem);
  inputs.lpips = choice.lpips->sha256();
  return [lpips = choice.lpips](const at::Tensor& pictures, const at::Tensor& truths) {
    return lpips->differentiable_distance(pictures, truths);
  };
}

}  // namespace spinfill
