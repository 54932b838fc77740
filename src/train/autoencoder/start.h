// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "model/autoencoder/trained_autoencoder.h"
#include "model/perceptual_distance.h"
#include "run/run_inputs.h"
#include "train/autoencoder/config.h"
#include "train/checkpoints/checkpoint.h"

namespace spinfill {

// What a training of an autoencoder starts from. Errors (exit 2 or 3) name the folder, the file or the setting.

// A new run's folder is new; a resumed one holds such a run, with the settings that may not change.
void check_autoencoder_folder(const std::filesystem::path& run, const AutoencoderRunConfig& config, bool resume);

// To resume from; none where none was saved yet, which is told.
std::optional<Checkpoint> newest_autoencoder_checkpoint(const std::filesystem::path& run, std::int64_t steps);

// The weights that a run begins with; none where they are random, or gone and a checkpoint stands for them.
std::optional<AutoencoderFile> beginning_weights(const AutoencoderRunConfig& config, bool has_checkpoint);

// The autoencoder with these weights, or random ones; where weights are gone, of the architecture that the run kept.
TrainedAutoencoder open_trained_autoencoder(const AutoencoderRunConfig& config,
                                            const std::optional<AutoencoderFile>& file,
                                            const std::filesystem::path& run, at::Device device);

// LPIPS of the loss, none where its weight is 0; notes its file among the run's inputs.
PerceptualDistance autoencoder_perceptual(const AutoencoderRunConfig& config, at::Device device, RunInputs& inputs);

}  // namespace spinfill
